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
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first =
            if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 } | self.opcode as u8;
        let mask = if self.mask.is_some() { MASK } else { 0 };
        let [a, b, c, d, e, f, g, h] = self.payload_len.to_be_bytes();
        match self.payload_len {
            0..=125 => out.extend_from_slice(&[first, mask | h]),
            126..=0xFFFF => out.extend_from_slice(&[first, mask | 126, g, h]),
            _ => out.extend_from_slice(&[first, mask | 127, a, b, c, d, e, f, g, h]),
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// The length of the payload as a size in memory, where it is no larger than `limit`.
    ///
    /// They are compared as 64 bits: where `usize` has 32, no length is cut to one that is allowed.
    pub(crate) fn payload_within(&self, limit: usize) -> Option<usize> {
        if self.payload_len > limit as u64 {
            return None;
        }
        usize::try_from(self.payload_len).ok()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DATA: [Opcode; 3] = [Opcode::Continuation, Opcode::Text, Opcode::Binary];
    const CONTROL: [Opcode; 3] = [Opcode::Close, Opcode::Ping, Opcode::Pong];
    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    fn encoded(header: &Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        bytes
    }

    fn assert_round_trip(header: Header) {
        let bytes = encoded(&header);
        assert_eq!(bytes.len(), header.encoded_len());
        assert!(bytes.len() <= MAX_HEADER_LEN);
        let with_payload = [bytes.as_slice(), b"payload"].concat();
        assert_eq!(Header::parse(&with_payload), Ok(Some((header, bytes.len()))));
        for end in 0..bytes.len() {
            assert_eq!(Header::parse(&bytes[..end]), Ok(None), "{header:?} cut at {end}");
        }
    }

    /// The bytes of a binary frame's header with this length in this form, valid or not.
    fn in_form(form: u8, length: u64) -> Vec<u8> {
        let bytes = length.to_be_bytes();
        match form {
            126 => [&[0x82, 126], &bytes[6..]].concat(),
            _ => [&[0x82, 127], bytes.as_slice()].concat(),
        }
    }

    #[test]
    fn every_header_that_is_encoded_is_parsed_under_every_cut() {
        let boundaries =
            [0, 125, 126, 255, 256, 0xFFFF, 0x1_0000, 1 << 32, 1 << 62, i64::MAX as u64];
        let lengths = boundaries.into_iter().flat_map(|b: u64| b.saturating_sub(2)..=b + 2);
        for payload_len in lengths.filter(|length| *length <= i64::MAX as u64) {
            for mask in [None, Some(KEY)] {
                for (fin, rsv1) in [(true, false), (false, false), (true, true), (false, true)] {
                    for opcode in DATA {
                        assert_round_trip(Header { fin, rsv1, opcode, mask, payload_len });
                    }
                }
            }
        }
        for payload_len in 0..=125 {
            for opcode in CONTROL {
                let (fin, rsv1, mask) = (true, false, Some(KEY));
                assert_round_trip(Header { fin, rsv1, opcode, mask, payload_len });
            }
        }
    }

    /// RFC 6455 §5.2: only the shortest form of a length is valid.
    #[test]
    fn a_length_has_one_form() {
        for length in 0..=0x1_0002_u64 {
            let medium = Header::parse(&in_form(126, length & 0xFFFF));
            let minimal = (126..=0xFFFF).contains(&(length & 0xFFFF));
            assert_eq!(medium.is_ok(), minimal, "{length}");
            let long = Header::parse(&in_form(127, length));
            let expected =
                if length > 0xFFFF { None } else { Some(ProtocolError::NonMinimalLength) };
            assert_eq!(long.err(), expected, "{length}");
        }
    }

    #[test]
    fn a_length_with_its_top_bit_overflows_and_one_less_does_not() {
        let top = 1_u64 << 63;
        assert_eq!(Header::parse(&in_form(127, top)), Err(ProtocolError::LengthOverflow));
        assert_eq!(Header::parse(&in_form(127, u64::MAX)), Err(ProtocolError::LengthOverflow));
        let (header, length) = Header::parse(&in_form(127, top - 1)).unwrap().unwrap();
        assert_eq!((header.payload_len, length), (top - 1, 10));
    }

    /// With the largest size of a machine of 32 bits as the limit: 2^32 + 5 is not taken for 5.
    #[test]
    fn a_length_over_32_bits_is_no_small_one() {
        let of = |payload_len| {
            let header =
                Header { fin: true, rsv1: false, opcode: Opcode::Text, mask: None, payload_len };
            header.payload_within(u32::MAX as usize)
        };
        let largest = u64::from(u32::MAX);
        for length in [0, 5, 1 << 31, largest] {
            assert_eq!(of(length), usize::try_from(length).ok());
        }
        for high in (32..64).map(|bit| 1_u64 << bit) {
            for low in [0, 1, 5, largest] {
                assert_eq!(of(high + low), None, "{high:#x} + {low:#x}");
            }
        }
        assert_eq!(of(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_header_that_is_parsed_encodes_to_the_same_bytes(bytes: [u8; MAX_HEADER_LEN]) {
            if let Ok(Some((header, length))) = Header::parse(&bytes) {
                prop_assert_eq!(&encoded(&header), &bytes[..length]);
            }
        }

        /// More bytes never change a verdict.
        #[test]
        fn a_verdict_on_some_bytes_is_the_verdict_on_more(bytes: [u8; MAX_HEADER_LEN]) {
            let whole = Header::parse(&bytes);
            for end in 0..bytes.len() {
                match Header::parse(&bytes[..end]) {
                    Ok(None) => {}
                    verdict => prop_assert_eq!(verdict, whole),
                }
            }
        }
    }
}
