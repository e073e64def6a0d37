//! Compressed messages (RFC 7692 §6.2).

use bytes::{Buf, BytesMut};

use super::{Assembly, Frame, FrameReceiver, Received};
use crate::{Fragment, MessageKind, ProtocolError, mask::apply_mask};

/// A compressed message that is delivered in pieces is inflated this much at a time.
const PIECE: usize = 64 << 10;

impl FrameReceiver {
    /// Works on the `available` bytes of a compressed data frame that have arrived (RFC 7692 §7.2.2).
    ///
    /// It stops at the message limit while inflating, not after; in pieces, it stops at each piece.
    pub(super) fn inflate(
        &mut self,
        mut frame: Frame,
        available: usize,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Received>, ProtocolError> {
        let (Some(message), Some(inflater)) = (&mut self.message, &mut self.inflater) else {
            return Err(ProtocolError::UnexpectedContinuation);
        };
        if let (Some(key), Some(fresh)) = (frame.mask, input.get_mut(frame.ready..available)) {
            apply_mask(key, frame.taken + frame.ready, fresh);
        }
        // One byte more than the limit, to see it exceeded.
        let room = (limit - message.inflated).saturating_add(1);
        let (plaintext, room) = match &mut message.assembly {
            Assembly::Whole(assembled) => (assembled, room),
            Assembly::Pieces(carried) => (carried, room.min(PIECE)),
        };
        let before = plaintext.len();
        let compressed = input.get(..available).unwrap_or_default();
        let mut ended = false;
        let inflated = inflater.inflate(compressed, plaintext, room).and_then(|used| {
            input.advance(used);
            frame.taken += used;
            frame.remaining -= used;
            frame.ready = available - used;
            let left = room - (plaintext.len() - before);
            if frame.remaining == 0 && frame.fin && left > 0 {
                ended = inflater.finish(plaintext, left)?;
            }
            Ok(())
        });
        // What came out is judged before the rest is, so that the first fault is the one that is told under any cut.
        let fresh = plaintext.get(before..).unwrap_or_default();
        let allowed = fresh.len().min(limit - message.inflated);
        if message.kind == MessageKind::Text {
            let allowed = fresh.get(..allowed).unwrap_or_default();
            message.utf8.push(allowed).map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        message.inflated += fresh.len();
        if message.inflated > limit {
            return Err(ProtocolError::MessageTooBig);
        }
        inflated.map_err(|_| ProtocolError::InvalidDeflate)?;
        if ended && message.kind == MessageKind::Text {
            message.utf8.finish().map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        let done = frame.remaining == 0 && if frame.fin { ended } else { fresh.len() < room };
        self.frame = if done { None } else { Some(frame) };
        Ok(self.hand_out_inflated(ended))
    }

    /// Hands out a compressed message at its end, or a piece of one where there is one.
    fn hand_out_inflated(&mut self, ended: bool) -> Option<Received> {
        let message = self.message.as_mut()?;
        let kind = message.kind;
        let (whole, plaintext) = match &mut message.assembly {
            Assembly::Whole(assembled) if ended => (true, assembled.split()),
            Assembly::Whole(_) => return None,
            Assembly::Pieces(carried) => {
                let complete = carried.len() - message.utf8.incomplete();
                (false, carried.split_to(complete))
            }
        };
        if ended {
            self.message = None;
        } else if plaintext.is_empty() {
            return None;
        }
        let payload = kind.message(plaintext.freeze());
        Some(if whole {
            Received::Message(payload)
        } else {
            Received::Fragment(Fragment { payload, is_final: ended })
        })
    }
}
