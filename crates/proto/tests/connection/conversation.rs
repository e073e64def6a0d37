//! The other side of a conversation: what it says to a connection, and what it hears.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use squall_proto::{
    CloseCode, CloseFrame, Closed, Config, Connection, ControlPayload, Entropy, EntropyError,
    Event, Machine, Message, ProtocolError, Role,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A connection, its input buffer and its clock.
pub(crate) struct Conversation {
    pub(crate) connection: Connection,
    pub(crate) input: BytesMut,
    pub(crate) now: Instant,
}

/// What a connection made of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) events: Vec<Event>,
    pub(crate) answer: Vec<u8>,
}

/// Masking keys of zeros, so that what a client sends can be read.
pub(crate) struct PlainKeys;

impl Entropy for PlainKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        Ok(())
    }
}

/// Keys that count: 00 00 00 01, 00 00 00 02 …; they fail once they have counted to a limit.
pub(crate) struct CountingKeys {
    pub(crate) next: u32,
    pub(crate) fails_at: u32,
}

impl Entropy for CountingKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if self.next >= self.fails_at {
            return Err(EntropyError::new());
        }
        bytes.copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        Ok(())
    }
}

/// The instant at which every conversation begins.
#[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
pub(crate) fn beginning() -> Instant {
    Instant::now()
}

impl Conversation {
    pub(crate) fn new(role: Role, config: Config) -> Self {
        match role {
            Role::Client => Self::client(config, PlainKeys),
            Role::Server => {
                let now = beginning();
                let connection = Connection::server(Arc::new(config), now);
                Self { connection, input: BytesMut::new(), now }
            }
        }
    }

    pub(crate) fn client(config: Config, keys: impl Entropy + 'static) -> Self {
        let now = beginning();
        let connection = Connection::client(Arc::new(config), Box::new(keys), now);
        Self { connection, input: BytesMut::new(), now }
    }

    /// All events there are.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.connection.poll_event(self.now, &mut self.input)).collect()
    }

    /// Bytes arrive; the events they cause.
    pub(crate) fn hears(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Event> {
        self.input.extend_from_slice(bytes.as_ref());
        self.events()
    }

    /// The transport ends; the events it causes.
    pub(crate) fn hears_eof(&mut self) -> Vec<Event> {
        self.connection.handle_eof(self.now);
        self.events()
    }

    /// The transport takes all there is to write.
    pub(crate) fn says(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while self.connection.transmit().has_remaining() {
            let chunk = self.connection.transmit().chunk().len();
            said.extend(self.says_only(chunk));
        }
        said
    }

    /// The transport takes `count` bytes, or all if there are fewer.
    pub(crate) fn says_only(&mut self, count: usize) -> Vec<u8> {
        let transmit = self.connection.transmit();
        let count = count.min(transmit.remaining());
        transmit.copy_to_bytes(count).to_vec()
    }

    /// Time passes with the timer firing when it wants to; the events that time causes.
    pub(crate) fn waits(&mut self, duration: Duration) -> Vec<Event> {
        let end = self.now + duration;
        let mut events = Vec::new();
        while let Some(due) = self.connection.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.connection.handle_timeout(self.now);
            events.extend(self.events());
            let next = self.connection.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "the timer spins");
        }
        self.now = end;
        events.extend(self.events());
        events
    }

    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        self.connection.send(self.now, message.into()).expect("the connection is open");
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) {
        let payload = ControlPayload::try_from(payload).expect("short");
        self.connection.ping(self.now, payload).expect("the connection is open");
    }

    pub(crate) fn close(&mut self, frame: impl Into<Option<CloseFrame>>) {
        self.connection.close(self.now, frame.into()).expect("a code for this side");
    }
}

/// What a server hears in `bytes` from a client, the same under every cut.
pub(crate) fn server_hears(bytes: impl AsRef<[u8]>) -> Heard {
    hears(Role::Server, &Config::default(), bytes)
}

