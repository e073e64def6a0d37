//! The block that small payloads are copied into.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// It is used again once the application has let go of them.
const BLOCK: usize = 4 << 10;

thread_local! {
    static INCOMING: RefCell<BytesMut> = RefCell::new(BytesMut::new());
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
