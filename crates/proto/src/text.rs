//! Text that is known to be UTF-8, held in shared bytes.

use std::{fmt, ops::Deref, str};

use bytes::Bytes;

/// A cheaply cloneable string: [`Bytes`] that are known to be valid UTF-8 (RFC 6455 §8.1).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// Text that lives as long as the program.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Wraps bytes that the caller has already validated.
    ///
    /// Every other constructor of this type comes through here or starts from a `str`.
    pub(crate) fn from_validated(bytes: Bytes) -> Self {
        debug_assert!(str::from_utf8(&bytes).is_ok(), "only validated bytes become text");
        Self(bytes)
    }

    /// The text.
    #[must_use]
    #[expect(unsafe_code, reason = "validated once, read many times")]
    pub fn as_str(&self) -> &str {
        // SAFETY: the field is private and `Bytes` never changes what it holds; every constructor starts from a `str`
        // or from bytes that a UTF-8 validator has accepted in full.
        unsafe { str::from_utf8_unchecked(&self.0) }
    }

    /// The same text as bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The same text as borrowed shared bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Copies the text.
impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = InvalidUtf8;

    fn try_from(bytes: Bytes) -> Result<Self, InvalidUtf8> {
        simdutf8::basic::from_utf8(&bytes).map_err(|_| InvalidUtf8)?;
        Ok(Self::from_validated(bytes))
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = InvalidUtf8;

    fn try_from(bytes: Vec<u8>) -> Result<Self, InvalidUtf8> {
        Bytes::from(bytes).try_into()
    }
}

/// Bytes that were to be text are not valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text is not valid UTF-8")]
#[non_exhaustive]
pub struct InvalidUtf8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_in_every_form() {
        let text = Utf8Bytes::from("žába".to_owned());
        assert_eq!((text.as_str(), text.as_bytes().as_ref()), ("žába", "žába".as_bytes()));
        assert_eq!((AsRef::<str>::as_ref(&text), text.chars().count()), ("žába", 4));
        assert_eq!(AsRef::<[u8]>::as_ref(&text), "žába".as_bytes());
        assert_eq!(format!("{text} {text:?}"), "žába \"žába\"");
        assert_eq!(Utf8Bytes::from_static("žába"), Utf8Bytes::from("žába"));
        assert_eq!(Bytes::from(text.clone()), text.into_bytes());
    }

    #[test]
    fn text_is_compared_with_strings() {
        let text = Utf8Bytes::from_static("a");
        assert!(text == "a" && text == *"a");
        assert!(text != "b" && text != *"b");
    }

    #[test]
    fn bytes_become_text_where_they_are_utf8() {
        assert_eq!(Utf8Bytes::try_from("é".as_bytes().to_vec()), Ok("é".into()));
        assert_eq!(Utf8Bytes::try_from(b"\xC3".to_vec()), Err(InvalidUtf8));
        assert_eq!(Utf8Bytes::try_from(Bytes::from_static(b"\xED\xA0\x80")), Err(InvalidUtf8));
    }
}
