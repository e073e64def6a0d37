//! Patterns of paths, and what they capture.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;

/// A pattern of paths: `/room/{name}`, or a regular expression.
///
/// Patterns are matched against the path as it came, without the query; what they capture is percent-decoded. The most specific
/// `{name}` pattern is taken first, then the regular expressions in the order of their adding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Names(String),
    Regex(String),
}

impl Pattern {
    /// A regular expression in the syntax of the crate `regex`, which has to match the whole path. Its groups are the arguments.
    pub fn regex(expression: impl Into<String>) -> Self {
        Self(Kind::Regex(expression.into()))
    }
}

/// A path where `{name}` stands for one segment, and `{*name}` at the end for everything.
impl From<&str> for Pattern {
    fn from(pattern: &str) -> Self {
        Self(Kind::Names(pattern.to_owned()))
    }
}

impl From<String> for Pattern {
    fn from(pattern: String) -> Self {
        Self(Kind::Names(pattern))
    }
}

/// What a pattern captured of a path, percent-decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathArguments {
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Argument {
    name: Option<String>,
    /// `None` for a group that took no part in the match.
    value: Option<String>,
}

impl PathArguments {
    /// Adds what a group or a name captured; `None` where it is not UTF-8 once decoded.
    pub(crate) fn push(&mut self, name: Option<&str>, value: Option<&str>) -> Option<()> {
        let decode = |value| percent_decode_str(value).decode_utf8().ok().map(String::from);
        let value = match value {
            Some(value) => Some(decode(value)?),
            None => None,
        };
        self.arguments.push(Argument { name: name.map(str::to_owned), value });
        Some(())
    }

    /// The argument at a position, counted from 0, or of a name; `None` where there is none.
    #[must_use]
    pub fn get(&self, key: impl ArgumentKey) -> Option<&str> {
        let mut arguments = self.arguments.iter().enumerate();
        let is_it = |(index, argument): &(usize, &Argument)| {
            key.is_at(*index) || argument.name.as_deref().is_some_and(|name| key.is_name(name))
        };
        arguments.find(is_it)?.1.value.as_deref()
    }

    /// The argument as a value of another type, a number for example.
    ///
    /// # Errors
    /// [`ArgumentError`] where there is none, or it is no such value.
    pub fn parse<V: FromStr>(&self, key: impl ArgumentKey) -> Result<V, ArgumentError> {
        let name = key.to_string();
        let Some(value) = self.get(key) else { return Err(ArgumentError::Missing(name)) };
        value.parse().map_err(|_| ArgumentError::Invalid { name, value: value.to_owned() })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arguments.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }
}

/// Why there is no such argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The route has none of this name or at this position.
    #[error("the path has no argument {0}")]
    Missing(String),
    /// It is no value of the type that was asked for.
    #[error("the path argument {name} is not valid: {value:?}")]
    #[non_exhaustive]
    Invalid {
        /// Its name or position.
        name: String,
        /// What it is.
        value: String,
    },
}

/// What names a path argument: a position (`usize`) or a name (`&str`).
pub trait ArgumentKey: fmt::Display {
    /// Whether it is this position.
    #[must_use]
    fn is_at(&self, index: usize) -> bool;

    /// Whether it is this name.
    #[must_use]
    fn is_name(&self, name: &str) -> bool;
}

impl ArgumentKey for usize {
    fn is_at(&self, index: usize) -> bool {
        *self == index
    }

    fn is_name(&self, _: &str) -> bool {
        false
    }
}

impl ArgumentKey for &str {
    fn is_at(&self, _: usize) -> bool {
        false
    }

    fn is_name(&self, name: &str) -> bool {
        *self == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `/{room}/{seat}` at `/a%20b/7`, and a group without a name that took no part.
    fn arguments() -> PathArguments {
        let mut arguments = PathArguments::default();
        arguments.push(Some("room"), Some("a%20b")).unwrap();
        arguments.push(Some("seat"), Some("7")).unwrap();
        arguments.push(None, None).unwrap();
        arguments
    }

    #[test]
    fn an_argument_is_found_by_position_and_by_name() {
        let arguments = arguments();
        assert_eq!((arguments.get(0), arguments.get(1)), (Some("a b"), Some("7")));
        assert_eq!((arguments.get("room"), arguments.get("seat")), (Some("a b"), Some("7")));
        assert_eq!((arguments.get(2), arguments.get(3)), (None, None));
        assert_eq!((arguments.get("table"), arguments.get("0")), (None, None));
    }

    #[test]
    fn an_argument_that_is_no_such_value_is_named() {
        let arguments = arguments();
        assert_eq!(arguments.parse::<u8>("seat"), Ok(7));
        let failures = [
            (arguments.parse::<u8>("room"), r#"the path argument room is not valid: "a b""#),
            (arguments.parse(0), r#"the path argument 0 is not valid: "a b""#),
            (arguments.parse(2), "the path has no argument 2"),
            (arguments.parse("table"), "the path has no argument table"),
        ];
        for (failure, text) in failures {
            assert_eq!(failure.unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn every_capture_counts_also_one_that_took_no_part() {
        assert_eq!((arguments().len(), arguments().is_empty()), (3, false));
        let none = PathArguments::default();
        assert_eq!((none.len(), none.is_empty()), (0, true));
    }
}
