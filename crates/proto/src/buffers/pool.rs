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

/// An empty buffer with this much room or more, and its size.
pub(super) fn lend(room: usize) -> (BytesMut, usize) {
    let lent = POOLS.try_with(|pools| {
        let [reads, large] = &mut *pools.try_borrow_mut().ok()?;
        if room <= SIZE { reads.lend(SIZE) } else { large.lend(room) }
    });
    lent.ok().flatten().unwrap_or_else(|| {
        let size = room.max(SIZE);
        (BytesMut::with_capacity(size), size)
    })
}

/// Takes a buffer of this size back, which payloads may lie in; one that was not lent has size 0.
pub(super) fn give_back(buffer: BytesMut, size: usize) {
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

impl Pool {
    const fn new(limit: usize) -> Self {
        Self { buffers: VecDeque::new(), size: 0, limit }
    }

    fn lend(&mut self, room: usize) -> Option<(BytesMut, usize)> {
        if let Some((size, last)) = self.buffers.back_mut()
            && room == *size
            && last.try_reclaim(room)
        {
            let lent = self.buffers.pop_back();
            self.size -= room;
            return lent.map(|(size, buffer)| (buffer, size));
        }
        let kept = self.buffers.iter_mut().enumerate().rev().take(SEARCHED);
        let free = kept.filter_map(|(place, (size, buffer))| {
            let is_fit = *size <= room.saturating_mul(LARGER) && buffer.try_reclaim(room);
            is_fit.then_some((*size, place))
        });
        // The largest spares a long message further moves, and of several the one that was used last is in the cache.
        let (_, place) = free.max()?;
        let (size, buffer) = self.buffers.remove(place)?;
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
        let (mut buffer, size) = lend(room);
        buffer.resize(length, 7);
        let payload = buffer.split_to(length).freeze();
        give_back(buffer, size);
        (payload, size)
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
    fn a_thread_keeps_no_more_than_it_says() {
        let payloads: Vec<_> = (0..40).map(|_| payload(5000, SIZE)).collect();
        assert_eq!(kept().iter().sum::<usize>(), KEPT);
        let large: Vec<_> = (0..20).map(|_| payload(1 << 20, 1 << 20)).collect();
        assert_eq!(kept().iter().sum::<usize>(), KEPT + KEPT_LARGE);
        let huge = payload(1, KEPT_LARGE + 1);
        assert_eq!(kept().iter().sum::<usize>(), KEPT + KEPT_LARGE);
        drop((payloads, large, huge));
    }
}
