//! Inflating messages (RFC 7692 §7.2.2), never further than the caller has room for.

use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{
    TAIL, capped,
    contexts::{self, Mark, Pool, Taken},
    negotiate::Direction,
    window::Window,
};

/// How much a context inflates at a time: small enough to stay in the cache until it is copied to where it is wanted.
const STEP: usize = 8 << 10;

thread_local! {
    static INFLATERS: Pool<Context, ()> = const { Pool::new(Vec::new()) };
}

/// Inflates the messages of one direction of one connection.
pub(crate) struct Inflater {
    direction: Direction,
    window: Window,
    mark: Mark,
    /// The message under way, once a byte of it has come.
    message: Option<Message>,
}

/// The compressed bytes are not a DEFLATE stream, end inside a block, or refer to bytes before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// A live inflater, and where it puts its output.
struct Context {
    inflate: Inflate,
    step: Box<[u8]>,
}

/// A message of which some bytes have come.
struct Message {
    context: Context,
    /// The last bytes that were used.
    last: [u8; TAIL.len()],
    /// Whether those ended a final block (RFC 7692 §7.2.3.4).
    ends_final_block: bool,
}

impl Inflater {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, window: Window::default(), mark: Mark::new(), message: None }
    }

    /// Inflates from `input` and appends at most `room` bytes to `output`, whose capacity grows no further than that; how
    /// many bytes of `input` were used.
    ///
    /// Where `room` was filled there may be more to come, even without more input.
    pub(crate) fn inflate(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        room: usize,
    ) -> Result<usize, Corrupt> {
        let mut message = match self.message.take() {
            Some(message) => message,
            // A context is taken for a byte, not for a header that promises one.
            None if input.is_empty() => return Ok(0),
            None => Message::new(self.context()),
        };
        let used = self.run(&mut message, input, output, room);
        self.message = Some(message);
        used
    }

    /// Ends the message, all of whose input was used and whose output was taken.
    ///
    /// The tail that the sender took off is put back (RFC 7692 §7.2.2), after which a block has to be over. A sender that left it on, or
    /// that sent nothing or nothing after a final block, has ended its message as well: no tail is needed there.
    pub(crate) fn finish(&mut self) -> Result<(), Corrupt> {
        let Some(Message { mut context, last, ends_final_block }) = self.message.take() else {
            return Ok(());
        };
        let is_at_boundary = context.put_tail();
        if !is_at_boundary && last != TAIL && !ends_final_block {
            return Err(Corrupt);
        }
        self.mark = self.mark.next();
        if !self.direction.takeover {
            self.window = Window::default();
        }
        let can_go_on = is_at_boundary && self.direction.takeover;
        contexts::give(&INFLATERS, can_go_on.then_some(self.mark), (), context);
        Ok(())
    }

    /// Runs the inflater until the input is used, the room is filled, or nothing moves.
    ///
    /// Each turn uses input or makes output, so the number of turns is bounded by both together.
    fn run(
        &mut self,
        message: &mut Message,
        input: &[u8],
        output: &mut Vec<u8>,
        room: usize,
    ) -> Result<usize, Corrupt> {
        let (mut rest, full) = (input, output.len().saturating_add(room));
        let (mut turns, before) = (0, output.len());
        while output.len() < full {
            turns += 1;
            let Context { inflate, step } = &mut message.context;
            let space = step.len().min(full - output.len());
            let space = step.get_mut(..space).unwrap_or_default();
            let space_len = space.len();
            let (used, made) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, space, InflateFlush::SyncFlush);
            let used = usize::try_from(inflate.total_in() - used).unwrap_or_default();
            let made = usize::try_from(inflate.total_out() - made).unwrap_or_default();
            rest = rest.get(used..).unwrap_or_default();
            let plaintext = step.get(..made).unwrap_or_default();
            capped::append(output, plaintext, full);
            self.window.push(plaintext, self.direction.window.size());
            message.ends_final_block &= used == 0;
            if status.map_err(|_| Corrupt)? == Status::StreamEnd {
                // A final block in mid-stream (RFC 7692 §7.2.3.4): the next block goes on with the same window.
                message.ends_final_block = true;
                inflate.reset(false);
                self.prime(inflate);
            } else if used == 0 && made == 0 {
                break;
            }
            if rest.is_empty() && made < space_len {
                break;
            }
        }
        debug_assert!(
            turns <= input.len() + output.len() - before + 64,
            "each turn moves something"
        );
        let used = input.len() - rest.len();
        message.note_used(input.get(..used).unwrap_or_default());
        if !rest.is_empty() && output.len() < full { Err(Corrupt) } else { Ok(used) }
    }

    /// An inflater whose history is the window of this direction.
    fn context(&self) -> Context {
        let mut context = match contexts::take(&INFLATERS, self.mark, &()) {
            Some(Taken::Own(context)) => return context,
            Some(Taken::Used(mut context)) => {
                context.inflate.reset(false);
                context
            }
            // Always 32 KiB: reading with a larger window than the peer writes with is the same, and one kind serves all.
            None => Context { inflate: Inflate::new(false, 15), step: vec![0; STEP].into() },
        };
        self.prime(&mut context.inflate);
        context
    }

    fn prime(&self, inflate: &mut Inflate) {
        if !self.window.as_slice().is_empty() {
            // It can only fail on a stream that has begun.
            let _ = inflate.set_dictionary(self.window.as_slice());
        }
    }
}

