//! No call order is wrong: two connections, random schedules of every call there is, a wire of any speed.

use std::{sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use proptest::prelude::*;
use squall_proto::{
    Closed, Config, Connection, ControlPayload, Event, Fragment, Machine, Message, Role, WriteMarks,
};

use crate::conversation::{CountingKeys, beginning};

#[derive(Debug, Clone)]
enum Call {
    Send(usize),
    Piece(usize, bool),
    Ping(u8),
    Pong(u8),
    Close,
    /// Writes this many bytes at most, in one or more writes.
    Write(usize),
    /// Reads this many bytes at most.
    Read(usize),
    Poll,
    PollAll,
    Look,
    HandleTimeout,
    Wait(u16),
    Eof,
    Abort,
}

fn calls(also_end: bool) -> impl Strategy<Value = Vec<(bool, Call)>> {
    let size = prop_oneof![4 => 0..50_usize, 2 => 50..5000_usize, 1 => 5000..30_000_usize];
    let call = prop_oneof![
        6 => size.clone().prop_map(Call::Send),
        3 => (size.clone(), any::<bool>()).prop_map(|(size, is_final)| Call::Piece(size, is_final)),
        3 => any::<u8>().prop_map(Call::Ping),
        1 => any::<u8>().prop_map(Call::Pong),
        1 => Just(Call::Close),
        12 => size.clone().prop_map(Call::Write),
        12 => size.prop_map(Call::Read),
        6 => Just(Call::Poll),
        6 => Just(Call::PollAll),
        2 => Just(Call::Look),
        3 => Just(Call::HandleTimeout),
        2 => (0..20_000_u16).prop_map(Call::Wait),
        1 => Just(Call::Eof),
        1 => Just(Call::Abort),
    ];
    let call = call.prop_map(move |call| match call {
        Call::Wait(_) | Call::Eof | Call::Abort if !also_end => Call::Look,
        call => call,
    });
    prop::collection::vec((any::<bool>(), call), 0..120)
}

/// One side, and what it has written that the other has not read.
struct Side {
    connection: Connection,
    input: BytesMut,
    wire: Vec<u8>,
    sent: Vec<Message>,
    /// The pieces of a message that is not finished.
    piece: Option<Vec<u8>>,
    received: Vec<Message>,
    closed: Option<Closed>,
    is_cut: bool,
    serial: u8,
}

impl Side {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            wire: Vec::new(),
            sent: Vec::new(),
            piece: None,
            received: Vec::new(),
            closed: None,
            is_cut: false,
            serial: 0,
        }
    }

    /// A payload that is like no other of this side.
    fn payload(&mut self, size: usize) -> Vec<u8> {
        self.serial = self.serial.wrapping_add(1);
        (0..size).map(|i| (i as u8) ^ self.serial).chain([self.serial]).collect()
    }

    fn take(&mut self, event: Option<Event>) -> bool {
        let Some(event) = event else { return false };
        assert_eq!(self.closed, None, "nothing follows Closed, not even {event:?}");
        match event {
            Event::Message(message) => self.received.push(message),
            Event::Closed(closed) => self.closed = Some(closed),
            Event::Ping(_) | Event::Pong(_) => {}
            other => panic!("{other:?}"),
        }
        true
    }

    fn write(&mut self, mut count: usize) -> bool {
        let mut has_written = false;
        while count > 0 && self.connection.transmit().has_remaining() {
            let transmit = self.connection.transmit();
            let step = transmit.chunk().len().min(count);
            self.wire.extend_from_slice(&transmit.chunk()[..step]);
            transmit.advance(step);
            count -= step;
            has_written = true;
        }
        has_written
    }

    fn read(&mut self, other: &mut Self, count: usize) -> bool {
        let count = if self.is_cut { 0 } else { count.min(other.wire.len()) };
        self.input.extend(other.wire.drain(..count));
        count > 0
    }
}

struct Pair {
    sides: [Side; 2],
    now: std::time::Instant,
}

impl Pair {
    fn new(config: Config) -> Self {
        let now = beginning();
        let config = Arc::new(config);
        let keys = Box::new(CountingKeys { next: 1, fails_at: u32::MAX });
        let client = Connection::client(config.clone(), keys, now);
        Self { sides: [Side::new(Connection::server(config, now)), Side::new(client)], now }
    }

    fn call(&mut self, client: bool, call: Call) {
        let now = self.now;
        let [server_side, client_side] = &mut self.sides;
        let (side, other) =
            if client { (client_side, server_side) } else { (server_side, client_side) };
        match call {
            Call::Send(size) => {
                let message = Message::from(side.payload(size));
                if side.connection.send(now, message.clone()).is_ok() {
                    side.sent.push(message);
                }
            }
            Call::Piece(size, is_final) => {
                let payload = side.payload(size);
                let message = Message::from(payload.clone());
                let fragment =
                    if is_final { Fragment::last(message) } else { Fragment::more(message) };
                if side.connection.send_fragment(now, fragment).is_ok() {
                    side.piece.get_or_insert_default().extend(payload);
                    if is_final {
                        side.sent.extend(side.piece.take().map(Message::from));
                    }
                }
            }
            Call::Ping(size) => {
                let payload = ControlPayload::new(vec![0xAA; usize::from(size % 126)]).unwrap();
                let _ = side.connection.ping(now, payload);
            }
            Call::Pong(size) => {
                let payload = ControlPayload::new(vec![0xBB; usize::from(size % 126)]).unwrap();
                let _ = side.connection.pong(now, payload);
            }
            Call::Close => side.connection.close(now, None).unwrap(),
            Call::Write(count) => drop(side.write(count)),
            Call::Read(count) => drop(side.read(other, count)),
            Call::Poll => {
                let event = side.connection.poll_event(now, &mut side.input);
                side.take(event);
            }
            Call::PollAll => drop(self.poll_all(client)),
            Call::Look => look(&side.connection),
            Call::HandleTimeout => side.connection.handle_timeout(now),
            Call::Wait(millis) => self.now += Duration::from_millis(u64::from(millis)),
            Call::Eof => {
                side.is_cut = true;
                side.connection.handle_eof(now);
            }
            Call::Abort => side.connection.abort(now),
        }
    }

