//! Compressed messages from anybody, beside zlib itself.

use std::sync::Arc;

use bytes::BytesMut;
use flate2::{Decompress, FlushDecompress, Status};
use squall_proto::{
    Closed, Config, Connection, Delivery, Event, Machine, ProtocolError,
    deflate::{DeflateConfig, WindowBits},
};

use crate::world::{beginning, shake_hands};

const LIMIT: usize = 50_000;

/// The largest window there is (RFC 7692 §7.1.2).
const WINDOW: usize = 32 << 10;

const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// What came of some messages: all that were whole, then a violation if there was one.
type Verdict = (Vec<Vec<u8>>, Option<ProtocolError>);

/// The first byte says how the messages are delivered, whether contexts are taken over and how the stream is cut; each
/// message is two bytes of length and as many of payload, or as there are.
pub fn inflate(bytes: &[u8]) {
    let Some((choice, mut rest)) = bytes.split_first() else { return };
    let mut messages = Vec::new();
    while let Some((length, payload)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(payload.len());
        let (message, after) = payload.split_at(length);
        messages.push(message);
        rest = after;
    }
    let takeover = choice & 1 == 0;
    let delivery = if choice & 2 == 0 { Delivery::Messages } else { Delivery::Fragments };
    let expected = zlib_reads(&messages, takeover);
    assert_eq!(connection_reads(&messages, takeover, delivery, usize::MAX), expected);
    let cut = usize::from(choice >> 2) + 1;
    assert_eq!(connection_reads(&messages, takeover, delivery, cut), expected);
}

/// A server reads the messages in frames and reads of at most `cut` bytes of payload.
fn connection_reads(messages: &[&[u8]], takeover: bool, delivery: Delivery, cut: usize) -> Verdict {
    let now = beginning();
    let config =
        Config::default().max_message_size(LIMIT).max_fragments(usize::MAX).delivery(delivery);
    let deflate = DeflateConfig::default()
        .client_max_window_bits(WindowBits::MAX)
        .client_no_context_takeover(!takeover);
    let [mut server, _] =
        shake_hands(&Arc::new(config), u32::MAX, Some(&[deflate.clone(), deflate]));
    let mut verdict = Verdict::default();
    let mut input = BytesMut::new();
    let mut piece = Vec::new();
    for message in messages {
        let mut first = 0x42;
        let mut rest = *message;
        loop {
            let (payload, after) = rest.split_at(rest.len().min(cut));
            let fin = if after.is_empty() { 0x80 } else { 0 };
            put_frame(&mut input, first | fin, payload);
            let mut steps = 0;
            while let Some(event) = server.poll_event(now, &mut input) {
                steps += 1;
                note(event, &mut piece, &mut verdict);
            }
            // A piece has 64 KiB, which is over the limit, or uses all of the input.
            assert!(steps <= 2, "no more events than there is cause for");
            if verdict.1.is_some() {
                return verdict;
            }
            (first, rest) = (0x00, after);
            if rest.is_empty() {
                break;
            }
        }
    }
    assert!(open(&server) && piece.is_empty());
    verdict
}

fn open(connection: &Connection) -> bool {
    connection.can_send() && connection.closed().is_none()
}

fn put_frame(input: &mut BytesMut, first: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len()).expect("two bytes of length");
    input.extend_from_slice(&[first, 0x80 | 126]);
    if length < 126 {
        input.truncate(input.len() - 1);
        input.extend_from_slice(&[0x80 | length.to_be_bytes()[1]]);
    } else {
        input.extend_from_slice(&length.to_be_bytes());
    }
    input.extend_from_slice(&[0; 4]);
    input.extend_from_slice(payload);
}

fn note(event: Event, piece: &mut Vec<u8>, (messages, violation): &mut Verdict) {
    match event {
        Event::Message(message) => messages.push(message.as_bytes().to_vec()),
        Event::Fragment(fragment) => {
            piece.extend_from_slice(fragment.payload.as_bytes());
            assert!(piece.len() <= LIMIT);
            if fragment.is_final {
                messages.push(std::mem::take(piece));
            }
        }
        Event::Closed(Closed::Violation(error)) => *violation = Some(error),
        event => panic!("{event:?}"),
    }
}

/// What zlib makes of the messages, each with an inflater of its own that is given the plaintext so far as its dictionary.
fn zlib_reads(messages: &[&[u8]], takeover: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let mut history = Vec::new();
    for message in messages {
        let before = if takeover { history.len() } else { 0 };
        history.truncate(before);
        match zlib_reads_one(message, &mut history, before) {
            Ok(()) => verdict.0.push(history[before..].to_vec()),
            Err(error) => {
                verdict.1 = Some(error);
                break;
            }
        }
    }
    verdict
}

/// Appends the plaintext of one message to the history.
fn zlib_reads_one(
    message: &[u8],
    history: &mut Vec<u8>,
    before: usize,
) -> Result<(), ProtocolError> {
    let mut inflater = primed(history);
    let mut rest = message;
    let (mut is_full, mut ends_final_block) = (false, message.is_empty());
    while !rest.is_empty() || is_full {
        let left = rest.len();
        let ended = step(&mut inflater, &mut rest, history);
        if history.len() - before > LIMIT {
            return Err(ProtocolError::MessageTooBig);
        }
        let ended = ended?;
        if ended {
            inflater = primed(history);
        }
        if ended || rest.len() < left {
            ends_final_block = ended;
        }
        is_full = history.len() == history.capacity();
    }
    // The tail, and an empty final block that tells whether the one before it is over; unless that was final itself.
    let length = history.len();
    let end = [TAIL.as_slice(), b"\x03\x00"].concat();
    let mut rest = end.as_slice();
    let ends = loop {
        let (left, made) = (rest.len(), history.len());
        match step(&mut inflater, &mut rest, history) {
            Ok(true) => break [0, 2].contains(&rest.len()) && history.len() == length,
            Ok(false) if rest.len() < left || history.len() > made => {}
            _ => break false,
        }
    };
    history.truncate(length);
    if ends || ends_final_block || message.ends_with(&TAIL) {
        Ok(())
    } else {
        Err(ProtocolError::InvalidDeflate)
    }
}

/// One call of zlib; whether a final block ended.
fn step(
    inflater: &mut Decompress,
    rest: &mut &[u8],
    history: &mut Vec<u8>,
) -> Result<bool, ProtocolError> {
    history.reserve(4096);
    let used = inflater.total_in();
    let status = inflater.decompress_vec(rest, history, FlushDecompress::Sync);
    let used = usize::try_from(inflater.total_in() - used).expect("no more than there was");
    *rest = &rest[used..];
    Ok(status.map_err(|_| ProtocolError::InvalidDeflate)? == Status::StreamEnd)
}

fn primed(history: &[u8]) -> Decompress {
    let mut inflater = Decompress::new_with_window_bits(false, 15);
    let dictionary = &history[history.len().saturating_sub(WINDOW)..];
    if !dictionary.is_empty() {
        inflater.set_dictionary(dictionary).expect("a raw stream takes one at its beginning");
    }
    inflater
}
