//! Message in, frames out (RFC 6455 §6.1).

use std::num::NonZeroUsize;

use bytes::{Bytes, BytesMut};

use crate::{
    Entropy, EntropyError, Fragment, Message, MessageKind, SendError, Transmit,
    frame::{Header, Opcode},
    mask::apply_mask,
};

/// Payloads up to this size are copied behind their header; larger ones are written from where they lie. One more
/// slice in a vectored write costs about as much as copying this much.
const COPY_UP_TO: usize = 4 << 10;

/// Turns messages into frames.
#[derive(Debug)]
pub(super) struct FrameSender {
    masking: Masking,
    frame_size: NonZeroUsize,
    /// The fragmented message that the application has begun and not ended.
    unfinished: Option<MessageKind>,
}

/// Whether frames are masked (RFC 6455 §5.1).
#[derive(Debug)]
enum Masking {
    Server,
    Client(Box<dyn Entropy>),
}

impl FrameSender {
    pub(super) const fn server(frame_size: NonZeroUsize) -> Self {
        Self { masking: Masking::Server, frame_size, unfinished: None }
    }

    pub(super) const fn client(frame_size: NonZeroUsize, entropy: Box<dyn Entropy>) -> Self {
        Self { masking: Masking::Client(entropy), frame_size, unfinished: None }
    }

    pub(super) const fn is_client(&self) -> bool {
        matches!(self.masking, Masking::Client(_))
    }

    /// Queues a whole message.
    pub(super) fn message(
        &mut self,
        message: Message,
        out: &mut Transmit,
    ) -> Result<(), SendError> {
        if self.unfinished.is_some() {
            return Err(SendError::MessageInProgress);
        }
        let opcode = first_opcode(message.kind());
        Ok(self.frames(opcode, true, message.into_bytes(), out)?)
    }

    /// Queues a piece of a message.
    pub(super) fn fragment(
        &mut self,
        fragment: Fragment,
        out: &mut Transmit,
    ) -> Result<(), SendError> {
        let kind = fragment.payload.kind();
        let opcode = match self.unfinished {
            None => first_opcode(kind),
            Some(unfinished) if unfinished == kind => Opcode::Continuation,
            Some(unfinished) => return Err(SendError::KindMismatch(unfinished)),
        };
        self.frames(opcode, fragment.is_final, fragment.payload.into_bytes(), out)?;
        self.unfinished = if fragment.is_final { None } else { Some(kind) };
        Ok(())
    }

    /// Queues a ping or a pong at the next boundary between frames; the count of written bytes at which it has left.
    pub(super) fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut Transmit,
    ) -> Result<u64, EntropyError> {
        let mask = self.masking.key()?;
        Ok(out.insert_control(
            &Header { fin: true, rsv1: false, opcode, mask, payload_len: payload.len() as u64 },
            payload,
        ))
    }

    /// Queues a Close frame behind everything else.
    pub(super) fn close(&mut self, payload: &[u8], out: &mut Transmit) -> Result<(), EntropyError> {
        let mask = self.masking.key()?;
        let opcode = Opcode::Close;
        out.append_frame(
            &Header { fin: true, rsv1: false, opcode, mask, payload_len: payload.len() as u64 },
            payload,
        );
        Ok(())
    }

    /// Queues the frames of a payload: one, or as many as the frame size asks for.
    fn frames(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: Bytes,
        out: &mut Transmit,
    ) -> Result<(), EntropyError> {
        if payload.len() <= self.frame_size.get() {
            let mask = self.masking.key()?;
            frame(
                &Header { fin, rsv1: false, opcode, mask, payload_len: payload.len() as u64 },
                payload,
                out,
            );
            return Ok(());
        }
        // All keys are drawn before anything is queued, so that a source that fails changes nothing.
        let count = payload.len().div_ceil(self.frame_size.get());
        let keys = self.masking.keys(count)?;
        let mut rest = masked(payload, self.frame_size.get(), &keys);
        let mut opcode = opcode;
        for mask in keys {
            let piece = rest.split_to(rest.len().min(self.frame_size.get()));
            let fin = fin && rest.is_empty();
            let payload_len = piece.len() as u64;
            let header = Header { fin, rsv1: false, opcode, mask, payload_len };
            if piece.len() <= COPY_UP_TO {
                out.append_masked(&header, &piece);
            } else {
                out.append_shared(&header, piece);
            }
            opcode = Opcode::Continuation;
        }
        Ok(())
    }
}

impl Masking {
    /// The masking key of the next frame, fresh from the source of entropy (RFC 6455 §5.3).
    fn key(&mut self) -> Result<Option<[u8; 4]>, EntropyError> {
        match self {
            Self::Server => Ok(None),
            Self::Client(entropy) => {
                let mut key = [0; 4];
                entropy.fill(&mut key)?;
                Ok(Some(key))
            }
        }
    }

    fn keys(&mut self, count: usize) -> Result<Vec<Option<[u8; 4]>>, EntropyError> {
        (0..count).map(|_| self.key()).collect()
    }
}

/// Queues one frame by copy or by reference.
fn frame(header: &Header, payload: Bytes, out: &mut Transmit) {
    if payload.len() <= COPY_UP_TO {
        out.append_frame(header, &payload);
        return;
    }
    let length = payload.len();
    out.append_shared(header, masked(payload, length, &[header.mask]));
}

/// The payload with each frame of `frame_size` bytes masked with its own key, if it has one: masked where it lies, and
/// copied before only where somebody else sees it.
fn masked(payload: Bytes, frame_size: usize, keys: &[Option<[u8; 4]>]) -> Bytes {
    if keys.iter().all(Option::is_none) {
        return payload;
    }
    let owned = payload.try_into_mut();
    let mut owned = owned.unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    for (frame, key) in owned.chunks_mut(frame_size.max(1)).zip(keys.iter().flatten()) {
        apply_mask(*key, 0, frame);
    }
    owned.freeze()
}

const fn first_opcode(kind: MessageKind) -> Opcode {
    match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    }
}
