//! Read buffers belong to the moment, not to the connection: a thread lends one when there is something to read.

use std::{cell::RefCell, collections::VecDeque};

use bytes::BytesMut;

/// The size of a buffer that is lent for a read.
const SIZE: usize = 64 << 10;

/// A read into a buffer that holds a part of a frame has at least this much room.
const ROOM: usize = 16 << 10;

/// A part of a frame up to this size waits for its rest in a buffer of its own size, so that a few bytes of a peer that says no more
/// do not hold a whole buffer.
const PART: usize = 4 << 10;

/// How many buffers of the one size a thread keeps, and how many bytes of larger ones.
const KEPT: usize = 2;
const KEPT_LARGE: usize = 8 << 20;

/// A buffer that is lent is at most so many times as large as what it is asked for: who keeps a payload keeps its buffer.
const LARGER: usize = 8;

thread_local! {
    static KEPT_BUFFERS: RefCell<Kept> = const {
        RefCell::new(Kept { buffers: Vec::new(), large: VecDeque::new(), large_size: 0 })
    };
}

/// What was read and not taken yet, in a buffer that may be the thread's.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    pub(super) bytes: BytesMut,
    /// The size of the whole buffer that `bytes` are a part of; `0` where it is not one that goes back to the thread.
    size: usize,
}

/// The buffers that a thread keeps. Payloads may still lie in them: a buffer is lent again once all have gone.
struct Kept {
    buffers: Vec<BytesMut>,
    /// Larger ones with their sizes, which were made for long messages. Memory that is new for each message costs more than all else that
    /// is done with it, as the system clears each page.
    large: VecDeque<(usize, BytesMut)>,
    large_size: usize,
}

impl ReadBuffer {
    /// These bytes are to be taken first.
    pub(super) const fn new(bytes: BytesMut) -> Self {
        Self { bytes, size: 0 }
    }

    /// Makes room for a read: in a buffer of the thread's where little or nothing is left over, and for `hint` bytes where a frame is
    /// under way.
    pub(super) fn make_room(&mut self, hint: usize) {
        let left = self.bytes.len();
        let room = if left == 0 { ROOM } else { hint.max(ROOM) };
        if self.bytes.capacity() - left >= room {
            return;
        }
        // What is left of the last read goes to the front of its buffer where no payload lies there.
        if left > PART && self.bytes.try_reclaim(room) {
            return;
        }
        let (buffer, size) = lend(left + room);
        let left = std::mem::replace(&mut self.bytes, buffer);
        self.bytes.extend_from_slice(&left);
        keep(left, std::mem::replace(&mut self.size, size));
    }

    /// Gives the buffer back that holds little or nothing.
    pub(super) fn give_back(&mut self) {
        if self.bytes.len() > PART {
            return;
        }
        // `from` allocates nothing for an empty slice.
        let part = BytesMut::from(self.bytes.as_ref());
        keep(std::mem::replace(&mut self.bytes, part), std::mem::take(&mut self.size));
    }
}

/// An empty buffer with this much room or more, and its size.
fn lend(room: usize) -> (BytesMut, usize) {
    let kept = KEPT_BUFFERS.try_with(|kept| kept.try_borrow_mut().ok()?.lend(room));
    kept.ok().flatten().unwrap_or_else(|| {
        let size = room.max(SIZE);
        (BytesMut::with_capacity(size), size)
    })
}

fn keep(buffer: BytesMut, size: usize) {
    // A thread that is ending keeps nothing.
    let _ = KEPT_BUFFERS.try_with(|kept| {
        if let Ok(mut kept) = kept.try_borrow_mut() {
            kept.keep(buffer, size);
        }
    });
}

impl Kept {
    fn lend(&mut self, room: usize) -> Option<(BytesMut, usize)> {
        if room <= SIZE {
            let mut buffer = self.buffers.pop()?;
            // Takes the whole buffer back where no payload lies in it any more.
            return buffer.try_reclaim(SIZE).then_some((buffer, SIZE));
        }
        let free = self.large.iter_mut().enumerate().filter_map(|(place, (size, buffer))| {
            let is_fit = *size <= room.saturating_mul(LARGER) && buffer.try_reclaim(room);
            is_fit.then_some((*size, place))
        });
        // The largest spares a long message further moves, and of several the one that was used last is in the cache.
        let (_, place) = free.max()?;
        let (size, buffer) = self.large.remove(place)?;
        self.large_size -= size;
        Some((buffer, size))
    }

