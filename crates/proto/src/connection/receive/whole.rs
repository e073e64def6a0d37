//! The fast path: a message in one frame that has arrived whole. Most messages are.
//!
//! Its naive twin is the way step by step, which the same bytes take when they come in pieces; the tests compare the two under every cut.

use bytes::{Buf, BytesMut};

use super::{COPY_BELOW, FrameReceiver};
use crate::{Config, Delivery, Message, MessageKind, buffers::copied, mask::apply_mask};

/// The first byte of such a frame: FIN, no reserved bit, the opcode (RFC 6455 §5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// In the second byte: whether a masking key follows, and that the length follows in two bytes.
const MASKED: u8 = 0x80;
const LENGTH_IN_TWO_BYTES: u8 = 126;

/// The longest text that is looked through for other characters than ASCII before it is validated.
const SHORT: usize = 256;

/// Messages shorter than this come this way: those whose length has at most two bytes, where the limits let a frame and a message of
/// their length pass.
pub(super) fn whole_below(config: &Config) -> u32 {
    if config.max_fragments == 0 {
        return 0;
    }
    let longest = config.max_frame_size.min(config.max_message_size);
    u16::try_from(longest).map_or(1 << 16, |longest| u32::from(longest) + 1)
}

impl FrameReceiver {
    /// Takes such a message off the front of `input`.
    ///
    /// Everything else is left as it is, to be judged step by step, what breaks a rule too.
    #[inline(always)]
    pub(in crate::connection) fn take_whole(&mut self, input: &mut BytesMut) -> Option<Message> {
        let &[first, second] = input.first_chunk()?;
        let (start, length) = match second & !MASKED {
            LENGTH_IN_TWO_BYTES => {
                let &[_, _, a, b] = input.first_chunk()?;
                (4, u16::from_be_bytes([a, b]))
            }
            short => (2, u16::from(short)),
        };
        let is_shortest = (start == 2) == (length < u16::from(LENGTH_IN_TWO_BYTES));
        let is_in_turn = self.is_at_rest() && self.delivery == Delivery::Messages;
        let is_masked_as_agreed = (second & MASKED != 0) == self.masked;
        if !matches!(first, TEXT | BINARY)
            || !is_shortest
            || !is_in_turn
            || !is_masked_as_agreed
            || u32::from(length) >= self.whole_below
        {
            return None;
        }
        let length = usize::from(length);
        let (key, start) = if self.masked {
            (*input.get(start..)?.first_chunk()?, start + 4)
        } else {
            ([0; 4], start)
        };
        let payload = input.get_mut(start..start + length)?;
        if self.masked {
            apply_mask(key, 0, payload);
        }
        let kind = if first == TEXT { MessageKind::Text } else { MessageKind::Binary };
        if kind == MessageKind::Text && !is_utf8(payload) {
            if self.masked {
                apply_mask(key, 0, payload);
            }
            return None;
        }
        let payload = if length < COPY_BELOW {
            let payload = copied(payload);
            input.advance(start + length);
            payload
        } else {
            input.advance(start);
            input.split_to(length).freeze()
        };
        self.left_over = input.len();
        self.wire_bytes += length as u64;
        Some(kind.message(payload))
    }
}

/// Most text is ASCII, which is seen faster than short text is validated.
fn is_utf8(text: &[u8]) -> bool {
    text.len() <= SHORT && is_ascii(text) || simdutf8::basic::from_utf8(text).is_ok()
}

fn is_ascii(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let all = words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word));
    all & u64::from_ne_bytes([0x80; 8]) == 0 && rest.is_ascii()
}
