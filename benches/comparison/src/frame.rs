//! A client's frames, encoded by hand: the comparison uses no WebSocket library of its own.

/// The opcode of a text message (RFC 6455 §5.2).
pub const TEXT: u8 = 0x1;
/// The opcode of a binary message (RFC 6455 §5.2).
pub const BINARY: u8 = 0x2;

const CONTINUATION: u8 = 0x0;
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASK: u8 = 0x80;

/// Appends one message in `fragments` masked frames of about equal length (RFC 6455 §5.4), marked as compressed or not
/// (RFC 7692 §6).
pub fn encode_message(
    opcode: u8,
    compressed: bool,
    payload: &[u8],
    fragments: usize,
    random: &mut fastrand::Rng,
    wire: &mut Vec<u8>,
) {
    let fragment_len = payload.len().div_ceil(fragments).max(1);
    let mut pieces = payload.chunks(fragment_len).peekable();
    let mut first = opcode | if compressed { RSV1 } else { 0 };
    while let Some(piece) = pieces.next() {
        let fin = if pieces.peek().is_none() { FIN } else { 0 };
        encode_frame(fin | first, piece, random.u32(..).to_be_bytes(), wire);
        first = CONTINUATION;
    }
}

fn encode_frame(first_byte: u8, payload: &[u8], key: [u8; 4], wire: &mut Vec<u8>) {
    wire.push(first_byte);
    match payload.len() {
        len @ ..=125 => wire.push(MASK | len as u8),
        len @ 126..=0xFFFF => {
            wire.push(MASK | 126);
            wire.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            wire.push(MASK | 127);
            wire.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    wire.extend_from_slice(&key);
    wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_the_one_of_the_rfc() {
        // RFC 6455 §5.7: a single-frame masked text message that contains "Hello".
        let mut wire = Vec::new();
        encode_frame(FIN | TEXT, b"Hello", [0x37, 0xFA, 0x21, 0x3D], &mut wire);
        assert_eq!(wire, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
    }

    #[test]
    fn fragments_begin_with_the_opcode_and_end_with_fin() {
        let mut wire = Vec::new();
        encode_message(BINARY, true, b"abcdef", 3, &mut fastrand::Rng::with_seed(1), &mut wire);
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
            encode_message(
                BINARY,
                false,
                &vec![0; len],
                1,
                &mut fastrand::Rng::with_seed(1),
                &mut wire,
            );
            assert!(wire.starts_with(header), "{len}");
            assert_eq!(wire.len(), header.len() + 4 + len);
        }
    }
}
