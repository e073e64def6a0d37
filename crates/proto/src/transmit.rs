//! Bytes on their way out: small ones copied together, large ones by reference.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};

use crate::{
    buffers::{give_back, lend},
    frame::Header,
    mask::apply_mask,
};

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
    /// How many copied bytes go out before the last shared payload.
    placed: usize,
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
    /// How many copied bytes right behind it are control frames that were inserted there.
    controls: usize,
}

impl Transmit {
    /// How many bytes have been written in all.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes that are not frames, of an HTTP server on the same stream for example. They are copied.
    pub fn append(&mut self, bytes: &[u8]) {
        self.prepare();
        self.copied.extend_from_slice(bytes);
        self.remaining += bytes.len();
    }

    /// Appends a frame and copies its payload, masking the copy if the header says so.
    #[inline(always)]
    pub(crate) fn append_frame(&mut self, header: &Header, payload: &[u8]) {
        self.prepare();
        let before = self.copied.len();
        push_frame(&mut self.copied, header, payload);
        self.remaining += self.copied.len() - before;
    }

    /// Appends a frame and copies its payload, which is masked already if it has to be.
    pub(crate) fn append_masked(&mut self, header: &Header, payload: &[u8]) {
        self.prepare();
        header.encode(&mut self.copied);
        self.copied.extend_from_slice(payload);
        self.remaining += header.encoded_len() + payload.len();
    }

    /// Appends a frame whose payload, masked already if it has to be, is written from where it lies.
    pub(crate) fn append_shared(&mut self, header: &Header, payload: Bytes) {
        self.prepare();
        header.encode(&mut self.copied);
        let before = self.copied.len() - self.start - self.placed;
        self.placed += before;
        self.remaining += header.encoded_len() + payload.len();
        let header = header.encoded_len();
        self.shared.push_back(Shared { before, header, payload, controls: 0 });
    }

