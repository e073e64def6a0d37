//! Where a message is put together, of the frames that carry it or of a payload that others see too.

use bytes::{Bytes, BytesMut};

use super::pool::{Lent, SIZE};

/// The bytes of a message so far: in a buffer of the thread's once there are many.
#[derive(Debug, Default)]
pub(crate) struct AssemblyBuffer(Lent);

impl AssemblyBuffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    /// With room for a message of this size.
    pub(crate) fn with_room(size: usize) -> Self {
        Self(if size <= SIZE {
            Lent::own(BytesMut::with_capacity(size))
        } else {
            Lent::with_room(size)
        })
    }

    /// Appends a part, and returns it as it lies here; the buffer grows with what has come, to at most twice as much or to one that is
    /// kept.
    pub(crate) fn append(&mut self, part: &[u8]) -> &mut [u8] {
        let (held, needed) = (self.0.bytes.len(), self.0.bytes.len() + part.len());
        if needed > self.0.bytes.capacity() && needed > SIZE {
            self.0.move_to_room(needed.max(2 * held));
        }
        self.0.bytes.extend_from_slice(part);
        self.0.bytes.get_mut(held..).unwrap_or_default()
    }

    /// All of the message.
    pub(crate) fn take(&mut self) -> Bytes {
        self.0.bytes.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::pool::kept, *};

    fn assembled(part: usize, count: usize) -> Bytes {
        let mut buffer = AssemblyBuffer::default();
        assert!(buffer.is_empty());
        for _ in 0..count {
            buffer.append(&vec![7; part]);
        }
        buffer.take()
    }

    #[test]
    fn parts_come_together_whatever_their_size() {
        for (part, count) in
            [(0, 3), (1, 1000), (1000, 100), (SIZE, 3), (SIZE + 1, 2), (1 << 20, 3)]
        {
            let message = assembled(part, count);
            assert_eq!(message.len(), part * count);
            assert!(message.iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn a_message_of_a_known_size_is_not_moved() {
        for size in [1, SIZE, SIZE + 1] {
            let mut buffer = AssemblyBuffer::with_room(size);
            let address = buffer.append(&[7]).as_ptr();
            buffer.append(&vec![7; size - 1]);
            assert_eq!(buffer.take().as_ptr(), address);
        }
    }

    #[test]
    fn only_a_long_message_holds_a_buffer_of_the_thread() {
        assert_eq!(AssemblyBuffer::with_room(SIZE).0.bytes.capacity(), SIZE);
        assert_eq!(AssemblyBuffer::with_room(100).0.bytes.capacity(), 100);
        assembled(SIZE / 2, 2);
        assert_eq!(kept(), [0; 0]);
        assembled(SIZE / 2, 3);
        assert_eq!(kept(), [2 * SIZE]);
    }

    #[test]
    fn the_next_long_message_lies_where_the_last_one_lay() {
        let address = assembled(4 << 10, 256).as_ptr();
        assert_eq!(assembled(4 << 10, 256).as_ptr(), address);
    }
}
