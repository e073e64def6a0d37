//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.1, §4.2.2).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderValue;
use sha1::{Digest, Sha1};

use crate::{Entropy, EntropyError};

/// Appended to the key before it is hashed (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Padding bits that are not zero are accepted: the RFC's own example has them (erratum 3150).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The value of a `Sec-WebSocket-Key` header: 16 bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(HeaderValue);

impl Key {
    /// A fresh key.
    pub(super) fn draw(entropy: &mut dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        // Base64 is a valid header value.
        HeaderValue::try_from(BASE64.encode(bytes)).map(Self).map_err(|_| EntropyError::new())
    }

    /// The key that a client sent, if it is one.
    pub(super) fn from_header(value: &HeaderValue) -> Option<Self> {
        let is_key = BASE64.decode(value).is_ok_and(|bytes| bytes.len() == 16);
        is_key.then(|| Self(value.clone()))
    }

    /// The key as it stands in the header.
    pub(super) const fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// The value of the `Sec-WebSocket-Accept` header that answers this key *as it was sent*.
    pub(super) fn accept_value(&self) -> String {
        BASE64.encode(Sha1::new().chain_update(&self.0).chain_update(GUID).finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<Key> {
        Key::from_header(&HeaderValue::from_str(text).unwrap())
    }

    /// HS13: the vector of RFC 6455 §1.3.
    #[test]
    fn the_sample_key_has_the_sample_answer() {
        assert_eq!(
            key("dGhlIHNhbXBsZSBub25jZQ==").unwrap().accept_value(),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    /// HS05.
    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        for bad in [
            "",
            "x",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "!!!!!!!!!!!!!!!!!!!!!!==",
        ] {
            assert_eq!(key(bad), None, "{bad}");
        }
        assert!(
            key("AQIDBAUGBwgJCgsMDQ4PEC==").is_some(),
            "erratum 3150: padding bits need not be zero"
        );
    }
}