    /// Inserts a control frame at the next boundary between frames, and returns the count of written bytes at which it
    /// will have left.
    ///
    /// It passes payloads that are queued by reference; behind copied bytes, of which there are few, it waits its turn, and
    /// so it does behind control frames. Nothing is ever inserted before it, so the count holds.
    pub(crate) fn insert_control(&mut self, header: &Header, payload: &[u8]) -> u64 {
        let mut frame = Vec::with_capacity(header.encoded_len() + payload.len());
        push_frame(&mut frame, header, payload);
        let length = frame.len();
        self.remaining += length;
        self.prepare();
        let Some(front) = self.shared.front_mut() else {
            self.copied.append(&mut frame);
            return self.written + self.remaining as u64;
        };
        let has_begun = front.before < front.header;
        let (place, ahead) = if has_begun {
            let place = front.before + front.controls;
            let ahead = place + front.payload.len();
            front.controls += length;
            if let Some(second) = self.shared.get_mut(1) {
                second.before += length;
                self.placed += length;
            }
            (place, ahead)
        } else {
            let place = front.before - front.header;
            front.before += length;
            self.placed += length;
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

    /// Makes the buffer of the copied bytes ready for more: borrows one, or moves the unwritten bytes to the front when enough written
    /// ones precede them.
    #[inline]
    fn prepare(&mut self) {
        if self.copied.capacity() == 0 {
            self.copied = lend();
        } else if self.start > COMPACT_ABOVE && self.start >= self.copied.len() / 2 {
            self.copied.drain(..self.start);
            self.start = 0;
        }
    }

    fn copied_ahead(&self) -> &[u8] {
        self.copied.get(self.start..).unwrap_or_default()
    }

    fn advance_copied(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.copied.len() && self.copied.capacity() > 0 {
            give_back(std::mem::take(&mut self.copied));
            self.start = 0;
        }
    }
}

#[inline(always)]
fn push_frame(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    header.encode(out);
    let start = out.len();
    // The one copy of a small payload, or of a client's payload that it does not own.
    out.extend_from_slice(payload);
    if let Some(key) = header.mask
        && let Some(copy) = out.get_mut(start..)
    {
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
            self.placed -= copied;
            left -= copied;
            let shared = if front.before == 0 { left.min(front.payload.len()) } else { 0 };
            front.payload.advance(shared);
            left -= shared;
            let is_done = front.before == 0 && front.payload.is_empty();
            self.advance_copied(copied);
            if !is_done {
                return;
            }
            self.shared.pop_front();
            if self.shared.is_empty() {
                // An idle connection keeps no room for large payloads.
                self.shared = VecDeque::new();
            }
        }
        self.advance_copied(left);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Opcode;

    #[derive(Debug, Clone)]
    enum Step {
        Append(usize),
        Copied(usize),
        Shared(usize),
        Control(usize),
        Advance(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => (0..20_usize).prop_map(Step::Append),
            3 => (0..200_usize).prop_map(Step::Copied),
            1 => (8_000..12_000_usize).prop_map(Step::Copied),
            3 => (0..300_usize).prop_map(Step::Shared),
            4 => (0..=125_usize).prop_map(Step::Control),
            5 => any::<prop::sample::Index>().prop_map(Step::Advance),
        ];
        prop::collection::vec(step, 0..60)
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Copied,
        Shared,
        Control,
    }

    /// The naive twin: a list of frames, the first of which may be written in part.
    #[derive(Debug, Default)]
    struct Twin {
        frames: Vec<(Kind, Vec<u8>)>,
        begun: usize,
        written: u64,
    }

    impl Twin {
        fn bytes(&self) -> Vec<u8> {
            let all: Vec<u8> = self.frames.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            all[self.begun..].to_vec()
        }

        fn insert_control(&mut self, frame: Vec<u8>) -> u64 {
            let is_shared = |(kind, _): &(Kind, Vec<u8>)| *kind == Kind::Shared;
            let place = match self.frames.iter().position(is_shared) {
                None => self.frames.len(),
                Some(0) if self.begun > 0 => {
                    let behind = &self.frames[1..];
                    1 + behind.iter().take_while(|(kind, _)| *kind == Kind::Control).count()
                }
                Some(shared) => shared,
            };
            self.frames.insert(place, (Kind::Control, frame));
            let ahead: usize = self.frames[..=place].iter().map(|(_, bytes)| bytes.len()).sum();
            self.written + (ahead - self.begun) as u64
        }

        fn advance(&mut self, count: usize) {
            self.written += count as u64;
            self.begun += count;
            while let Some((_, first)) = self.frames.first()
                && first.len() <= self.begun
            {
                self.begun -= first.len();
                self.frames.remove(0);
            }
        }
    }

    fn header(opcode: Opcode, length: usize, masked: bool) -> Header {
        let mask = masked.then_some([0x37, 0xFA, 0x21, 0x3D]);
        Header { fin: true, rsv1: false, opcode, mask, payload_len: length as u64 }
    }

    fn vectored(transmit: &Transmit, count: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); count];
        let filled = transmit.chunks_vectored(&mut slices);
        assert!(slices[..filled].iter().all(|slice| !slice.is_empty()), "no slice is wasted");
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn the_rope_agrees_with_a_list_of_frames(steps in steps(), masked: bool) {
            let (mut transmit, mut twin) = (Transmit::default(), Twin::default());
            for (mark, step) in (0..=u8::MAX).zip(steps) {
                let payload = |length| vec![mark; length];
                let mut frame = Vec::new();
                match step {
                    Step::Append(length) => {
                        transmit.append(&payload(length));
                        twin.frames.push((Kind::Copied, payload(length)));
                    }
                    Step::Copied(length) => {
                        let header = header(Opcode::Binary, length, masked);
                        transmit.append_frame(&header, &payload(length));
                        push_frame(&mut frame, &header, &payload(length));
                        twin.frames.push((Kind::Copied, frame));
                    }
                    Step::Shared(length) => {
                        let header = header(Opcode::Binary, length, masked);
                        transmit.append_shared(&header, payload(length).into());
                        header.encode(&mut frame);
                        frame.extend(payload(length));
                        twin.frames.push((Kind::Shared, frame));
                    }
                    Step::Control(length) => {
                        let header = header(Opcode::Ping, length, masked);
                        push_frame(&mut frame, &header, &payload(length));
                        let leaves_at = transmit.insert_control(&header, &payload(length));
                        // Nothing is inserted before it later: where it is now is where it leaves.
                        prop_assert_eq!(leaves_at, twin.insert_control(frame));
                    }
                    Step::Advance(count) => {
                        let count = count.index(transmit.remaining() + 1);
                        transmit.advance(count);
                        twin.advance(count);
                    }
                }
                let bytes = twin.bytes();
                prop_assert_eq!(transmit.remaining(), bytes.len());
                prop_assert_eq!(transmit.written(), twin.written);
                prop_assert_eq!(transmit.chunk().is_empty(), bytes.is_empty());
                prop_assert!(bytes.starts_with(transmit.chunk()));
                prop_assert!(bytes.starts_with(&vectored(&transmit, 3)));
                prop_assert!(vectored(&transmit, 200) == bytes);
            }
            let bytes = twin.bytes();
            prop_assert!(transmit.copy_to_bytes(bytes.len()) == bytes);
        }
    }

    #[test]
    fn an_empty_queue_keeps_nothing() {
        let mut transmit = Transmit::default();
        for _ in 0..1000 {
            transmit.append(&[0; 1000]);
        }
        transmit.advance(1_000_000);
        for _ in 0..1000 {
            transmit.append_shared(&header(Opcode::Binary, 1, false), Bytes::from_static(b"x"));
        }
        transmit.advance(3000);
        assert_eq!((transmit.copied.capacity(), transmit.shared.capacity()), (0, 0));
        transmit.append(b"next");
        assert_eq!(transmit.chunk(), b"next");
    }

    #[test]
    fn what_is_forgotten_is_not_written() {
        let mut transmit = Transmit::default();
        transmit.append_shared(&header(Opcode::Binary, 5, false), Bytes::from_static(b"Hello"));
        transmit.advance(3);
        transmit.clear();
        assert_eq!((transmit.remaining(), transmit.written()), (0, 3));
        assert_eq!(transmit.insert_control(&header(Opcode::Ping, 0, false), b""), 5);
    }
}
