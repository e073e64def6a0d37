//! Message in, frames out (RFC 6455 §6.1).

use std::num::NonZeroUsize;

use bytes::Bytes;

use crate::{
    Entropy, EntropyError, Fragment, Message, MessageKind, SendError, Transmit,
    buffers::AssemblyBuffer,
    deflate::Deflater,
    frame::{Header, Opcode},
    mask::apply_mask,
};

/// Payloads up to this size are copied behind their header; larger ones are written from where they lie. One more
/// slice in a vectored write costs about as much as copying this much.
const COPY_UP_TO: usize = 4 << 10;

/// How much of a payload is copied before it is masked: whole keys, so that each part begins with the first byte of its key.
const MASKED_AT_ONCE: usize = 16 << 10;
const _: () = assert!(MASKED_AT_ONCE.is_multiple_of(4), "a key has four bytes");

/// Turns messages into frames.
#[derive(Debug)]
pub(super) struct FrameSender {
    masking: Masking,
    frame_size: NonZeroUsize,
    /// The fragmented message that the application has begun and not ended.
    unfinished: Option<Unfinished>,
    /// permessage-deflate, where it was agreed.
    deflater: Option<Box<Deflater>>,
    /// Bytes of payload that data frames have carried on the wire.
    wire_bytes: u64,
}

/// A message of which only some pieces are sent.
#[derive(Debug, Clone, Copy)]
struct Unfinished {
    kind: MessageKind,
    compressed: bool,
}

/// What stands in the first byte of a message's first frame.
#[derive(Debug, Clone, Copy)]
struct Start {
    opcode: Opcode,
    compressed: bool,
}

/// Whether a message may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    WhereWorth,
    Never,
}

/// Whether frames are masked (RFC 6455 §5.1).
#[derive(Debug)]
enum Masking {
    Server,
    Client(Box<dyn Entropy>),
}

impl FrameSender {
    pub(super) const fn server(frame_size: NonZeroUsize) -> Self {
        Self::new(Masking::Server, frame_size)
    }

    pub(super) const fn client(frame_size: NonZeroUsize, entropy: Box<dyn Entropy>) -> Self {
        Self::new(Masking::Client(entropy), frame_size)
    }

    const fn new(masking: Masking, frame_size: NonZeroUsize) -> Self {
        Self { masking, frame_size, unfinished: None, deflater: None, wire_bytes: 0 }
    }

