//! Buffers that belong to the thread that works, not to the connection that waits.
//!
//! A connection needs them for as long as bytes are on their way. Kept by each connection they would be most of its memory.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// Small payloads are copied into blocks of this size, which are used again once the application has let go of them.
const BLOCK: usize = 4 << 10;

/// How many buffers for outgoing bytes a thread keeps, and the most that one of them holds.
const KEPT: usize = 4;
const KEPT_SIZE: usize = 64 << 10;

thread_local! {
    static OUTGOING: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static INCOMING: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// An empty buffer for outgoing bytes.
pub(crate) fn lend() -> Vec<u8> {
    let kept = OUTGOING.try_with(|kept| kept.try_borrow_mut().ok()?.pop());
    kept.ok().flatten().unwrap_or_default()
}

/// Takes such a buffer back.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    buffer.clear();
    // A burst does not leave the thread with a large buffer.
    buffer.shrink_to(KEPT_SIZE);
    // A thread that is ending keeps nothing.
    let _ = OUTGOING.try_with(|kept| {
        if let Ok(mut kept) = kept.try_borrow_mut()
            && kept.len() < KEPT
        {
            kept.push(buffer);
        }
    });
}

/// A copy of a payload that is smaller than a block: the one copy of a small message, so that keeping it holds no read buffer.
pub(crate) fn copied(payload: &[u8]) -> Bytes {
    let copied = INCOMING.try_with(|block| {
        let mut block = block.try_borrow_mut().ok()?;
        if block.capacity() < payload.len() {
            // Takes the old block back if nothing in it is in use any more, else allocates another.
            block.reserve(BLOCK);
        }
        block.extend_from_slice(payload);
        Some(block.split().freeze())
    });
    copied.ok().flatten().unwrap_or_else(|| Bytes::copy_from_slice(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_goes_round_and_is_empty() {
        let mut buffer = lend();
        buffer.extend_from_slice(&[7; 1000]);
        let address = buffer.as_ptr();
        give_back(buffer);
        let buffer = lend();
        assert_eq!((buffer.as_ptr(), buffer.len()), (address, 0));
    }

    #[test]
    fn a_thread_keeps_few_buffers_and_none_that_is_large() {
        (0..2 * KEPT).for_each(|_| give_back(Vec::with_capacity(4 * KEPT_SIZE)));
        let kept = OUTGOING.with(RefCell::take);
        assert_eq!(kept.len(), KEPT);
        assert!(kept.iter().all(|buffer| buffer.capacity() <= KEPT_SIZE));
    }

    #[test]
    fn copies_lie_side_by_side_and_stay_what_they_are() {
        let copies: Vec<_> = (0..=u8::MAX).map(|mark| copied(&[mark; 100])).collect();
        for (mark, copy) in (0..=u8::MAX).zip(&copies) {
            assert_eq!(&copy[..], [mark; 100]);
        }
        assert_eq!(copies[1].as_ptr(), copies[0].as_ptr().wrapping_add(100));
    }

    #[test]
    fn a_block_is_used_again_once_its_copies_are_gone() {
        let address = copied(&[1; 4000]).as_ptr();
        assert_eq!(copied(&[2; 4000]).as_ptr(), address);
    }
}
