//! One connection, and bytes from anybody.

use std::sync::Arc;

use bytes::Buf;
use squall_proto::{
    Config, Connection, ControlPayload, Delivery, Event, Machine, Message, MessageKind, ReadBuffer,
    SendError, WriteMarks, deflate::DeflateConfig, frame::Opcode,
};

use crate::world::{beginning, frames, shake_hands};

/// The limits of a message and of a frame: below the size from which payloads are not copied, and above it.
const SMALL: [usize; 2] = [2000, 1500];
const LARGE: [usize; 2] = [16_000, 12_000];
const LOW_MARK: usize = 500;

/// Where the bytes wait that have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// In a buffer of the connection's own, the naive twin.
    Own,
    /// In buffers that the thread lends.
    Lent,
}

/// What was heard, with pieces of a message joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    events: Vec<Event>,
    pieces: Vec<(MessageKind, Vec<u8>, bool)>,
    answer: Vec<(Opcode, Vec<u8>)>,
}

/// The first two bytes say who listens under which limits, when it closes, and how the stream is cut; the rest is the stream.
pub fn connection_bytes(bytes: &[u8]) {
    let Some(([choice, size], stream)) = bytes.split_first_chunk::<2>().map(|(a, b)| (*a, b))
    else {
        return;
    };
    let mut whole = listen(choice, stream, stream.len().max(1), Waiting::Own);
    let mut cut = listen(choice, stream, usize::from(size) + 1, Waiting::Lent);
    // How much of a message that never ends is handed out in pieces depends on the cut.
    let (whole_end, cut_end) = (whole.unfinished_piece(), cut.unfinished_piece());
    assert!(whole_end.starts_with(&cut_end) || cut_end.starts_with(&whole_end));
    assert_eq!(whole, cut, "the same under another cut");
}

const fn limits(choice: u8) -> [usize; 2] {
    if choice & 128 == 0 { SMALL } else { LARGE }
}

fn connection(choice: u8) -> Connection {
    let [max_message, max_frame] = limits(choice);
    let delivery = if choice & 2 == 0 { Delivery::Messages } else { Delivery::Fragments };
    let config = Config::default()
        .delivery(delivery)
        .max_message_size(max_message)
        .max_frame_size(max_frame)
        .max_fragments(20)
        .write_marks(WriteMarks::new(1000, LOW_MARK));
    let config = Arc::new(config);
    let deflate = (choice & 8 != 0).then(<[DeflateConfig; 2]>::default);
    let [server, client] = shake_hands(&config, u32::MAX, deflate.as_ref());
    if choice & 1 == 0 { server } else { client }
}

/// After how many events, pieces of messages aside, the listener closes, if it does.
fn closes_after(choice: u8) -> Option<usize> {
    (choice & 4 != 0).then_some(usize::from(choice >> 5 & 3))
}

fn listen(choice: u8, stream: &[u8], size: usize, waiting: Waiting) -> Heard {
    let mut connection = connection(choice);
    let mut input = ReadBuffer::default();
    let mut heard = Heard::default();
    let mut steps = 0;
    let mut pieces = stream.chunks(size);
    let mut at_eof = false;
    loop {
        close_in_time(choice, &mut connection, heard.events.len());
        steps += 1;
        if let Some(event) = connection.poll_event(beginning(), input.bytes_mut()) {
            assert!(!heard.is_over(), "nothing follows Closed");
            heard.take(event, limits(choice));
            continue;
        }
        check(&connection, input.bytes().len(), limits(choice), heard.is_over());
        if waiting == Waiting::Lent {
            input.give_back();
            input.make_room(connection.read_hint());
        }
        match pieces.next() {
            Some(piece) => input.bytes_mut().extend_from_slice(piece),
            None if at_eof => break,
            None => {
                at_eof = true;
                speak(choice, &mut connection);
                connection.handle_eof(beginning());
            }
        }
    }
    assert!(heard.is_over(), "an end of the stream ends the connection");
    assert!(steps <= stream.len() + stream.len().div_ceil(size) + 4, "linear in the input");
    speak(choice, &mut connection);
    let queued = connection.queued();
    heard.answer = frames(&connection.transmit().copy_to_bytes(queued));
    assert!(connection.is_finished() && !connection.wants_read());
    heard
}

fn close_in_time(choice: u8, connection: &mut Connection, events: usize) {
    if closes_after(choice).is_some_and(|count| events >= count) {
        connection.close(beginning(), None).expect("no code is always right");
        assert!(!connection.can_send());
    }
}

/// Says something, which may be said exactly where no Close was sent or received.
fn speak(choice: u8, connection: &mut Connection) {
    if choice & 16 == 0 {
        return;
    }
    let (may, queued) = (connection.can_send(), connection.queued());
    let payload = ControlPayload::new("still there?").expect("short");
    let said = [
        connection.ping(beginning(), payload.clone()),
        connection.pong(beginning(), payload),
        connection.send(beginning(), Message::from("still there?")),
    ];
    if !may {
        assert_eq!(said, [Err(SendError::Closed); 3], "nothing follows our Close");
        assert_eq!(connection.queued(), queued);
    } else {
        assert_eq!(said, [Ok(()); 3]);
    }
}

fn check(connection: &Connection, input: usize, limits: [usize; 2], is_closed: bool) {
    let [_, max_frame] = limits;
    assert!(!is_closed || input == 0, "what nobody reads is not kept");
    assert!(input <= max_frame + 14, "the input holds one frame that is not complete");
    assert!(connection.read_hint() <= max_frame);
    assert_eq!(connection.closed().is_some(), is_closed);
    assert!(!is_closed || !connection.can_send());
    // Pongs up to the low mark and one beyond it, another that was parked, and a Close.
    assert!(connection.queued() <= LOW_MARK + 3 * (125 + 6));
}

impl Heard {
    fn is_over(&self) -> bool {
        matches!(self.events.last(), Some(Event::Closed(_)))
    }

    fn unfinished_piece(&mut self) -> Vec<u8> {
        let unfinished = self.pieces.pop_if(|(_, _, is_whole)| !*is_whole);
        unfinished.map(|(_, payload, _)| payload).unwrap_or_default()
    }

    fn take(&mut self, event: Event, [max_message, _]: [usize; 2]) {
        match event {
            Event::Fragment(fragment) => {
                let kind = fragment.payload.kind();
                check_message(&fragment.payload, max_message);
                match self.pieces.last_mut() {
                    Some((begun, payload, is_whole)) if !*is_whole => {
                        assert_eq!(*begun, kind, "a message has one kind");
                        payload.extend_from_slice(fragment.payload.as_bytes());
                        *is_whole = fragment.is_final;
                    }
                    _ => self.pieces.push((
                        kind,
                        fragment.payload.as_bytes().to_vec(),
                        fragment.is_final,
                    )),
                }
            }
            Event::Message(message) => {
                check_message(&message, max_message);
                self.events.push(Event::Message(message));
            }
            other => self.events.push(other),
        }
        if let Some((_, payload, _)) = self.pieces.last() {
            assert!(payload.len() <= max_message);
        }
    }
}

fn check_message(message: &Message, max_message: usize) {
    assert!(message.len() <= max_message);
    if message.is_text() {
        assert!(str::from_utf8(message.as_bytes()).is_ok(), "text is UTF-8");
    }
}