    /// Lets messages leave compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn set_deflater(&mut self, deflater: Deflater) {
        self.deflater = Some(Box::new(deflater));
    }

    /// Whether messages may leave compressed.
    pub(super) const fn compresses(&self) -> bool {
        self.deflater.is_some()
    }

    /// Bytes of payload that data frames have carried on the wire.
    pub(super) const fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    pub(super) const fn is_client(&self) -> bool {
        matches!(self.masking, Masking::Client(_))
    }

    /// Queues a whole message.
    #[inline]
    pub(super) fn message(
        &mut self,
        message: Message,
        compression: Compression,
        out: &mut Transmit,
    ) -> Result<(), SendError> {
        if self.unfinished.is_some() {
            return Err(SendError::MessageInProgress);
        }
        let opcode = first_opcode(message.kind());
        let mut payload = message.into_bytes();
        let mut compressed = false;
        if self.compresses() && compression == Compression::WhereWorth {
            (payload, compressed) = self.compressed_where_worth(payload);
        }
        Ok(self.frames(Start { opcode, compressed }, true, payload, out)?)
    }

    /// The payload of a whole message, and whether it is compressed.
    #[inline(never)]
    fn compressed_where_worth(&mut self, payload: Bytes) -> (Bytes, bool) {
        match &mut self.deflater {
            Some(deflater) if deflater.is_worth(payload.len()) => {
                (deflater.compress(&payload, true).into(), true)
            }
            _ => (payload, false),
        }
    }

    /// Queues a piece of a message. The first piece decides whether the message is compressed: nobody knows how long it will be.
    pub(super) fn fragment(
        &mut self,
        fragment: Fragment,
        compression: Compression,
        out: &mut Transmit,
    ) -> Result<(), SendError> {
        let kind = fragment.payload.kind();
        let (start, compressed) = match self.unfinished {
            None => {
                let worth = compression == Compression::WhereWorth;
                let compressed = worth && self.deflater.is_some();
                (Start { opcode: first_opcode(kind), compressed }, compressed)
            }
            Some(Unfinished { kind: begun, compressed }) if begun == kind => {
                (Start { opcode: Opcode::Continuation, compressed: false }, compressed)
            }
            Some(Unfinished { kind: begun, .. }) => return Err(SendError::KindMismatch(begun)),
        };
        let payload = fragment.payload.into_bytes();
        let payload = match &mut self.deflater {
            Some(deflater) if compressed => deflater.compress(&payload, fragment.is_final).into(),
            _ => payload,
        };
        self.frames(start, fragment.is_final, payload, out)?;
        self.unfinished =
            if fragment.is_final { None } else { Some(Unfinished { kind, compressed }) };
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
    #[inline(always)]
    fn frames(
        &mut self,
        start: Start,
        fin: bool,
        payload: Bytes,
        out: &mut Transmit,
    ) -> Result<(), EntropyError> {
        let length = payload.len();
        if length > COPY_UP_TO.min(self.frame_size.get()) {
            return self.long_frames(start, fin, payload, out);
        }
        let mask = self.masking.key()?;
        let Start { opcode, compressed: rsv1 } = start;
        out.append_frame(&Header { fin, rsv1, opcode, mask, payload_len: length as u64 }, &payload);
        self.wire_bytes += length as u64;
        Ok(())
    }

    /// Queues the frames of a payload that is written from where it lies, or in several frames.
    #[inline(never)]
    fn long_frames(
        &mut self,
        start: Start,
        fin: bool,
        payload: Bytes,
        out: &mut Transmit,
    ) -> Result<(), EntropyError> {
        let length = payload.len();
        if length <= self.frame_size.get() {
            let mask = self.masking.key()?;
            let Start { opcode, compressed: rsv1 } = start;
            let payload = masked(payload, length, &[mask]);
            let header = Header { fin, rsv1, opcode, mask, payload_len: length as u64 };
            out.append_shared(&header, payload);
            self.wire_bytes += length as u64;
            return Ok(());
        }
        // All keys are drawn before anything is queued, so that a source that fails changes nothing.
        let keys = self.masking.keys(length.div_ceil(self.frame_size.get()))?;
        let mut rest = masked(payload, self.frame_size.get(), &keys);
        let Start { mut opcode, compressed: mut rsv1 } = start;
        for mask in keys {
            let piece = rest.split_to(rest.len().min(self.frame_size.get()));
            let fin = fin && rest.is_empty();
            let header = Header { fin, rsv1, opcode, mask, payload_len: piece.len() as u64 };
            if piece.len() <= COPY_UP_TO {
                out.append_masked(&header, &piece);
            } else {
                out.append_shared(&header, piece);
            }
            (opcode, rsv1) = (Opcode::Continuation, false);
        }
        self.wire_bytes += length as u64;
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

/// The payload with each frame of `frame_size` bytes masked with its own key, if it has one: masked where it lies, and
/// copied before only where somebody else sees it.
fn masked(payload: Bytes, frame_size: usize, keys: &[Option<[u8; 4]>]) -> Bytes {
    if keys.iter().all(Option::is_none) {
        return payload;
    }
    let keys = keys.iter().flatten();
    match payload.try_into_mut() {
        Ok(mut owned) => {
            for (frame, key) in owned.chunks_mut(frame_size.max(1)).zip(keys) {
                apply_mask(*key, 0, frame);
            }
            owned.freeze()
        }
        Err(shared) => {
            let mut copy = AssemblyBuffer::with_room(shared.len());
            for (frame, key) in shared.chunks(frame_size.max(1)).zip(keys) {
                // Each part is masked while it is in the cache.
                for part in frame.chunks(MASKED_AT_ONCE) {
                    apply_mask(*key, 0, copy.append(part));
                }
            }
            copy.take()
        }
    }
}

const fn first_opcode(kind: MessageKind) -> Opcode {
    match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    }
}
