//! The payload of a ping or a pong.

use std::ops::Deref;

use bytes::Bytes;

use super::MAX_CONTROL_PAYLOAD;

/// At most 125 bytes, the payload of a ping or a pong (RFC 6455 §5.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ControlPayload(Bytes);

impl ControlPayload {
    /// A payload of at most 125 bytes.
    ///
    /// # Errors
    /// [`PayloadTooLong`] for more.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PayloadTooLong> {
        let bytes = bytes.into();
        if bytes.len() > MAX_CONTROL_PAYLOAD {
            Err(PayloadTooLong(bytes.len()))
        } else {
            Ok(Self(bytes))
        }
    }

    /// The payload as shared bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for ControlPayload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Bytes> for ControlPayload {
    type Error = PayloadTooLong;

    fn try_from(bytes: Bytes) -> Result<Self, PayloadTooLong> {
        Self::new(bytes)
    }
}

/// Copies the bytes.
impl TryFrom<&[u8]> for ControlPayload {
    type Error = PayloadTooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, PayloadTooLong> {
        Self::new(Bytes::copy_from_slice(bytes))
    }
}

/// A payload that does not fit a control frame; it holds the payload's length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a control frame carries at most {MAX_CONTROL_PAYLOAD} bytes, not {0}")]
#[non_exhaustive]
pub struct PayloadTooLong(pub usize);
