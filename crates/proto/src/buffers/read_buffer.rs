//! Where a connection reads to.

use bytes::BytesMut;

use super::pool::Lent;

/// A read into a buffer that holds a part of a frame has at least this much room.
const ROOM: usize = 16 << 10;

/// A part of a frame up to this size waits for its rest in a buffer of its own size, so that a few bytes of a peer that says no more
/// do not hold a whole buffer.
const PART: usize = 4 << 10;

/// What was read and not taken yet, in a buffer that the thread lends while there is something to read.
///
/// A connection that waits holds none. Buffers have 64 KiB, and more where a long message arrives; the thread keeps up to 9 MiB of them.
/// [`bytes_mut`](Self::bytes_mut) is the input of [`Machine::poll_event`](crate::Machine::poll_event).
#[derive(Debug, Default)]
pub struct ReadBuffer(Lent);

impl ReadBuffer {
    /// These bytes are to be taken first.
    #[must_use]
    pub const fn new(bytes: BytesMut) -> Self {
        Self(Lent::own(bytes))
    }

    /// What was read and not taken yet.
    #[must_use]
    pub const fn bytes(&self) -> &BytesMut {
        &self.0.bytes
    }

    /// What was read and not taken yet: append to it, and take from its front.
    #[must_use]
    pub const fn bytes_mut(&mut self) -> &mut BytesMut {
        &mut self.0.bytes
    }

    /// Makes room for a read, at least 16 KiB: in a buffer of the thread's where little or nothing is left over, and for `hint` bytes
    /// ([`Machine::read_hint`](crate::Machine::read_hint)) where a frame is under way.
    pub fn make_room(&mut self, hint: usize) {
        let bytes = &mut self.0.bytes;
        let left = bytes.len();
        let room = if left == 0 { ROOM } else { hint.max(ROOM) };
        if bytes.capacity() - left >= room {
            return;
        }
        // What is left of the last read goes to the front of its buffer where no payload lies there.
        if left > PART && bytes.try_reclaim(room) {
            return;
        }
        self.0.move_to_room(left + room);
    }

    /// Gives the buffer back, where nothing was left over or no more than 4 KiB of a frame, which get a place of their own.
    ///
    /// Call it when there is nothing to read.
    pub fn give_back(&mut self) {
        if self.0.bytes.len() <= PART {
            // `from` allocates nothing for an empty slice.
            self.0 = Lent::own(BytesMut::from(self.0.bytes.as_ref()));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};

    use super::{super::pool::SIZE, *};

    #[test]
    fn a_buffer_that_was_given_back_is_lent_again() {
        let mut input = ReadBuffer::default();
        input.make_room(0);
        assert_eq!(input.bytes().capacity(), SIZE);
        let address = input.bytes().as_ptr();
        input.give_back();
        assert_eq!(input.bytes().capacity(), 0);
        input.make_room(0);
        assert_eq!(input.bytes().as_ptr(), address);
        drop(input);
        let mut input = ReadBuffer::default();
        input.make_room(0);
        assert_eq!(input.bytes().as_ptr(), address);
    }

    #[test]
    fn a_part_of_a_frame_is_kept_and_has_room_behind_it() {
        let mut input = ReadBuffer::default();
        input.make_room(0);
        input.bytes_mut().extend_from_slice(b"part");
        input.give_back();
        assert_eq!((&input.bytes()[..], input.bytes().capacity()), (b"part".as_slice(), 4));
        input.make_room(0);
        assert_eq!((&input.bytes()[..], input.bytes().capacity()), (b"part".as_slice(), SIZE));
        input.make_room(100 << 10);
        assert_eq!(&input.bytes()[..], b"part");
        assert_eq!(input.bytes().capacity(), (100 << 10) + 4);
    }

    #[test]
    fn what_is_left_of_a_read_moves_to_the_front_of_its_buffer() {
        let mut input = ReadBuffer::default();
        input.make_room(0);
        let address = input.bytes().as_ptr();
        input.bytes_mut().resize(SIZE, 7);
        input.bytes_mut().advance(SIZE - PART - 1);
        input.make_room(0);
        assert_eq!((input.bytes().as_ptr(), input.bytes().len()), (address, PART + 1));
        assert!(input.bytes().iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_small_part_that_is_left_of_a_read_moves_to_another_buffer() {
        let mut input = ReadBuffer::default();
        input.make_room(0);
        let address = input.bytes().as_ptr();
        input.bytes_mut().resize(SIZE, 7);
        input.bytes_mut().advance(SIZE - PART);
        input.make_room(0);
        assert_ne!(input.bytes().as_ptr(), address);
        assert_eq!(input.bytes()[..], [7; PART]);
    }

    #[test]
    fn what_is_read_stays_where_it_lies_while_there_is_room_or_much_of_it() {
        let mut input = ReadBuffer::default();
        input.make_room(0);
        let address = input.bytes().as_ptr();
        for read in [1000, SIZE - ROOM - 1000] {
            let length = input.bytes().len() + read;
            input.bytes_mut().resize(length, 7);
            input.make_room(0);
            assert_eq!(input.bytes().as_ptr(), address);
        }
        input.give_back();
        assert_eq!((input.bytes().as_ptr(), input.bytes().len()), (address, SIZE - ROOM));
    }

    #[test]
    fn a_buffer_that_is_almost_full_gets_room() {
        let mut input = ReadBuffer::new(BytesMut::zeroed(SIZE));
        input.make_room(0);
        assert_eq!(input.bytes().len(), SIZE);
        assert!(input.bytes().capacity() - SIZE >= ROOM);
    }

    /// A message of this length, received piece by piece; the payload.
    fn receive(input: &mut ReadBuffer, length: usize) -> Bytes {
        while input.bytes().len() < length {
            let left = length - input.bytes().len();
            input.make_room(left.min(SIZE.max(3 * input.bytes().len())));
            let room = input.bytes().capacity() - input.bytes().len();
            input.bytes_mut().extend_from_slice(&vec![7; room.min(left)]);
        }
        let payload = input.bytes_mut().split_to(length).freeze();
        input.make_room(0);
        input.give_back();
        payload
    }

    #[test]
    fn long_messages_share_a_buffer_once_the_application_has_let_go_of_it() {
        let mut input = ReadBuffer::default();
        let address = receive(&mut input, 1 << 20).as_ptr();
        for _ in 0..3 {
            let payload = receive(&mut input, 1 << 20);
            assert_eq!(payload.as_ptr(), address);
        }
    }
}
