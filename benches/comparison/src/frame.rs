//! Frames of either end, encoded by hand: the comparison uses no WebSocket library of its own.

/// The opcode of a text message (RFC 6455 §5.2).
pub const TEXT: u8 = 0x1;
/// The opcode of a binary message (RFC 6455 §5.2).
pub const BINARY: u8 = 0x2;

const CONTINUATION: u8 = 0x0;
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASK: u8 = 0x80;

/// Appends one message in `fragments` frames of about equal length (RFC 6455 §5.4), marked as compressed or not
/// (RFC 7692 §6), masked with a new key for each where `keys` gives them, as a client has to (RFC 6455 §5.3).
pub fn encode_message(
    opcode: u8,
    compressed: bool,
    payload: &[u8],
    fragments: usize,
    mut keys: Option<&mut fastrand::Rng>,
    wire: &mut Vec<u8>,
) {
    let fragment_len = payload.len().div_ceil(fragments).max(1);
    let mut pieces = payload.chunks(fragment_len).peekable();
    let mut first = opcode | if compressed { RSV1 } else { 0 };
    while let Some(piece) = pieces.next() {
        let fin = if pieces.peek().is_none() { FIN } else { 0 };
        let key = keys.as_mut().map(|random| random.u32(..).to_be_bytes());
        encode_frame(fin | first, piece, key, wire);
        first = CONTINUATION;
    }
}

fn encode_frame(first_byte: u8, payload: &[u8], key: Option<[u8; 4]>, wire: &mut Vec<u8>) {
    wire.push(first_byte);
    let mask = if key.is_some() { MASK } else { 0 };
    match payload.len() {
        len @ ..=125 => wire.push(mask | len as u8),
        len @ 126..=0xFFFF => {
            wire.push(mask | 126);
            wire.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            wire.push(mask | 127);
            wire.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    let Some(key) = key else { return wire.extend_from_slice(payload) };
    wire.extend_from_slice(&key);
    let start = wire.len();
    wire.extend_from_slice(payload);
    mask_in_place(wire.get_mut(start..).unwrap_or_default(), key, 0);
}

/// Masks or unmasks `bytes`, the first of which is number `offset` of its frame's payload (RFC 6455 §5.3).
pub fn mask_in_place(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    for (byte, key) in bytes.iter_mut().zip(key.iter().cycle().skip(offset % 4)) {
        *byte ^= key;
    }
}

/// What a frame's header says (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// The message is marked as compressed (RFC 7692 §6).
    pub rsv1: bool,
    /// The kind of frame.
    pub opcode: u8,
    /// The key, where the payload is masked.
    pub key: Option<[u8; 4]>,
    /// The length of the payload.
    pub len: usize,
}

impl Header {
    /// Whether the frame is part of no message.
    pub fn is_control(self) -> bool {
        self.opcode & 0x08 != 0
    }
}

/// A header whose bytes come one after the other.
#[derive(Debug, Default)]
pub struct HeaderReader {
    bytes: [u8; 14],
    len: usize,
}

impl HeaderReader {
    /// Takes a header off the front of `input`; `None`: more bytes are needed.
    pub fn take(&mut self, input: &mut &[u8]) -> Option<Header> {
        while self.len < self.size() {
            let (&byte, rest) = input.split_first()?;
            *self.bytes.get_mut(self.len)? = byte;
            self.len += 1;
            *input = rest;
        }
        let header = self.bytes.get(..self.len).unwrap_or_default();
        let key = header.last_chunk().copied();
        self.len = 0;
        let [first, second, a, b, c, d, e, f, g, h, ..] = self.bytes;
        let is_masked = second & MASK != 0;
        Some(Header {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode: first & 0x0F,
            key: key.filter(|_| is_masked),
            len: match second & !MASK {
                126 => u16::from_be_bytes([a, b]).into(),
                127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize,
                len => len.into(),
            },
        })
    }

    /// The bytes of this header, as far as is known.
    fn size(&self) -> usize {
        let [_, second, ..] = self.bytes;
        if self.len < 2 {
            return 2;
        }
        let key = if second & MASK != 0 { 4 } else { 0 };
        match second & !MASK {
            126 => 4 + key,
            127 => 10 + key,
            _ => 2 + key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_the_one_of_the_rfc() {
        // RFC 6455 §5.7: a single-frame masked text message that contains "Hello".
        let mut wire = Vec::new();
        encode_frame(FIN | TEXT, b"Hello", Some([0x37, 0xFA, 0x21, 0x3D]), &mut wire);
        assert_eq!(wire, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
    }

    #[test]
    fn an_unmasked_frame_is_the_one_of_the_rfc() {
        // RFC 6455 §5.7: the same, unmasked.
        let mut wire = Vec::new();
        encode_message(TEXT, false, b"Hello", 1, None, &mut wire);
        assert_eq!(wire, b"\x81\x05Hello");
    }

    #[test]
    fn fragments_begin_with_the_opcode_and_end_with_fin() {
        let mut wire = Vec::new();
        let keys = &mut fastrand::Rng::with_seed(1);
        encode_message(BINARY, true, b"abcdef", 3, Some(keys), &mut wire);
        let first_bytes: Vec<u8> = wire.chunks(8).map(|frame| frame[0]).collect();
        assert_eq!(first_bytes, [RSV1 | BINARY, CONTINUATION, FIN | CONTINUATION]);
    }

    #[test]
    fn longer_payloads_have_longer_lengths() {
        for (len, header) in [
            (125, &[0x82, 0xFD][..]),
            (126, &[0x82, 0xFE, 0, 126]),
            (65_536, &[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut wire = Vec::new();
            let keys = &mut fastrand::Rng::with_seed(1);
            encode_message(BINARY, false, &vec![0; len], 1, Some(keys), &mut wire);
            assert!(wire.starts_with(header), "{len}");
            assert_eq!(wire.len(), header.len() + 4 + len);
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written_under_any_cut() {
        for len in [0, 125, 126, 0xFFFF, 0x1_0000] {
            for key in [None, Some([1, 2, 3, 4])] {
                let mut wire = Vec::new();
                encode_frame(FIN | BINARY, &vec![0; len], key, &mut wire);
                for cut in 0..wire.len() - len {
                    let mut reader = HeaderReader::default();
                    let (mut head, mut tail) = wire.split_at(cut);
                    assert!(reader.take(&mut head).is_none(), "{len} cut at {cut}");
                    let header = reader.take(&mut tail).unwrap();
                    assert_eq!((header.len, header.key, tail.len()), (len, key, len));
                    assert!(header.fin && header.opcode == BINARY && !header.is_control());
                }
            }
        }
    }
}
