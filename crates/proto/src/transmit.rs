//! Bytes on their way out: small ones copied together, large ones by reference.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};

use crate::{frame::Header, mask::apply_mask};

/// Copied bytes are moved to the front of their buffer once this many written ones precede them.
const COMPACT_ABOVE: usize = 16 << 10;

/// The bytes that a machine wants written, in order: an implementation of [`bytes::Buf`] that supports vectored writes.
///
/// Write from [`chunk`](Buf::chunk) or [`chunks_vectored`](Buf::chunks_vectored) and [`advance`](Buf::advance) by what was
/// written; a partial write needs nothing else.
#[derive(Debug, Default)]
pub struct Transmit {
    /// Headers and small payloads; those before `start` are written.
    copied: Vec<u8>,
    start: usize,
    /// Large payloads, each at its place among the copied bytes.
    shared: VecDeque<Shared>,
    remaining: usize,
    written: u64,
}

/// A payload that is written from where it lies.
#[derive(Debug)]
struct Shared {
    /// How many copied bytes go out before it: whole frames, then its own header.
    before: usize,
    /// How many of those are its own header.
    header: usize,
    payload: Bytes,
}

impl Transmit {
    /// How many bytes have been written in all.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes that are not frames.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.compact();
        self.copied.extend_from_slice(bytes);
        self.remaining += bytes.len();
    }

    /// Appends a frame and copies its payload, masking the copy if the header says so.
    pub(crate) fn append_frame(&mut self, header: &Header, payload: &[u8]) {
        self.compact();
        let before = self.copied.len();
        push_frame(&mut self.copied, header, payload);
        self.remaining += self.copied.len() - before;
    }

    /// Appends a frame whose payload, masked already if it has to be, is written from where it lies.
    pub(crate) fn append_shared(&mut self, header: &Header, payload: Bytes) {
        self.compact();
        let placed: usize = self.shared.iter().map(|shared| shared.before).sum();
        header.encode(&mut self.copied);
        let before = self.copied.len() - self.start - placed;
        self.remaining += header.encoded_len() + payload.len();
        self.shared.push_back(Shared { before, header: header.encoded_len(), payload });
    }

    /// Inserts a control frame at the next boundary between frames, and returns the count of written bytes at which it
    /// will have left.
    ///
    /// It passes payloads that are queued by reference; behind copied bytes, of which there are few, it waits its turn.
    pub(crate) fn insert_control(&mut self, header: &Header, payload: &[u8]) -> u64 {
        let mut frame = Vec::with_capacity(header.encoded_len() + payload.len());
        push_frame(&mut frame, header, payload);
        let length = frame.len();
        self.remaining += length;
        let (front_started, front) = match self.shared.front_mut() {
            None => {
                self.copied.append(&mut frame);
                return self.written + self.remaining as u64;
            }
            Some(front) => (front.before < front.header || front.before == 0, front),
        };
        let front_copied = front.before;
        let front_payload = front.payload.len();
        let (place, ahead) = if front_started {
            if let Some(second) = self.shared.get_mut(1) {
                second.before += length;
            }
            (front_copied, front_copied + front_payload)
        } else {
            let place = front.before - front.header;
            front.before += length;
            (place, place)
        };
        let place = self.start + place;
        self.copied.splice(place..place, frame);
        self.written + (ahead + length) as u64
    }

    /// Forgets everything that is not written.
    pub(crate) fn clear(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }

    /// Moves the unwritten copied bytes to the front of their buffer when enough written ones precede them.
    fn compact(&mut self) {
        if self.start > COMPACT_ABOVE && self.start >= self.copied.len() / 2 {
            self.copied.drain(..self.start);
            self.start = 0;
        }
    }

    fn copied_ahead(&self) -> &[u8] {
        self.copied.get(self.start..).unwrap_or_default()
    }

    fn advance_copied(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.copied.len() {
            self.copied.clear();
            self.start = 0;
        }
    }
}

fn push_frame(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    header.encode(out);
    let start = out.len();
    // The one copy of a small payload, or of a client's payload that it does not own.
    out.extend_from_slice(payload);
    if let (Some(key), Some(copy)) = (header.mask, out.get_mut(start..)) {
        apply_mask(key, 0, copy);
    }
}

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        match self.shared.front() {
            Some(front) if front.before == 0 => &front.payload,
            Some(front) => self.copied_ahead().get(..front.before).unwrap_or_default(),
            None => self.copied_ahead(),
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut fill = |bytes: &'a [u8]| match slices.get_mut(filled) {
            Some(slice) if !bytes.is_empty() => {
                *slice = IoSlice::new(bytes);
                filled += 1;
            }
            _ => {}
        };
        let mut copied = self.copied_ahead();
        for shared in &self.shared {
            let (before, after) = copied.split_at_checked(shared.before).unwrap_or((copied, &[]));
            fill(before);
            fill(&shared.payload);
            copied = after;
        }
        fill(copied);
        filled
    }

    fn advance(&mut self, count: usize) {
        let mut left = count.min(self.remaining);
        debug_assert_eq!(left, count, "never advance beyond what remains");
        self.remaining -= left;
        self.written += left as u64;
        while let Some(front) = self.shared.front_mut() {
            let copied = left.min(front.before);
            front.before -= copied;
            left -= copied;
            let shared = if front.before == 0 { left.min(front.payload.len()) } else { 0 };
            front.payload.advance(shared);
            left -= shared;
            let done = front.before == 0 && front.payload.is_empty();
            self.advance_copied(copied);
            if !done {
                return;
            }
            self.shared.pop_front();
        }
        self.advance_copied(left);
    }
}
