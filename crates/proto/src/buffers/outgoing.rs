//! Buffers for small frames on their way out.

use std::cell::RefCell;

/// How many of them a thread keeps, and the most that one of them holds.
const KEPT: usize = 4;
const KEPT_SIZE: usize = 64 << 10;

thread_local! {
    static OUTGOING: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
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
}
