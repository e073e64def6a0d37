//! The fast path: a small message in one frame that has arrived whole. Most messages are.
//!
//! Its naive twin is the way step by step, which the same bytes take when they come in pieces; the tests compare the two under every cut.

use bytes::{Buf, BytesMut};

use super::{COPY_BELOW, FrameReceiver};
use crate::{
    Config, Delivery, Message, MessageKind, ProtocolError, Utf8Validator, lent::copied,
    mask::apply_mask,
};

/// The first byte of such a frame: FIN, no reserved bit, the opcode (RFC 6455 §5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// In the second byte: whether a masking key follows, and that the length follows in two bytes.
const MASKED: u8 = 0x80;
const LENGTH_IN_TWO_BYTES: u8 = 126;

impl FrameReceiver {
    /// Takes such a message off the front of `input`.
    ///
    /// Everything else is left to be judged step by step, what breaks a rule too; the two ways tell the same.
    pub(super) fn take_whole(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
    ) -> Result<Option<Message>, ProtocolError> {
        let Some(&[first, second, third, fourth]) = input.first_chunk() else { return Ok(None) };
        let kind = match first {
            TEXT => MessageKind::Text,
            BINARY => MessageKind::Binary,
            _ => return Ok(None),
        };
        let (start, length) = match second & !MASKED {
            LENGTH_IN_TWO_BYTES => (4, usize::from(u16::from_be_bytes([third, fourth]))),
            short => (2, usize::from(short)),
        };
        let is_shortest = (start == 2) == (length < usize::from(LENGTH_IN_TWO_BYTES));
        let is_in_turn = self.message.is_none() && self.delivery == Delivery::Messages;
        let is_allowed = (second & MASKED != 0) == self.masked
            && length <= config.max_frame_size.min(config.max_message_size)
            && config.max_fragments > 0;
        if !is_shortest || !is_in_turn || !is_allowed || length >= COPY_BELOW {
            return Ok(None);
        }
        let (key, start) = match input.get(start..).and_then(<[u8]>::first_chunk) {
            Some(key) if self.masked => (Some(*key), start + 4),
            None if self.masked => return Ok(None),
            _ => (None, start),
        };
        let end = start + length;
        let Some(payload) = input.get_mut(start..end) else { return Ok(None) };
        if let Some(key) = key {
            apply_mask(key, 0, payload);
        }
        if kind == MessageKind::Text {
            let mut utf8 = Utf8Validator::new();
            utf8.push(payload)
                .and_then(|()| utf8.finish())
                .map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        let payload = copied(payload);
        input.advance(end);
        self.wire_bytes += length as u64;
        Ok(Some(kind.message(payload)))
    }
}
