//! Compressed messages (RFC 7692 §6.2).

use bytes::{Buf, BytesMut};

use super::{Assembly, Frame, FrameReceiver, Incoming, Received};
use crate::{Delivery, Fragment, MessageKind, ProtocolError, deflate::Inflater, mask::apply_mask};

/// A compressed message that is delivered in pieces is inflated this much at a time.
const PIECE: usize = 64 << 10;

/// What has come out of a compressed message.
#[derive(Debug)]
pub(super) struct Inflated {
    delivery: Delivery,
    /// How many bytes there were in all.
    size: usize,
    /// Those that are not handed out.
    plaintext: Vec<u8>,
}

impl Inflated {
    pub(super) const fn new(delivery: Delivery) -> Self {
        Self { delivery, size: 0, plaintext: Vec::new() }
    }

    /// Whether nothing is handed out before the end.
    pub(super) fn is_collected(&self) -> bool {
        self.delivery == Delivery::Messages
    }
}

impl FrameReceiver {
    /// Works on the `available` bytes of a compressed data frame that have arrived.
    pub(super) fn inflate(
        &mut self,
        mut frame: Frame,
        available: usize,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Received>, ProtocolError> {
        if let (Some(key), Some(fresh)) = (frame.mask, input.get_mut(frame.ready..available)) {
            apply_mask(key, frame.taken + frame.ready, fresh);
        }
        frame.ready = available;
        let (Some(message), Some(inflater)) = (&mut self.message, &mut self.inflater) else {
            return Err(ProtocolError::UnexpectedContinuation);
        };
        loop {
            let compressed = input.get(..frame.ready).unwrap_or_default();
            let (used, is_full) = message.inflate(compressed, inflater, limit)?;
            input.advance(used);
            frame.taken += used;
            frame.remaining -= used;
            frame.ready -= used;
            let is_done = frame.remaining == 0 && !is_full;
            let ended = is_done && frame.fin;
            if ended {
                inflater.finish().map_err(|_| ProtocolError::InvalidDeflate)?;
                message.utf8.finish().map_err(|_| ProtocolError::InvalidUtf8)?;
            }
            self.frame = if is_done { None } else { Some(frame) };
            let received = message.hand_out_inflated(ended);
            if ended {
                self.message = None;
                return Ok(received);
            }
            if received.is_some() || !is_full {
                return Ok(received);
            }
        }
    }
}

impl Incoming {
    /// Inflates as much as there is room for, and judges it; how many bytes were used, and whether the room was filled, so
    /// that there may be more.
    ///
    /// It stops at the message limit while inflating, not after (RFC 7692 §8); in pieces, it stops at each piece.
    fn inflate(
        &mut self,
        compressed: &[u8],
        inflater: &mut Inflater,
        limit: usize,
    ) -> Result<(usize, bool), ProtocolError> {
        let Assembly::Inflated(inflated) = &mut self.assembly else {
            return Err(ProtocolError::UnexpectedContinuation);
        };
        // At the limit it is only seen whether there is more.
        let mut beyond = Vec::new();
        let (output, room) = match (limit - inflated.size, inflated.delivery) {
            (0, _) => (&mut beyond, 1),
            (room, Delivery::Messages) => (&mut inflated.plaintext, room),
            (room, Delivery::Fragments) => (&mut inflated.plaintext, room.min(PIECE)),
        };
        let before = output.len();
        let used = inflater.inflate(compressed, output, room);
        let fresh = output.get(before..).unwrap_or_default();
        if !fresh.is_empty() && inflated.size == limit {
            return Err(ProtocolError::MessageTooBig);
        }
        inflated.size += fresh.len();
        // What came out is judged before the rest is, so that the first fault is the one that is told under any cut.
        if self.kind == MessageKind::Text {
            self.utf8.push(fresh).map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        let used = used.map_err(|_| ProtocolError::InvalidDeflate)?;
        Ok((used, fresh.len() == room))
    }

    /// Hands out a message at its end, or a piece of one where there is one.
    fn hand_out_inflated(&mut self, ended: bool) -> Option<Received> {
        let Assembly::Inflated(inflated) = &mut self.assembly else { return None };
        if inflated.is_collected() {
            let payload = ended.then(|| std::mem::take(&mut inflated.plaintext))?;
            return Some(Received::Message(self.kind.message(payload.into())));
        }
        // At most three bytes stay: text is handed out in whole code points.
        let complete = inflated.plaintext.len() - self.utf8.incomplete();
        let carried = inflated.plaintext.get(complete..).unwrap_or_default().to_vec();
        let mut piece = std::mem::replace(&mut inflated.plaintext, carried);
        piece.truncate(complete);
        if piece.is_empty() && !ended {
            return None;
        }
        let payload = self.kind.message(piece.into());
        Some(Received::Fragment(Fragment { payload, is_final: ended }))
    }
}
