//! What applications exchange: messages, and pieces of messages.

use bytes::Bytes;

use crate::Utf8Bytes;

/// A whole message (RFC 6455 §5.6), or the payload of a [`Fragment`] of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 has two kinds of messages, and users match on them"
)]
pub enum Message {
    /// Text, always valid UTF-8.
    Text(Utf8Bytes),
    /// Arbitrary bytes.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Whether this is text or binary.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }

    /// Whether this is a text message.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Whether this is a binary message.
    #[must_use]
    pub const fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(_))
    }

    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The payload as bytes, whatever the kind.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload as bytes, whatever the kind, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The length of the payload in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// Copies the text.
impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// Copies the bytes.
impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

/// Whether a message is text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 has two kinds of messages, and users match on them"
)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Arbitrary bytes.
    Binary,
}

/// A piece of a message, in either direction.
///
/// Pieces do not follow the peer's frames: they are what has arrived. A piece of text is valid UTF-8 by itself;
/// a code point cut by the network waits for its rest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fragment {
    /// The bytes of this piece, and the kind of the whole message.
    pub payload: Message,
    /// Whether this piece ends its message.
    pub is_final: bool,
}

impl Fragment {
    /// A piece that more pieces follow.
    pub fn more(payload: impl Into<Message>) -> Self {
        Self { payload: payload.into(), is_final: false }
    }

    /// The piece that ends its message.
    pub fn last(payload: impl Into<Message>) -> Self {
        Self { payload: payload.into(), is_final: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_its_kind_and_its_payload() {
        let (text, binary) = (Message::text("é"), Message::binary(vec![1, 2, 3]));
        assert_eq!((text.kind(), binary.kind()), (MessageKind::Text, MessageKind::Binary));
        assert!(text.is_text() && !text.is_binary() && !binary.is_text() && binary.is_binary());
        assert_eq!((text.as_text(), binary.as_text()), (Some("é"), None));
        assert_eq!((text.len(), binary.len()), (2, 3));
        assert!(!text.is_empty() && Message::text("").is_empty());
        assert_eq!(
            (&text.as_bytes()[..], &binary.as_bytes()[..]),
            ("é".as_bytes(), &[1, 2, 3][..])
        );
        assert_eq!((text.into_bytes(), binary.into_bytes()), ("é".into(), vec![1, 2, 3].into()));
    }

    #[test]
    fn strings_become_text_and_bytes_become_binary() {
        let text = Message::Text("é".into());
        assert_eq!(Message::from("é"), text);
        assert_eq!(Message::from("é".to_owned()), text);
        assert_eq!(Message::from(Utf8Bytes::from("é")), text);
        let binary = Message::Binary(Bytes::from_static(b"\x01"));
        assert_eq!(Message::from(vec![1]), binary);
        assert_eq!(Message::from([1].as_slice()), binary);
        assert_eq!(Message::from(Bytes::from_static(b"\x01")), binary);
    }
}
