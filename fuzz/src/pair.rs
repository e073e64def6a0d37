//! Two connections, a wire, a clock, and any order of calls.

use std::{sync::Arc, time::Duration, time::Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::{Buf, BytesMut};
use squall_proto::{
    Closed, Config, Connection, ControlPayload, Event, Fragment, KeepAlive, Machine, Message,
    WriteMarks,
    deflate::{DeflateConfig, Level, WindowBits},
};

use crate::world::{beginning, shake_hands};

#[derive(Debug, Arbitrary)]
struct Setup {
    high: u16,
    low: u16,
    frame_size: u16,
    ping_millis: Option<u16>,
    idle_millis: Option<u16>,
    keys: u16,
    deflate: Option<Deflate>,
}

/// What both sides want of permessage-deflate.
#[derive(Debug, Arbitrary)]
struct Deflate {
    level: u8,
    threshold: u8,
    server_bits: u8,
    client_bits: u8,
    server_takeover: bool,
    client_takeover: bool,
}

#[derive(Debug, Arbitrary)]
enum Call {
    Send(u16),
    SendUncompressed(u16),
    Piece(u16, bool),
    Ping(u8),
    Pong(u8),
    Write(u16),
    Read(u16),
    Poll,
    PollAll,
    HandleTimeout,
    Wait(u16),
    Close,
    Eof,
    Abort,
}

struct Side {
    connection: Connection,
    input: BytesMut,
    wire: Vec<u8>,
    sent: Vec<Message>,
    piece: Option<Vec<u8>>,
    received: Vec<Message>,
    /// How many of those were compared with what the other sent.
    compared: usize,
    closed: Option<Closed>,
    is_cut: bool,
    serial: u8,
}

struct Pair {
    server: Side,
    client: Side,
    now: Instant,
    /// Whether time, ends or aborts may have lost something.
    is_rough: bool,
}

/// What was accepted arrives in order, once; a beginning of it where the connection was ended roughly. Nothing follows
/// `Closed`, which comes once, and when time has passed everything is over.
pub fn connection_pair(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok(setup) = Setup::arbitrary(&mut source) else { return };
    let mut pair = Pair::new(&setup);
    while !source.is_empty() {
        let Ok((is_client, call)) = <(bool, Call)>::arbitrary(&mut source) else { break };
        pair.call(is_client, call);
        pair.check();
    }
    pair.settle();
    pair.check();
    let is_clean = |side: &Side| side.closed.as_ref().is_none_or(Closed::is_clean);
    if !pair.is_rough && is_clean(&pair.server) && is_clean(&pair.client) {
        assert_eq!(pair.server.received, pair.client.sent);
        assert_eq!(pair.client.received, pair.server.sent);
        assert_eq!(pair.server.closed.is_some(), pair.client.closed.is_some());
    }
    pair.end();
}

impl Pair {
    fn new(setup: &Setup) -> Self {
        let now = beginning();
        let millis = |count: u16| Duration::from_millis(count.into());
        let frame_size = usize::from(setup.frame_size).max(16).try_into().expect("not zero");
        let config = Config::default()
            .write_marks(WriteMarks::new(setup.high.into(), setup.low.into()))
            .outgoing_frame_size(frame_size)
            .idle_timeout(setup.idle_millis.map(millis))
            .keep_alive(setup.ping_millis.map(|count| KeepAlive::every(millis(count))));
        let config = Arc::new(config);
        // Few schedules are to run out of keys.
        let left = if setup.keys < 256 { u32::from(setup.keys) } else { u32::MAX };
        let [server, client] =
            shake_hands(&config, left, setup.deflate.as_ref().map(Deflate::configs).as_ref());
        Self { server: Side::new(server), client: Side::new(client), now, is_rough: left < 256 }
    }

    fn call(&mut self, is_client: bool, call: Call) {
        let now = self.now;
        let (side, other) = if is_client {
            (&mut self.client, &mut self.server)
        } else {
            (&mut self.server, &mut self.client)
        };
        match call {
            Call::Send(size) => side.send(now, size, false),
            Call::SendUncompressed(size) => side.send(now, size, true),
            Call::Piece(size, is_final) => side.send_piece(now, size, is_final),
            Call::Ping(size) => drop(side.connection.ping(now, control(size))),
            Call::Pong(size) => drop(side.connection.pong(now, control(size))),
            Call::Write(count) => drop(side.write(count.into())),
            Call::Read(count) => drop(side.read(other, count.into())),
            Call::Poll => drop(side.poll(now)),
            Call::PollAll => while side.poll(now) {},
            Call::HandleTimeout => side.connection.handle_timeout(now),
            Call::Wait(millis) => {
                self.now += Duration::from_millis(millis.into());
                self.is_rough = true;
            }
            Call::Close => side.connection.close(now, None).expect("no code is always right"),
            Call::Eof => {
                side.is_cut = true;
                side.connection.handle_eof(now);
                self.is_rough = true;
            }
            Call::Abort => {
                side.connection.abort(now);
                self.is_rough = true;
            }
        }
    }

    /// Both sides go on until neither can, and no time passes.
    fn settle(&mut self) {
        let now = self.now;
        loop {
            let server = self.server.go_on(now, &mut self.client);
            let client = self.client.go_on(now, &mut self.server);
            if !server && !client {
                return;
            }
        }
    }

    fn check(&mut self) {
        for is_server in [true, false] {
            let (side, other) = if is_server {
                (&mut self.server, &self.client)
            } else {
                (&mut self.client, &self.server)
            };
            let sent = other.sent.get(side.compared..).unwrap_or_default();
            assert!(sent.starts_with(&side.received[side.compared..]), "in order, each once");
            side.compared = side.received.len();
            let connection = &side.connection;
            assert!(connection.closed().is_none() || !connection.can_send());
            assert!(!connection.is_finished() || !connection.can_send());
            assert!(connection.queued() > 0 || !connection.is_write_blocked());
            if connection.poll_timeout().is_none() && connection.closed().is_some() {
                assert!(connection.is_finished() && !connection.wants_read());
            }
        }
    }

    fn end(&mut self) {
        for side in [&mut self.server, &mut self.client] {
            side.connection.close(self.now, None).expect("no code is always right");
            while side.poll(self.now) {}
        }
        for _ in 0..2 {
            self.now += Duration::from_secs(10);
            for side in [&mut self.server, &mut self.client] {
                side.connection.handle_timeout(self.now);
                while side.poll(self.now) {}
            }
        }
        for side in [&self.server, &self.client] {
            let connection = &side.connection;
            assert!(side.closed.is_some(), "the end is told");
            assert_eq!(connection.closed(), side.closed.as_ref());
            assert!(connection.is_finished() && !connection.wants_read());
            assert_eq!((connection.poll_timeout(), connection.queued()), (None, 0));
        }
    }
}

impl Deflate {
    fn configs(&self) -> [DeflateConfig; 2] {
        let bits = |bits: u8| WindowBits::new(9 + bits % 7).expect("9 to 15");
        let config = DeflateConfig::default()
            .level(Level::new(1 + self.level % 9).expect("1 to 9"))
            .threshold(self.threshold.into())
            .server_max_window_bits(bits(self.server_bits))
            .client_max_window_bits(bits(self.client_bits))
            .server_no_context_takeover(!self.server_takeover)
            .client_no_context_takeover(!self.client_takeover);
        [config.clone(), config]
    }
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
            compared: 0,
            closed: None,
            is_cut: false,
            serial: 0,
        }
    }

    fn payload(&mut self, size: u16) -> Vec<u8> {
        // Each like the one before it, so that contexts matter, and none the same. Most are small, as they cost time.
        self.serial = self.serial.wrapping_add(1);
        (0..size >> (2 + size % 8))
            .map(|place| (place.wrapping_mul(place) >> 7) as u8 ^ (self.serial >> 4))
            .collect()
    }

    fn send(&mut self, now: Instant, size: u16, is_uncompressed: bool) {
        let message = Message::from(self.payload(size));
        let before = self.connection.queued();
        let sent = if is_uncompressed {
            self.connection.send_uncompressed(now, message.clone())
        } else {
            self.connection.send(now, message.clone())
        };
        if sent.is_ok() {
            self.sent.push(message);
        } else if self.connection.can_send() {
            assert_eq!(self.connection.queued(), before, "a refusal changes nothing");
        }
    }

    fn send_piece(&mut self, now: Instant, size: u16, is_final: bool) {
        let payload = self.payload(size);
        let message = Message::from(payload.clone());
        let fragment = if is_final { Fragment::last(message) } else { Fragment::more(message) };
        if self.connection.send_fragment(now, fragment).is_ok() {
            self.piece.get_or_insert_default().extend(payload);
            if is_final {
                self.sent.extend(self.piece.take().map(Message::from));
            }
        }
    }

    fn poll(&mut self, now: Instant) -> bool {
        let Some(event) = self.connection.poll_event(now, &mut self.input) else { return false };
        assert_eq!(self.closed, None, "nothing follows Closed");
        match event {
            Event::Message(message) => self.received.push(message),
            Event::Closed(Closed::Violation(error)) => panic!("no side breaks a rule: {error}"),
            Event::Closed(closed) => self.closed = Some(closed),
            _ => {}
        }
        true
    }

    fn write(&mut self, mut count: usize) -> bool {
        let before = self.wire.len();
        while count > 0 && self.connection.transmit().has_remaining() {
            let transmit = self.connection.transmit();
            let step = transmit.chunk().len().min(count);
            self.wire.extend_from_slice(&transmit.chunk()[..step]);
            transmit.advance(step);
            count -= step;
        }
        self.wire.len() > before
    }

    fn read(&mut self, other: &mut Self, count: usize) -> bool {
        let count = if self.is_cut { 0 } else { count.min(other.wire.len()) };
        self.input.extend(other.wire.drain(..count));
        count > 0
    }

    fn go_on(&mut self, now: Instant, other: &mut Self) -> bool {
        let mut goes_on = false;
        while self.poll(now) {
            goes_on = true;
        }
        goes_on |= self.write(usize::MAX);
        goes_on | (self.connection.wants_read() && self.read(other, usize::MAX))
    }
}

fn control(size: u8) -> ControlPayload {
    ControlPayload::new(vec![0xAA; usize::from(size % 126)]).expect("short")
}
