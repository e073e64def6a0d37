//! Buffers for what arrives, lent for a time.

use std::{cell::RefCell, collections::VecDeque};

use bytes::BytesMut;

/// The size of a buffer for a read.
pub(super) const SIZE: usize = 64 << 10;

/// How many bytes a thread keeps in buffers of that size, and how many in larger ones.
const KEPT: usize = 1 << 20;
const KEPT_LARGE: usize = 8 << 20;

/// A buffer that is lent is at most so many times as large as what it is asked for: who keeps a payload keeps its buffer.
const LARGER: usize = 8;

/// How many of the buffers that were kept last are looked at for a free one.
const SEARCHED: usize = 16;

thread_local! {
    static POOLS: RefCell<[Pool; 2]> = const { RefCell::new([Pool::new(KEPT), Pool::new(KEPT_LARGE)]) };
}

/// The buffers that a thread keeps. Payloads may still lie in them: a buffer is lent again once all have gone. Memory that is new for
/// each long message costs more than all else that is done with it, as the system clears each page.
#[derive(Debug)]
struct Pool {
    /// Those that were kept first stand first.
    buffers: VecDeque<(usize, BytesMut)>,
    size: usize,
    limit: usize,
}

/// Bytes in a buffer of the thread's, which goes back when this is dropped; or in one of their own.
#[derive(Debug, Default)]
pub(super) struct Lent {
    pub(super) bytes: BytesMut,
    /// The size of the whole buffer that `bytes` are a part of; `0` where it is their own.
    size: usize,
}

impl Lent {
    /// These bytes, which stay where they are.
    pub(super) const fn own(bytes: BytesMut) -> Self {
        Self { bytes, size: 0 }
    }

    /// An empty buffer with this much room or more.
    pub(super) fn with_room(room: usize) -> Self {
        let lent = POOLS.try_with(|pools| {
            let [reads, large] = &mut *pools.try_borrow_mut().ok()?;
            if room <= SIZE { reads.lend(SIZE) } else { large.lend(room) }
        });
        let (bytes, size) = lent.ok().flatten().unwrap_or_else(|| {
            let size = room.max(SIZE);
            (BytesMut::with_capacity(size), size)
        });
        Self { bytes, size }
    }

    /// Moves the bytes into a buffer with this much room for all of them.
    pub(super) fn move_to_room(&mut self, room: usize) {
        let mut larger = Self::with_room(room);
        larger.bytes.extend_from_slice(&self.bytes);
        *self = larger;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (buffer, size) = (std::mem::take(&mut self.bytes), self.size);
        if size == 0 {
            return;
        }
        // A thread that is ending keeps nothing.
        let _ = POOLS.try_with(|pools| {
            if let Ok(mut pools) = pools.try_borrow_mut() {
                let [reads, large] = &mut *pools;
                if size <= SIZE { reads.keep(buffer, size) } else { large.keep(buffer, size) }
            }
        });
    }
}

impl Pool {
    const fn new(limit: usize) -> Self {
        Self { buffers: VecDeque::new(), size: 0, limit }
    }

    fn lend(&mut self, room: usize) -> Option<(BytesMut, usize)> {
        // The largest spares a long message further moves, and of several the one that was used last is in the cache.
        let mut best: Option<(usize, usize)> = None;
        for (place, (size, buffer)) in self.buffers.iter_mut().enumerate().rev().take(SEARCHED) {
            if best.is_none_or(|(_, best)| *size > best)
                && *size <= room.saturating_mul(LARGER)
                && buffer.try_reclaim(room)
            {
                best = Some((place, *size));
            }
        }
        let (size, buffer) = self.buffers.remove(best?.0)?;
        self.size -= size;
        Some((buffer, size))
    }

    fn keep(&mut self, mut buffer: BytesMut, size: usize) {
        if size > self.limit {
            return;
        }
        // The oldest ones make room; most likely a payload is in use in them.
        while self.size + size > self.limit
            && let Some((oldest, _)) = self.buffers.pop_front()
        {
            self.size -= oldest;
        }
        buffer.clear();
        self.size += size;
        self.buffers.push_back((size, buffer));
    }
}

/// The sizes of the buffers that this thread keeps.
#[cfg(test)]
pub(super) fn kept() -> Vec<usize> {
    POOLS.with_borrow(|pools| {
        let sizes = pools.iter().flat_map(|pool| pool.buffers.iter().map(|(size, _)| *size));
        sizes.collect()
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A payload of this length in a buffer of this size, which is given back.
    fn payload(length: usize, room: usize) -> (Bytes, usize) {
        let mut lent = Lent::with_room(room);
        lent.bytes.resize(length, 7);
        (lent.bytes.split_to(length).freeze(), lent.size)
    }

    #[test]
    fn a_buffer_goes_round_and_is_not_allocated_again() {
        for room in [1, SIZE, SIZE + 1, 1 << 20] {
            let (first, _) = payload(1000, room);
            let address = first.as_ptr();
            drop(first);
            assert_eq!(payload(1000, room).0.as_ptr(), address);
        }
    }

    #[test]
    fn a_buffer_with_a_payload_in_use_is_not_lent() {
        for room in [SIZE, 1 << 20] {
            let (first, _) = payload(5000, room);
            let (second, _) = payload(5000, room);
            assert_ne!(first.as_ptr(), second.as_ptr());
            drop(second);
            assert!(first.iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn a_payload_that_is_kept_holds_a_few_times_its_size() {
        drop(payload(1, 4 << 20));
        let (_, size) = payload(100 << 10, 100 << 10);
        assert!(size <= LARGER * (100 << 10), "{size}");
        let (_, size) = payload(1 << 20, 1 << 20);
        assert_eq!(size, 4 << 20, "the larger one is lent where it fits");
    }

    #[test]
    fn of_those_that_fit_the_largest_is_lent_and_of_several_the_last() {
        let lent: Vec<_> = [100, 200, 200, 150].map(|kib| Lent::with_room(kib << 10)).into();
        let last_of_the_largest = lent[2].bytes.as_ptr();
        drop(lent);
        let lent = Lent::with_room(70 << 10);
        assert_eq!((lent.size, lent.bytes.as_ptr()), (200 << 10, last_of_the_largest));
    }

    #[test]
    fn lending_changes_nothing_of_what_a_thread_may_keep() {
        let all = || -> Vec<_> { (0..KEPT / SIZE).map(|_| Lent::with_room(SIZE)).collect() };
        for _ in 0..3 {
            drop(all());
            drop(Lent::with_room(SIZE));
            assert_eq!(kept(), [SIZE; KEPT / SIZE]);
        }
        let more = (all(), all());
        drop(more);
        assert_eq!(kept(), [SIZE; KEPT / SIZE]);
        let (some, others) = (all(), all());
        drop(some);
        drop(Lent::with_room(SIZE));
        drop(others);
        assert_eq!(kept(), [SIZE; KEPT / SIZE]);
        drop(Lent::with_room(KEPT_LARGE));
        assert_eq!(kept().last(), Some(&KEPT_LARGE));
    }

    #[test]
    fn a_thread_keeps_no_more_than_it_says() {
        let payloads: Vec<_> = (0..40).map(|_| payload(5000, SIZE)).collect();
        assert_eq!(kept().iter().sum::<usize>(), 1 << 20);
        let large: Vec<_> = (0..20).map(|_| payload(1 << 20, 1 << 20)).collect();
        assert_eq!(kept().iter().sum::<usize>(), 9 << 20);
        let huge = payload(1, (8 << 20) + 1);
        assert_eq!(kept().iter().sum::<usize>(), 9 << 20);
        drop((payloads, large, huge));
    }
}
