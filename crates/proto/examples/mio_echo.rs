//! An echo server in one event loop: many connections, one thread, readiness from mio.
//!
//! ```text
//! cargo run -p squall-proto --example mio_echo -- 127.0.0.1:9002
//! ```
//!
//! `docs/EMBEDDING.md` explains it step by step. `blocking_echo` is the same without an event loop.

#![expect(
    clippy::disallowed_methods,
    reason = "the caller of the core has the clock, the sockets and the threads"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use mio::{
    Events, Interest, Poll, Token,
    event::Event as Readiness,
    net::{TcpListener, TcpStream},
};
use squall_proto::{
    Config, Connection, Event, HandshakeConfig, Machine,
    deflate::DeflateConfig,
    handshake::{Accept, HandshakeError, OriginPolicy, Rejection, ServerEvent, ServerHandshake},
};

/// The token of the listener; those of connections follow it and are never used again.
const LISTENER: Token = Token(0);

/// How long the listener rests that cannot accept, for want of file descriptors for example.
const REST: Duration = Duration::from_millis(100);

/// How many bytes are read for one connection before the others get their turn.
const BUDGET: usize = 256 << 10;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9002".to_owned());
    let address = address.parse().map_err(io::Error::other)?;
    Server::bind(address)?.run()
}

/// The loop, and all that it looks after.
struct Server {
    poll: Poll,
    listener: TcpListener,
    /// When to accept again: at once while the listener is ready, later where it has failed, at its next readiness if `None`.
    accept_at: Option<Instant>,
    peers: BTreeMap<Token, Peer>,
    next_token: usize,
    /// When each connection wants to be looked at, whatever arrives.
    alarms: BTreeSet<(Instant, Token)>,
    /// Connections to look at in this turn.
    due: BTreeSet<Token>,
    config: Arc<Config>,
}

impl Server {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        println!("listening on ws://{}", listener.local_addr()?);
        Ok(Self {
            poll,
            listener,
            accept_at: None,
            peers: BTreeMap::new(),
            next_token: LISTENER.0 + 1,
            alarms: BTreeSet::new(),
            due: BTreeSet::new(),
            config: Arc::default(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.time_left()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for readiness in &events {
                self.note(readiness);
            }
            let now = Instant::now();
            if self.accept_at.is_some_and(|accept_at| accept_at <= now) {
                self.accept_all();
            }
            self.due.extend(
                self.alarms.iter().take_while(|(at, _)| *at <= now).map(|(_, token)| *token),
            );
            for token in std::mem::take(&mut self.due) {
                self.look_at(token);
            }
        }
    }

    /// How long the poll may wait; `None` for as long as it likes.
    fn time_left(&self) -> Option<Duration> {
        if !self.due.is_empty() {
            return Some(Duration::ZERO);
        }
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let next = alarm.into_iter().chain(self.accept_at).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Readiness is told once: it is remembered until a call says that it is over.
    fn note(&mut self, readiness: &Readiness) {
        let token = readiness.token();
        if token == LISTENER {
            // A listener that rests goes on resting.
            self.accept_at.get_or_insert_with(Instant::now);
        } else if let Some(peer) = self.peers.get_mut(&token) {
            peer.wire.is_readable |= readiness.is_readable() || readiness.is_read_closed();
            self.due.insert(token);
        }
    }

    /// Accepts every connection that waits. Nothing that fails here ends the loop.
    fn accept_all(&mut self) {
        self.accept_at = loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.add(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    eprintln!("cannot accept: {error}");
                    break Some(Instant::now() + REST);
                }
            }
        };
    }

    fn add(&mut self, mut stream: TcpStream) {
        let token = Token(self.next_token);
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Where one of these fails the connection is gone already.
        let added = stream
            .set_nodelay(true)
            .and_then(|()| self.poll.registry().register(&mut stream, token, interest));
        if added.is_ok() {
            self.next_token += 1;
            self.peers.insert(token, Peer::new(stream));
            self.due.insert(token);
        }
    }

    /// Runs a connection as far as it goes, and sets its alarm anew.
    fn look_at(&mut self, token: Token) {
        let Some(peer) = self.peers.get_mut(&token) else { return };
        if let Some(alarm) = peer.alarm.take() {
            self.alarms.remove(&(alarm, token));
        }
        match peer.run(&self.config) {
            Ok(Progress::Waits) => {
                peer.alarm = peer.stage.poll_timeout();
                self.alarms.extend(peer.alarm.map(|alarm| (alarm, token)));
            }
            Ok(Progress::HasMore) => drop(self.due.insert(token)),
            // Dropping the stream closes it. One that fails concerns its own peer only.
            Ok(Progress::IsOver) | Err(_) => drop(self.peers.remove(&token)),
        }
    }
}

/// Whether a failed accept concerns the one connection and not the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// One connection.
struct Peer {
    wire: Wire,
    stage: Stage,
    /// Where it stands among the alarms.
    alarm: Option<Instant>,
}

/// The machine that a connection is at.
enum Stage {
    Handshake(ServerHandshake),
    Open(Box<Connection>),
}

/// How far a connection has come in its turn.
enum Progress {
    /// Until something arrives, something can be written, or the alarm rings.
    Waits,
    /// There is more to read; the others come first.
    HasMore,
    /// The stream can be dropped.
    IsOver,
}

