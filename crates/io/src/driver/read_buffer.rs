//! Read buffers belong to the moment, not to the connection: a thread lends one when there is something to read.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a buffer that is lent.
const SIZE: usize = 64 << 10;

/// A read into a buffer that holds a part of a frame has at least this much room.
const ROOM: usize = 16 << 10;

/// A part of a frame up to this size waits for its rest in a buffer of its own size, so that a few bytes of a peer that says no more
/// do not hold a whole buffer.
const PART: usize = 4 << 10;

/// How many buffers a thread keeps.
const KEPT: usize = 2;

thread_local! {
    static KEPT_BUFFERS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a read: in a buffer of the thread's where little or nothing is in `input`, and for `hint` bytes where a frame is
/// under way.
pub(super) fn make_room(input: &mut BytesMut, hint: usize) {
    let room = if input.is_empty() { ROOM } else { hint.max(ROOM) };
    if input.capacity() - input.len() >= room {
        return;
    }
    if input.len() <= PART && input.len() + room <= SIZE {
        let part = std::mem::replace(input, lend());
        input.extend_from_slice(&part);
    } else {
        // Moves what is left of the last read to the front of the buffer, or copies it into another where a payload still lies in this
        // one: at most a part of one frame.
        input.reserve(room);
    }
}

/// Takes the buffer of an input back that holds little or nothing.
pub(super) fn give_back(input: &mut BytesMut) {
    if input.len() > PART || input.capacity() < ROOM {
        return;
    }
    // `from` allocates nothing for an empty slice.
    let part = BytesMut::from(input.as_ref());
    let mut buffer = std::mem::replace(input, part);
    buffer.clear();
    // A thread that is ending keeps nothing.
    let _ = KEPT_BUFFERS.try_with(|kept| {
        if let Ok(mut kept) = kept.try_borrow_mut()
            && kept.len() < KEPT
        {
            kept.push(buffer);
        }
    });
}

fn lend() -> BytesMut {
    let kept = KEPT_BUFFERS.try_with(|kept| kept.try_borrow_mut().ok()?.pop());
    let mut buffer = kept.ok().flatten().unwrap_or_default();
    // Takes the whole buffer back where no payload lies in it any more, else allocates another.
    if buffer.capacity() < SIZE && !buffer.try_reclaim(SIZE) {
        buffer = BytesMut::with_capacity(SIZE);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_goes_round_and_is_not_allocated_again() {
        let mut input = BytesMut::new();
        make_room(&mut input, 0);
        assert_eq!(input.capacity(), SIZE);
        let address = input.as_ptr();
        give_back(&mut input);
        assert_eq!(input.capacity(), 0);
        make_room(&mut input, 0);
        assert_eq!(input.as_ptr(), address);
    }

    #[test]
    fn a_buffer_with_a_payload_in_use_is_not_lent_again() {
        let mut input = BytesMut::new();
        make_room(&mut input, 0);
        input.extend_from_slice(&[7; 5000]);
        let payload = input.split_to(5000).freeze();
        give_back(&mut input);
        make_room(&mut input, 0);
        input.extend_from_slice(&[8; 5000]);
        assert_eq!(input.capacity(), SIZE);
        assert!(payload.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_part_of_a_frame_is_kept_and_has_room_behind_it() {
        let mut input = BytesMut::new();
        make_room(&mut input, 0);
        input.extend_from_slice(b"part");
        give_back(&mut input);
        assert_eq!((&input[..], input.capacity()), (b"part".as_slice(), 4));
        make_room(&mut input, 0);
        assert_eq!((&input[..], input.capacity()), (b"part".as_slice(), SIZE));
        make_room(&mut input, 100 << 10);
        assert!(input.capacity() >= (100 << 10) + 4);
        assert_eq!(&input[..], b"part");
    }
}
