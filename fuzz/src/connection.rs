//! One connection, and bytes from anybody.

use std::{sync::Arc, time::Instant};

use bytes::{Buf, BytesMut};
use squall_proto::{
    Config, Connection, Delivery, Event, Machine, Message, MessageKind, WriteMarks,
    deflate::DeflateConfig,
};

use crate::world::{beginning, shake_hands};

const MAX_MESSAGE: usize = 2000;
const LOW_MARK: usize = 500;

/// What was heard, with pieces of a message joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    events: Vec<Event>,
    pieces: Vec<(MessageKind, Vec<u8>, bool)>,
    answer: Vec<u8>,
}

/// The first two bytes say who listens and how the stream is cut; the rest is the stream.
pub fn connection_bytes(bytes: &[u8]) {
    let Some(([choice, size], stream)) = bytes.split_first_chunk::<2>().map(|(a, b)| (*a, b))
    else {
        return;
    };
    let mut whole = listen(choice, stream, stream.len().max(1));
    let mut cut = listen(choice, stream, usize::from(size) + 1);
    // How much of a message that never ends is handed out in pieces depends on the cut.
    let (whole_end, cut_end) = (whole.unfinished_piece(), cut.unfinished_piece());
    assert!(whole_end.starts_with(&cut_end) || cut_end.starts_with(&whole_end));
    assert_eq!(whole, cut, "the same under another cut");
}

fn connection(choice: u8, now: Instant) -> Connection {
    let delivery = if choice & 2 == 0 { Delivery::Messages } else { Delivery::Fragments };
    let config = Config::default()
        .delivery(delivery)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(1500)
        .max_fragments(20)
        .write_marks(WriteMarks::new(1000, LOW_MARK));
    let config = Arc::new(config);
    let deflate = (choice & 8 != 0).then(<[DeflateConfig; 2]>::default);
    let [server, client] = shake_hands(&config, u32::MAX, deflate.as_ref());
    let mut connection = if choice & 1 == 0 { server } else { client };
    if choice & 4 != 0 {
        connection.close(now, None).expect("no code is always right");
    }
    connection
}

fn listen(choice: u8, stream: &[u8], size: usize) -> Heard {
    let now = beginning();
    let mut connection = connection(choice, now);
    let mut input = BytesMut::new();
    let mut heard = Heard::default();
    let mut is_closed = false;
    let mut steps = 0;
    for piece in stream.chunks(size) {
        input.extend_from_slice(piece);
        while let Some(event) = connection.poll_event(now, &mut input) {
            assert!(!is_closed, "nothing follows Closed");
            is_closed = matches!(event, Event::Closed(_));
            steps += 1;
            heard.take(event);
        }
        check(&connection, &input, is_closed);
    }
    connection.handle_eof(now);
    while let Some(event) = connection.poll_event(now, &mut input) {
        assert!(!is_closed, "nothing follows Closed");
        is_closed = matches!(event, Event::Closed(_));
        steps += 1;
        heard.take(event);
    }
    assert!(is_closed, "an end of the stream ends the connection");
    assert!(steps <= stream.len() + 2, "linear in the input");
    assert!(connection.queued() <= LOW_MARK + 2 * (125 + 6 + 125 + 6));
    let queued = connection.queued();
    heard.answer = connection.transmit().copy_to_bytes(queued).to_vec();
    assert!(connection.is_finished() && !connection.wants_read());
    heard
}

fn check(connection: &Connection, input: &BytesMut, is_closed: bool) {
    assert!(!is_closed || input.is_empty(), "what nobody reads is not kept");
    assert!(input.len() <= 1500 + 14, "the input holds one frame that is not complete");
    assert!(connection.read_hint() <= 1500);
    assert_eq!(connection.closed().is_some(), is_closed);
    assert!(!is_closed || !connection.can_send());
}

impl Heard {
    fn unfinished_piece(&mut self) -> Vec<u8> {
        let unfinished = self.pieces.pop_if(|(_, _, is_whole)| !*is_whole);
        unfinished.map(|(_, payload, _)| payload).unwrap_or_default()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Fragment(fragment) => {
                let kind = fragment.payload.kind();
                check_message(&fragment.payload);
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
                check_message(&message);
                self.events.push(Event::Message(message));
            }
            other => self.events.push(other),
        }
        if let Some((_, payload, _)) = self.pieces.last() {
            assert!(payload.len() <= MAX_MESSAGE);
        }
    }
}

fn check_message(message: &Message) {
    assert!(message.len() <= MAX_MESSAGE);
    if message.is_text() {
        assert!(str::from_utf8(message.as_bytes()).is_ok(), "text is UTF-8");
    }
}