impl Context {
    /// Puts the tail back; whether it ends an empty block at its own end, as it has to.
    fn put_tail(&mut self) -> bool {
        let [a, b, c, d] = TAIL;
        let (used, made) = (self.inflate.total_in(), self.inflate.total_out());
        // It stops where a block ends. Anywhere else it takes the byte behind the tail, or fails over it.
        let status = self.inflate.decompress(&[a, b, c, d, 0xFF], &mut [0], InflateFlush::Block);
        status.is_ok()
            && self.inflate.total_in() - used == TAIL.len() as u64
            && self.inflate.total_out() == made
    }
}

impl Message {
    const fn new(context: Context) -> Self {
        // No bytes of a tail.
        Self { context, last: [1; TAIL.len()], ends_final_block: false }
    }

    /// Remembers the last bytes.
    fn note_used(&mut self, used: &[u8]) {
        let kept = TAIL.len().saturating_sub(used.len());
        let new = used.get(used.len() - (TAIL.len() - kept)..).unwrap_or_default();
        self.last.rotate_left(TAIL.len() - kept);
        if let Some(place) = self.last.get_mut(kept..) {
            place.copy_from_slice(new);
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
        let mut output = Vec::new();
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
        inflater.finish()?;
        Ok(output)
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

    /// A sender that leaves the tail on, or sends nothing at all, or nothing after a final block, is understood (PD08), and its
    /// context goes on.
    #[test]
    fn an_end_without_a_missing_tail_is_an_end() {
        let hello: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let with_tail: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF];
        let bare_final: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let again: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
        let said = b"Hello".to_vec();
        for odd in [with_tail, bare_final] {
            let messages = [odd, again, odd, odd, again, hello, &[], again, &[0], again];
            let heard: Vec<_> =
                messages.iter().map(|m| if m.len() < 2 { vec![] } else { said.clone() }).collect();
            assert_eq!(inflate_all(&messages), Ok(heard));
        }
    }

    /// A message that ends inside a block is not a message.
    #[test]
    fn a_message_cut_short_is_corrupt() {
        let hello: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let stored: &[u8] = &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
        for message in [hello, stored] {
            for end in 2..message.len() {
                assert_eq!(inflate_all(&[&message[..end]]), Err(Corrupt), "{end}");
            }
        }
    }

    #[test]
    fn a_bomb_stops_where_the_room_ends() {
        let bomb = Deflater::new(direction(15, true), &DeflateConfig::default())
            .compress(&vec![0; 16 << 20], true);
        let mut output = Vec::new();
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
            let mut output = Vec::new();
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