/// What a client hears in `bytes` from a server, the same under every cut.
pub(crate) fn client_hears(bytes: impl AsRef<[u8]>) -> Heard {
    hears(Role::Client, &Config::default(), bytes)
}

/// What a connection hears in `bytes`: at once, cut at every single point, and bytewise (FR12).
pub(crate) fn hears(role: Role, config: &Config, bytes: impl AsRef<[u8]>) -> Heard {
    let bytes = bytes.as_ref();
    let whole = hears_pieces(role, config, &[bytes]);
    // Long streams are cut at a thousand points or so.
    for cut in (0..=bytes.len()).step_by(bytes.len() / 1000 + 1) {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(hears_pieces(role, config, &[head, tail]), whole, "cut at {cut}");
    }
    let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(hears_pieces(role, config, &bytewise), whole, "bytewise");
    whole
}

/// What a connection hears in `pieces` that arrive one after the other.
pub(crate) fn hears_pieces(role: Role, config: &Config, pieces: &[&[u8]]) -> Heard {
    let mut conversation = Conversation::new(role, config.clone());
    let events = pieces.iter().flat_map(|piece| conversation.hears(piece)).collect();
    Heard { events, answer: conversation.says() }
}

/// An expectation: these events, and these bytes in answer.
pub(crate) fn heard(events: impl Into<Vec<Event>>, answer: impl AsRef<[u8]>) -> Heard {
    Heard { events: events.into(), answer: answer.as_ref().to_vec() }
}

/// An expectation: one violation after `before`, and a farewell with its code.
pub(crate) fn failed(before: impl Into<Vec<Event>>, error: ProtocolError, heard: &Heard) {
    let mut events = before.into();
    events.push(violation(error));
    assert_eq!(heard.events, events);
    assert_farewell(&heard.answer, error);
}

/// Asserts that `answer` ends in one Close frame with the code of the violation, whatever the role.
pub(crate) fn assert_farewell(answer: &[u8], error: ProtocolError) {
    assert_eq!(answer.first(), Some(&0x88), "a Close frame: {answer:02X?}");
    let masked = answer[1] & 0x80 != 0;
    let length = usize::from(answer[1] & 0x7F);
    let payload = &answer[if masked { 6 } else { 2 }..];
    assert_eq!(payload.len(), length, "one frame and nothing after it: {answer:02X?}");
    assert_eq!(payload[..2], error.close_code().get().to_be_bytes(), "{error}");
}

pub(crate) fn text(text: &str) -> Event {
    Event::Message(Message::text(text))
}

pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> Event {
    Event::Message(Message::from(bytes.as_ref()))
}

pub(crate) fn ping(payload: &[u8]) -> Event {
    Event::Ping(payload.try_into().expect("short"))
}

pub(crate) fn pong(payload: &[u8]) -> Event {
    Event::Pong(payload.try_into().expect("short"))
}

pub(crate) fn violation(error: ProtocolError) -> Event {
    Event::Closed(Closed::Violation(error))
}

pub(crate) fn close_frame(code: u16, reason: &str) -> CloseFrame {
    CloseFrame::new(CloseCode::new(code).expect("a valid code"), reason).expect("short")
}

pub(crate) fn clean(code: u16, reason: &str) -> Event {
    Event::Closed(Closed::Clean(Some(close_frame(code, reason))))
}

/// A frame as the peer of `role` sends it; a client's has a masking key of zeros.
pub(crate) fn frame_to(role: Role, first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mask = if role == Role::Server { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(mask | length as u8),
        length @ 126..=0xFFFF => {
            frame.push(mask | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(mask | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    if mask != 0 {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}

/// Asserts that a driver has nothing left to do.
pub(crate) fn assert_ended(conversation: &Conversation) {
    let connection = &conversation.connection;
    assert!(connection.is_finished() && !connection.wants_read());
    assert_eq!(connection.poll_timeout(), None);
}