    fn keep(&mut self, mut buffer: BytesMut, size: usize) {
        buffer.clear();
        if size == SIZE && self.buffers.len() < KEPT {
            self.buffers.push(buffer);
        } else if size > SIZE && size <= KEPT_LARGE {
            // The oldest ones make room; most likely a payload is in use in them.
            while self.large_size + size > KEPT_LARGE
                && let Some((oldest, _)) = self.large.pop_front()
            {
                self.large_size -= oldest;
            }
            self.large_size += size;
            self.large.push_back((size, buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> ReadBuffer {
        ReadBuffer::new(BytesMut::new())
    }

    #[test]
    fn a_buffer_goes_round_and_is_not_allocated_again() {
        let mut input = empty();
        input.make_room(0);
        assert_eq!(input.bytes.capacity(), SIZE);
        let address = input.bytes.as_ptr();
        input.give_back();
        assert_eq!(input.bytes.capacity(), 0);
        input.make_room(0);
        assert_eq!(input.bytes.as_ptr(), address);
    }

    #[test]
    fn a_buffer_with_a_payload_in_use_is_not_lent_again() {
        let mut input = empty();
        input.make_room(0);
        input.bytes.extend_from_slice(&[7; 5000]);
        let payload = input.bytes.split_to(5000).freeze();
        input.give_back();
        input.make_room(0);
        input.bytes.extend_from_slice(&[8; 5000]);
        assert_eq!(input.bytes.capacity(), SIZE);
        assert!(payload.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_part_of_a_frame_is_kept_and_has_room_behind_it() {
        let mut input = empty();
        input.make_room(0);
        input.bytes.extend_from_slice(b"part");
        input.give_back();
        assert_eq!((&input.bytes[..], input.bytes.capacity()), (b"part".as_slice(), 4));
        input.make_room(0);
        assert_eq!((&input.bytes[..], input.bytes.capacity()), (b"part".as_slice(), SIZE));
        input.make_room(100 << 10);
        assert_eq!(
            (&input.bytes[..], input.bytes.capacity()),
            (b"part".as_slice(), (100 << 10) + 4)
        );
    }

    #[test]
    fn what_is_left_of_a_read_moves_to_the_front_of_its_buffer() {
        let mut input = empty();
        input.make_room(0);
        let address = input.bytes.as_ptr();
        input.bytes.resize(SIZE, 7);
        bytes::Buf::advance(&mut input.bytes, SIZE - PART - 1);
        input.make_room(0);
        assert_eq!((input.bytes.as_ptr(), input.bytes.len()), (address, PART + 1));
        assert!(input.bytes.iter().all(|byte| *byte == 7));
    }

    /// A message of this length, received piece by piece; the payload.
    fn receive(input: &mut ReadBuffer, length: usize) -> bytes::Bytes {
        while input.bytes.len() < length {
            input.make_room((length - input.bytes.len()).min(SIZE.max(3 * input.bytes.len())));
            let count =
                (input.bytes.capacity() - input.bytes.len()).min(length - input.bytes.len());
            input.bytes.extend_from_slice(&vec![7; count]);
        }
        let payload = input.bytes.split_to(length).freeze();
        input.make_room(0);
        input.give_back();
        payload
    }

    #[test]
    fn long_messages_share_a_buffer_once_the_application_has_let_go_of_it() {
        let mut input = empty();
        let address = receive(&mut input, 1 << 20).as_ptr();
        for _ in 0..3 {
            let payload = receive(&mut input, 1 << 20);
            assert_eq!(payload.as_ptr(), address);
        }
        let held = receive(&mut input, 1 << 20);
        assert_ne!(receive(&mut input, 1 << 20).as_ptr(), held.as_ptr());
    }

    #[test]
    fn a_message_that_is_kept_holds_a_few_times_its_size() {
        let mut input = empty();
        drop(receive(&mut input, 4 << 20));
        let place = receive(&mut input, 100 << 10).as_ptr();
        let sizes = KEPT_BUFFERS.with_borrow_mut(|kept| {
            let lies_in = |(size, buffer): &mut (usize, BytesMut)| {
                (buffer.try_reclaim(*size) && buffer.as_ptr() == place).then_some(*size)
            };
            kept.large.iter_mut().filter_map(lies_in).collect::<Vec<_>>()
        });
        assert_eq!(sizes.len(), 1);
        assert!(sizes[0] <= LARGER * (100 << 10), "{sizes:?}");
    }

    #[test]
    fn a_thread_keeps_no_more_than_it_says() {
        let mut inputs: Vec<_> = (0..8).map(|_| empty()).collect();
        let payloads: Vec<_> = inputs.iter_mut().map(|input| receive(input, 1 << 20)).collect();
        let huge = receive(&mut empty(), 2 * KEPT_LARGE);
        KEPT_BUFFERS.with_borrow(|kept| {
            assert!(kept.buffers.len() <= KEPT);
            assert!(kept.large_size <= KEPT_LARGE);
            assert_eq!(kept.large.iter().map(|(size, _)| size).sum::<usize>(), kept.large_size);
        });
        drop((payloads, huge));
    }
}