impl Stage {
    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Handshake(handshake) => handshake.poll_timeout(),
            Self::Open(connection) => connection.poll_timeout(),
        }
    }
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        let handshake = ServerHandshake::new(&HandshakeConfig::default(), Instant::now());
        Self { wire: Wire::new(stream), stage: Stage::Handshake(handshake), alarm: None }
    }

    fn run(&mut self, config: &Arc<Config>) -> io::Result<Progress> {
        self.wire.budget = BUDGET;
        loop {
            match &mut self.stage {
                Stage::Handshake(handshake) => match self.wire.next(handshake)? {
                    Step::Event(event) => decide(&mut self.stage, event, config),
                    Step::Pause(progress) => return Ok(progress),
                },
                Stage::Open(connection) => {
                    if !self.wire.make_room(connection)? {
                        return Ok(Progress::Waits);
                    }
                    match self.wire.next(&mut **connection)? {
                        // It cannot be sent where the peer has closed meanwhile, and need not be.
                        Step::Event(Event::Message(message)) => {
                            let _ = connection.send(Instant::now(), message);
                        }
                        Step::Event(_) => {}
                        Step::Pause(progress) => return Ok(progress),
                    }
                }
            }
        }
    }
}

/// Answers a request; what is no good was answered by the handshake itself.
fn decide(stage: &mut Stage, event: ServerEvent, config: &Arc<Config>) {
    let (Stage::Handshake(handshake), ServerEvent::Request(request)) = (&mut *stage, event) else {
        return;
    };
    let now = Instant::now();
    // Pages of the same authority may connect, and compression is used where it is offered.
    let answer = if OriginPolicy::default().allows_request(&request) {
        let accept = Accept::new().deflate(DeflateConfig::default());
        request.accept(accept).map_err(|error| Rejection::from(&error))
    } else {
        Err(Rejection::from(&HandshakeError::Origin))
    };
    match answer {
        Ok(acceptance) => {
            let next = ServerHandshake::new(&HandshakeConfig::default(), now);
            let handshake = std::mem::replace(handshake, next);
            let connection = handshake.accept(acceptance, Arc::clone(config), now);
            *stage = Stage::Open(Box::new(connection));
        }
        Err(rejection) => handshake.reject(rejection, now),
    }
}

/// A stream with its readiness, and what was read from it and not taken yet.
///
/// It outlives the handshake: what that leaves in the input are the first frames.
struct Wire {
    stream: TcpStream,
    input: BytesMut,
    is_readable: bool,
    is_shut_down: bool,
    /// How many bytes may still be read in this turn.
    budget: usize,
}

/// What comes next.
enum Step<E> {
    Event(E),
    Pause(Progress),
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        let input = BytesMut::new();
        Self { stream, input, is_readable: false, is_shut_down: false, budget: 0 }
    }

    /// Takes events, writes, reads and judges deadlines, in this order, until there is an event or nothing more to do.
    fn next<M: Machine>(&mut self, machine: &mut M) -> io::Result<Step<M::Event>> {
        loop {
            if let Some(event) = machine.poll_event(Instant::now(), &mut self.input) {
                return Ok(Step::Event(event));
            }
            if self.write(machine)? {
                // The machine looks at what has left by now: a ping, for example.
                continue;
            }
            if machine.is_finished() {
                self.shut_down();
                if !machine.wants_read() {
                    return Ok(Step::Pause(Progress::IsOver));
                }
            }
            let can_read = self.is_readable && machine.wants_read();
            if can_read && self.budget > 0 && self.read(machine)? {
                continue;
            }
            // All that has arrived was looked at, or the turn is over.
            if is_due(machine) {
                machine.handle_timeout(Instant::now());
                continue;
            }
            let has_more = can_read && self.is_readable;
            return Ok(Step::Pause(if has_more { Progress::HasMore } else { Progress::Waits }));
        }
    }

    /// Writes until there is room for another answer; whether there is. Until then nothing is read that would be answered.
    fn make_room(&mut self, connection: &mut Connection) -> io::Result<bool> {
        while connection.is_write_blocked() {
            if self.write(connection)? {
                continue;
            }
            if !is_due(connection) {
                return Ok(false);
            }
            // Nobody takes events meanwhile, so the pong that is waited for may lie there unseen.
            if self.stream.peek(&mut [0]).is_ok_and(|count| count > 0) {
                connection.handle_sign_of_life(Instant::now());
            }
            connection.handle_timeout(Instant::now());
        }
        Ok(true)
    }

    /// Writes as much as the stream takes; whether it took anything.
    fn write<M: Machine>(&mut self, machine: &mut M) -> io::Result<bool> {
        let mut progress = false;
        let output = machine.transmit();
        while output.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = output.chunks_vectored(&mut slices);
            match self.stream.write_vectored(slices.get(..filled).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    output.advance(count);
                    progress = true;
                }
                // Its readiness to be written will come as an event.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(progress)
    }

    /// Reads once; whether there is something new to look at.
    fn read<M: Machine>(&mut self, machine: &mut M) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => machine.handle_eof(Instant::now()),
            Ok(count) => {
                self.budget = self.budget.saturating_sub(count);
                self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                return Ok(false);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Tells the peer that nothing more will come; it may still have something to say.
    fn shut_down(&mut self) {
        if !self.is_shut_down {
            self.is_shut_down = true;
            // Where the stream is gone already, the next read says so.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

/// Whether a deadline of the machine has passed.
fn is_due<M: Machine>(machine: &M) -> bool {
    machine.poll_timeout().is_some_and(|deadline| deadline <= Instant::now())
}
