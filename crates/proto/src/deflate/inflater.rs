//! Inflating messages (RFC 7692 §7.2.2), never further than the caller has room for.

use std::fmt;

use bytes::BytesMut;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::{
    TAIL,
    contexts::{self, Mark, Pool, Taken},
    negotiate::Direction,
    window::Window,
};

thread_local! {
    static INFLATERS: Pool<Inflate, ()> = const { Pool::new(Vec::new()) };
}

/// Inflates the messages of one direction of one connection.
pub(crate) struct Inflater {
    direction: Direction,
    window: Window,
    mark: Mark,
    /// The message under way: its context, and how much of the tail it was given.
    message: Option<(Inflate, usize)>,
}

/// The compressed bytes are not a DEFLATE stream, or refer to bytes before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

impl Inflater {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, window: Window::default(), mark: Mark::new(), message: None }
    }

    /// Inflates from `input` and appends at most `room` bytes to `output`; how many bytes of `input` were used.
    ///
    /// Where `room` was filled there may be more to come, even without more input.
    pub(crate) fn inflate(
        &mut self,
        input: &[u8],
        output: &mut BytesMut,
        room: usize,
    ) -> Result<usize, Corrupt> {
        let (mut context, tail) = self.message.take().unwrap_or_else(|| (self.context(), 0));
        let used = self.run(&mut context, input, output, room);
        self.message = Some((context, tail));
        used
    }

    /// Ends the message once all of its input was used: appends at most `room` bytes, and answers whether that was the end.
    pub(crate) fn finish(&mut self, output: &mut BytesMut, room: usize) -> Result<bool, Corrupt> {
        let (mut context, tail) = self.message.take().unwrap_or_else(|| (self.context(), 0));
        let before = output.len();
        let rest = TAIL.get(tail..).unwrap_or_default();
        let used = self.run(&mut context, rest, output, room)?;
        if used < rest.len() || output.len() - before == room {
            self.message = Some((context, tail + used));
            return Ok(false);
        }
        self.mark = self.mark.next();
        if !self.direction.takeover {
            self.window = Window::default();
        }
        contexts::give(&INFLATERS, self.direction.takeover.then_some(self.mark), (), context);
        Ok(true)
    }

    /// Runs the inflater until the input is used, the room is filled, or nothing moves.
    ///
    /// Each turn uses input or makes output, so the number of turns is bounded by both together.
    fn run(
        &mut self,
        context: &mut Inflate,
        input: &[u8],
        output: &mut BytesMut,
        room: usize,
    ) -> Result<usize, Corrupt> {
        let (mut rest, mut room) = (input, room);
        // Small enough to stay in the cache between the inflater and the copy out of it.
        let mut buffer = [0; 8 << 10];
        while room > 0 {
            let Some(space) = buffer.get_mut(..room.min(8 << 10)) else { break };
            let space_len = space.len();
            let (used, made) = (context.total_in(), context.total_out());
            let status = context.decompress(rest, space, InflateFlush::SyncFlush);
            let used = usize::try_from(context.total_in() - used).unwrap_or_default();
            let made = usize::try_from(context.total_out() - made).unwrap_or_default();
            rest = rest.get(used..).unwrap_or_default();
            let plaintext = buffer.get(..made).unwrap_or_default();
            output.extend_from_slice(plaintext);
            room -= made;
            self.window.push(plaintext, self.direction.window.size());
            if status.map_err(|_| Corrupt)? == Status::StreamEnd {
                // A final block in mid-stream (RFC 7692 §7.2.3.4): the next block goes on with the same window.
                context.reset(false);
                self.prime(context);
            } else if used == 0 && made == 0 {
                break;
            }
            if rest.is_empty() && made < space_len {
                break;
            }
        }
        if !rest.is_empty() && room > 0 { Err(Corrupt) } else { Ok(input.len() - rest.len()) }
    }

    /// An inflater whose history is the window of this direction.
    fn context(&self) -> Inflate {
        let mut context = match contexts::take(&INFLATERS, self.mark, &()) {
            Some(Taken::Own(context)) => return context,
            Some(Taken::Used(mut context)) => {
                context.reset(false);
                context
            }
            // Always 32 KiB: reading with a larger window than the peer writes with is the same, and one kind serves all.
            None => Inflate::new(false, 15),
        };
        self.prime(&mut context);
        context
    }

    fn prime(&self, context: &mut Inflate) {
        if !self.window.as_slice().is_empty() {
            // It can only fail on a stream that has begun.
            let _ = context.set_dictionary(self.window.as_slice());
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("direction", &self.direction).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{DeflateConfig, Level, WindowBits, deflater::Deflater},
        *,
    };

    fn direction(window: u8, takeover: bool) -> Direction {
        Direction { window: WindowBits::new(window).unwrap(), takeover }
    }

    /// Inflates a whole message, `step` bytes of input and `room` bytes of output at a time.
    fn inflate(
        inflater: &mut Inflater,
        message: &[u8],
        step: usize,
        room: usize,
    ) -> Result<Vec<u8>, Corrupt> {
        let mut output = BytesMut::new();
        for mut piece in message.chunks(step) {
            loop {
                let before = output.len();
                let used = inflater.inflate(piece, &mut output, room)?;
                piece = &piece[used..];
                if piece.is_empty() && output.len() - before < room {
                    break;
                }
            }
        }
        while !inflater.finish(&mut output, room)? {}
        Ok(output.to_vec())
    }

    fn inflate_all(messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, Corrupt> {
        let mut inflater = Inflater::new(direction(15, true));
        messages
            .iter()
            .map(|message| inflate(&mut inflater, message, usize::MAX, usize::MAX))
            .collect()
    }

    /// The vectors of RFC 7692 §7.2.3 (PD02–PD05, PD08).
    #[test]
    fn the_vectors_of_the_rfc_inflate() {
        let hello = b"Hello".to_vec();
        let compressed: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        assert_eq!(inflate_all(&[compressed]), Ok(vec![hello.clone()]));
        let again: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate_all(&[compressed, again]), Ok(vec![hello.clone(), hello.clone()]));
        let stored: &[u8] = &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
        assert_eq!(inflate_all(&[stored, again]), Ok(vec![hello.clone(), hello.clone()]));
        let two_blocks: &[u8] =
            &[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];
        assert_eq!(inflate_all(&[two_blocks]), Ok(vec![hello]));
        assert_eq!(inflate_all(&[&[0x00]]), Ok(vec![vec![]]));
        assert_eq!(inflate_all(&[&[]]), Ok(vec![vec![]]));
    }

    /// RFC 7692 §7.2.3.4: the window outlives a final block.
    #[test]
    fn a_final_block_in_mid_stream_keeps_the_window() {
        let last: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
        let again: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate_all(&[last, again, last]), Ok(vec![b"Hello".to_vec(); 3]));
        let mut bare = Inflater::new(direction(15, false));
        for _ in 0..2 {
            assert_eq!(inflate(&mut bare, last, 1, 1), Ok(b"Hello".to_vec()));
        }
        assert_eq!(
            inflate(&mut bare, again, 1, 1),
            Err(Corrupt),
            "there is no context to refer to"
        );
    }

    /// The tail is put back whatever the message ends with (PD03), so that a sender that left it on has broken its own context.
    #[test]
    fn a_tail_that_was_not_stripped_costs_the_sender_its_next_message() {
        let message: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF];
        assert_eq!(inflate_all(&[message]), Ok(vec![b"Hello".to_vec()]));
        assert_eq!(inflate_all(&[message, message]), Err(Corrupt));
    }

    #[test]
    fn a_bomb_stops_where_the_room_ends() {
        let bomb = Deflater::new(direction(15, true), &DeflateConfig::default())
            .compress(&vec![0; 16 << 20], true);
        let mut output = BytesMut::new();
        let used = Inflater::new(direction(15, true)).inflate(&bomb, &mut output, 1025).unwrap();
        assert_eq!(output.len(), 1025);
        assert!(used < bomb.len());
    }

    #[test]
    fn more_connections_than_contexts_read_each_other_right() {
        let config = DeflateConfig::default().level(Level::BALANCED);
        let mut pairs: Vec<_> = (0..40)
            .map(|_| {
                (Deflater::new(direction(12, true), &config), Inflater::new(direction(12, true)))
            })
            .collect();
        for round in 0..6 {
            for (i, (deflater, inflater)) in pairs.iter_mut().enumerate() {
                let text = format!("connection {i} says the same again and again, round {round}")
                    .repeat(9);
                let message = deflater.compress(text.as_bytes(), true);
                assert_eq!(
                    inflate(inflater, &message, usize::MAX, usize::MAX).as_deref(),
                    Ok(text.as_bytes())
                );
            }
        }
    }

    /// Bytes that compress a little, as real messages do.
    fn wordy() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(prop::sample::select(b"abcde \"{}:,".to_vec()), 0..3000),
            prop::collection::vec(any::<u8>(), 0..3000),
            (any::<u8>(), 0..40_000_usize).prop_map(|(byte, count)| vec![byte; count]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_compressed_inflates_in_any_steps(
            messages in prop::collection::vec(wordy(), 1..8), window in 9_u8..=15, takeover: bool, level in 1_u8..=9,
            step in 1_usize..5000, room in 1_usize..9000, pieces in 1_usize..4000,
        ) {
            let config = DeflateConfig::default().level(Level::new(level).unwrap());
            let mut deflater = Deflater::new(direction(window, takeover), &config);
            let mut inflater = Inflater::new(direction(window, takeover));
            for message in messages {
                let mut compressed = Vec::new();
                let mut rest = message.as_slice();
                while rest.len() > pieces {
                    let (piece, after) = rest.split_at(pieces);
                    compressed.extend(deflater.compress(piece, false));
                    rest = after;
                }
                compressed.extend(deflater.compress(rest, true));
                prop_assert_eq!(inflate(&mut inflater, &compressed, step, room), Ok(message));
            }
        }

        #[test]
        fn garbage_ends_in_an_error_or_an_output_and_never_hangs(
            garbage in prop::collection::vec(any::<u8>(), 0..400), room in 1_usize..300,
        ) {
            let mut inflater = Inflater::new(direction(15, true));
            let mut output = BytesMut::new();
            let mut rest = garbage.as_slice();
            for _ in 0..garbage.len() + 2000 {
                match inflater.inflate(rest, &mut output, room) {
                    Ok(used) if used > 0 => rest = &rest[used..],
                    _ => break,
                }
            }
        }
    }
}
