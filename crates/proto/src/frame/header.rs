//! The header of a frame, 2 to 14 bytes (RFC 6455 §5.2).

use super::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::ProtocolError;

/// The most bytes a header takes: two, a 64-bit length and a masking key.
pub const MAX_HEADER_LEN: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7F;

/// The header of one frame.
///
/// Every header that [`parse`](Self::parse) returns obeys the rules that need no context: no reserved opcode, no RSV2
/// or RSV3, a length in its shortest form below 2^63, and control frames short and whole. Whether RSV1, the mask and the opcode
/// fit the connection is for the connection to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "these are all the fields that RFC 6455 §5.2 gives a header"
)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The first reserved bit: a compressed message, once permessage-deflate is agreed (RFC 7692 §6).
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl Header {
    /// Parses a header off the front of `input`: the header and its own length, or `None` where `input` ends too soon.
    ///
    /// A violation is found at the first byte that shows it.
    ///
    /// # Errors
    /// The [`ProtocolError`] of a header that no context can make valid.
    pub fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(&first) = input.first() else { return Ok(None) };
        if first & RSV2_RSV3 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & OPCODE).map_err(ProtocolError::ReservedOpcode)?;
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let Some(&[_, second]) = input.first_chunk::<2>() else { return Ok(None) };
        let length = second & LENGTH;
        if opcode.is_control() && usize::from(length) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::ControlTooLong);
        }
        let (payload_len, mut header_len) = match length {
            126 => {
                let Some(&[_, _, a, b]) = input.first_chunk::<4>() else { return Ok(None) };
                (u64::from(u16::from_be_bytes([a, b])), 4)
            }
            127 => {
                let Some(&[_, _, a, b, c, d, e, f, g, h]) = input.first_chunk::<10>() else {
                    return Ok(None);
                };
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10)
            }
            short => (u64::from(short), 2),
        };
        match length {
            126 if payload_len < 126 => return Err(ProtocolError::NonMinimalLength),
            127 if payload_len > i64::MAX as u64 => return Err(ProtocolError::LengthOverflow),
            127 if payload_len <= u64::from(u16::MAX) => {
                return Err(ProtocolError::NonMinimalLength);
            }
            _ => {}
        }
        let mask = if second & MASK == 0 {
            None
        } else {
            let Some(&key) = input.get(header_len..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            header_len += 4;
            Some(key)
        };
        Ok(Some((Self { fin, rsv1: first & RSV1 != 0, opcode, mask, payload_len }, header_len)))
    }

    /// Appends the header in its one valid form, the shortest.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first =
            if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 } | self.opcode as u8;
        let mask = if self.mask.is_some() { MASK } else { 0 };
        match (u8::try_from(self.payload_len), u16::try_from(self.payload_len)) {
            (Ok(length @ 0..=125), _) => out.extend_from_slice(&[first, mask | length]),
            (_, Ok(length)) => {
                let [a, b] = length.to_be_bytes();
                out.extend_from_slice(&[first, mask | 126, a, b]);
            }
            _ => {
                let [a, b, c, d, e, f, g, h] = self.payload_len.to_be_bytes();
                out.extend_from_slice(&[first, mask | 127, a, b, c, d, e, f, g, h]);
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let length = match self.payload_len {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        };
        length + if self.mask.is_some() { 4 } else { 0 }
    }
}