    fn poll_all(&mut self, client: bool) -> bool {
        let now = self.now;
        let side = &mut self.sides[usize::from(client)];
        let mut has_events = false;
        loop {
            let event = side.connection.poll_event(now, &mut side.input);
            if !side.take(event) {
                return has_events;
            }
            has_events = true;
        }
    }

    /// Runs both sides until neither can go on, without any time passing.
    fn settle(&mut self) {
        loop {
            let mut goes_on = false;
            for client in [false, true] {
                goes_on |= self.poll_all(client);
                let [server_side, client_side] = &mut self.sides;
                let (side, other) =
                    if client { (client_side, server_side) } else { (server_side, client_side) };
                goes_on |= side.write(usize::MAX);
                if side.connection.wants_read() {
                    goes_on |= side.read(other, usize::MAX);
                }
            }
            if !goes_on {
                return;
            }
        }
    }

    /// What has to hold at any time.
    fn check(&self) {
        let [server, client] = &self.sides;
        assert!(client.sent.starts_with(&server.received), "in order, each once");
        assert!(server.sent.starts_with(&client.received), "in order, each once");
        for side in &self.sides {
            look(&side.connection);
        }
    }
}

/// Questions change nothing, and their answers fit together.
fn look(connection: &Connection) {
    let _ = (connection.read_hint(), connection.stats(), connection.is_write_blocked());
    assert!(!connection.is_finished() || !connection.can_send());
    assert!(connection.closed().is_none() || !connection.can_send());
    if connection.poll_timeout().is_none() && connection.closed().is_some() {
        assert!(connection.is_finished() && !connection.wants_read(), "over for good");
    }
    assert!(connection.read_hint() <= 64 << 10 || connection.wants_read());
}

fn config(high: usize, low: usize) -> Config {
    Config::default()
        .write_marks(WriteMarks::new(high, low))
        .outgoing_frame_size(6000.try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// FR06, FG06, CF05, CL14: whatever the order of calls, what was accepted arrives, in order, once. CL10: nobody closes
    /// who was not told to.
    #[test]
    fn everything_that_was_accepted_arrives_in_order_once(
        calls in calls(false), high in 0..100_000_usize, low in 0..30_000_usize,
    ) {
        let mut pair = Pair::new(config(high, low).keep_alive(None));
        let is_told_to_close = calls.iter().any(|(_, call)| matches!(call, Call::Close));
        for (client, call) in calls {
            pair.call(client, call);
            pair.check();
        }
        pair.settle();
        pair.check();
        let [server, client] = &pair.sides;
        // A piece may be left that its Close has cut off; nothing else may.
        prop_assert_eq!(&server.received, &client.sent);
        prop_assert_eq!(&client.received, &server.sent);
        for side in &pair.sides {
            prop_assert!(matches!(side.closed, None | Some(Closed::Clean(None))));
            prop_assert!(side.connection.closed().is_some() || side.connection.wants_read());
        }
        prop_assert_eq!(server.closed.is_some(), is_told_to_close);
        prop_assert_eq!(client.closed.is_some(), is_told_to_close);
    }

    /// FR06, CL04, CL05: with timeouts, ends and aborts, what arrives is a beginning of it, and the end comes once.
    #[test]
    fn whatever_ends_a_connection_ends_it_once(
        calls in calls(true), high in 0..100_000_usize, low in 0..30_000_usize,
    ) {
        let mut pair = Pair::new(config(high, low));
        for (client, call) in calls {
            pair.call(client, call);
            pair.check();
        }
        pair.settle();
        pair.check();
        for client in [false, true] {
            pair.call(client, Call::Close);
        }
        pair.settle();
        // Deadlines are kept: in twenty seconds without a byte either way everything is over.
        for _ in 0..20 {
            pair.now += Duration::from_secs(1);
            for client in [false, true] {
                pair.call(client, Call::HandleTimeout);
                pair.call(client, Call::PollAll);
            }
        }
        pair.check();
        for side in &pair.sides {
            prop_assert_eq!(side.connection.closed(), side.closed.as_ref());
            prop_assert!(side.closed.is_some());
            prop_assert!(side.connection.is_finished() && !side.connection.wants_read());
            prop_assert_eq!(side.connection.poll_timeout(), None);
            prop_assert_eq!(side.connection.queued(), 0);
        }
    }
}

/// The same side twice makes the same bytes: nothing in the core depends on anything but its arguments.
#[test]
fn a_connection_runs_twice_with_the_same_result() {
    let run = || {
        let mut pair = Pair::new(Config::default());
        for (client, call) in [
            (true, Call::Send(9000)),
            (false, Call::Ping(3)),
            (true, Call::Write(77)),
            (false, Call::Read(50)),
            (false, Call::PollAll),
            (true, Call::Close),
        ] {
            pair.call(client, call);
        }
        pair.sides[1].write(usize::MAX);
        std::mem::take(&mut pair.sides[1].wire)
    };
    assert_eq!(run(), run());
    assert_eq!(Pair::new(Config::default()).sides[0].connection.role(), Role::Server);
}
