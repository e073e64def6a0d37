//! The fast path: a small message in one frame that has arrived whole. Most messages are.
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

/// Payloads shorter than this come this way: those that are copied, where the limits let a frame and a message of their length pass.
pub(super) fn whole_below(config: &Config) -> u16 {
    if config.max_fragments == 0 {
        return 0;
    }
    let longest = config.max_frame_size.min(config.max_message_size);
    u16::try_from(longest).map_or(COPY_BELOW, |longest| COPY_BELOW.min(longest.saturating_add(1)))
}

impl FrameReceiver {
    /// Takes such a message off the front of `input`.
    ///
    /// Everything else is left as it is, to be judged step by step, what breaks a rule too.
    #[inline(always)]
    pub(in crate::connection) fn take_whole(&mut self, input: &mut BytesMut) -> Option<Message> {
        let &[first, second, third, fourth] = input.first_chunk()?;
        let (start, length) = match second & !MASKED {
            LENGTH_IN_TWO_BYTES => (4, usize::from(u16::from_be_bytes([third, fourth]))),
            short => (2, usize::from(short)),
        };
        let is_shortest = (start == 2) == (length < usize::from(LENGTH_IN_TWO_BYTES));
        let is_in_turn =
            self.frame.is_none() && self.message.is_none() && self.delivery == Delivery::Messages;
        let is_masked_as_agreed = (second & MASKED != 0) == self.masked;
        if !matches!(first, TEXT | BINARY)
            || !is_shortest
            || !is_in_turn
            || !is_masked_as_agreed
            || length >= usize::from(self.whole_below)
        {
            return None;
        }
        let (key, start) = if self.masked {
            (*input.get(start..)?.first_chunk()?, start + 4)
        } else {
            ([0; 4], start)
        };
        let end = start + length;
        let payload = input.get_mut(start..end)?;
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
        let payload = copied(payload);
        input.advance(end);
        self.left_over = input.len();
        self.wire_bytes += length as u64;
        Some(kind.message(payload))
    }
}

/// Most text is ASCII, which short text tells faster than it is validated.
fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || simdutf8::basic::from_utf8(text).is_ok()
}
