//! Header values that are lists: tokens, and extensions with parameters (RFC 6455 §9.1, RFC 9110 §5.6).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

/// A header value that is not the list it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// One extension of a `Sec-WebSocket-Extensions` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    /// Each name, and its value if it has one, unquoted.
    pub(super) parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl Extension<'_> {
    /// The parameters as borrowed strings.
    #[cfg(feature = "deflate")]
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_deref()))
    }
}

/// Whether the list in all headers of this name has the token, letter case aside.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The tokens of all headers of this name, in order; none where there is no such header.
///
/// Empty elements are passed over (RFC 9110 §5.6.1.2), but each header has to have one that is not empty.
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Vec<&'a str>, Malformed> {
    elements(headers, name, Scanner::token)
}

/// The extensions of all headers of this name, in order, as [`tokens`].
pub(super) fn extensions<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Vec<Extension<'a>>, Malformed> {
    elements(headers, name, Scanner::extension)
}

fn elements<'a, T>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    element: impl Fn(&mut Scanner<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut elements = Vec::new();
    for value in headers.get_all(name) {
        let mut scanner = Scanner { rest: value.as_bytes() };
        let before = elements.len();
        while scanner.next_element() {
            elements.push(element(&mut scanner)?);
            scanner.end_element()?;
        }
        if elements.len() == before {
            return Err(Malformed);
        }
    }
    Ok(elements)
}

/// Whether this is a token: one or more characters without controls, spaces and separators (RFC 9110 §5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether this byte may stand in a token.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Walks over a header value once, front to back.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Goes on to the next element that is not empty; whether there is one.
    fn next_element(&mut self) -> bool {
        while self.eat(b',') {}
        !self.rest.is_empty()
    }

    /// Ends an element: nothing, or a comma, may follow.
    fn end_element(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        if self.rest.is_empty() || self.eat(b',') { Ok(()) } else { Err(Malformed) }
    }

    /// Takes this byte, with the space around it, if it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        let Some((first, rest)) = self.rest.split_first() else { return false };
        if *first != byte {
            return false;
        }
        self.rest = rest;
        self.skip_space();
        true
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let length = self.rest.iter().take_while(|byte| is_token_byte(**byte)).count();
        let (token, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        std::str::from_utf8(token).ok().filter(|token| !token.is_empty()).ok_or(Malformed)
    }

    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.eat(b';') {
            let name = self.token()?;
            let value = if self.eat(b'=') { Some(self.token_or_quoted()?) } else { None };
            parameters.push((name, value));
        }
        Ok(Extension { name, parameters })
    }

    /// A token, plain or quoted; what is quoted has to be a token too once it is unescaped (RFC 6455 §9.1).
    fn token_or_quoted(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let [b'"', rest @ ..] = self.rest else { return self.token().map(Cow::Borrowed) };
        let mut rest = rest;
        let mut unquoted = String::new();
        loop {
            let (byte, after) = match rest {
                [b'"', after @ ..] => {
                    self.rest = after;
                    return if unquoted.is_empty() { Err(Malformed) } else { Ok(unquoted.into()) };
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] => (*byte, after),
                [] => return Err(Malformed),
            };
            if !is_token_byte(byte) {
                return Err(Malformed);
            }
            unquoted.push(char::from(byte));
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

    use super::*;

    /// EX01, EX03: values are unquoted, and the order is kept.
    #[test]
    fn parameters_keep_their_order_and_lose_their_quotes() {
        let headers = HeaderMap::from_iter([(
            SEC_WEBSOCKET_EXTENSIONS,
            HeaderValue::from_static("a; x=1; y=\"2\\3\"; x , b"),
        )]);
        let expected = [
            Extension {
                name: "a",
                parameters: vec![("x", Some("1".into())), ("y", Some("23".into())), ("x", None)],
            },
            Extension { name: "b", parameters: Vec::new() },
        ];
        assert_eq!(extensions(&headers, &SEC_WEBSOCKET_EXTENSIONS).unwrap(), expected);
    }

    /// RFC 9110 §5.6.2.
    #[test]
    fn tokens_are_made_of_these_bytes_and_no_others() {
        let tokens: Vec<u8> = (0..=u8::MAX).filter(|byte| is_token_byte(*byte)).collect();
        let expected =
            b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(tokens, expected);
    }
}
