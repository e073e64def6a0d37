//! An echo server on blocking sockets, one thread a connection: the core of Squall without any runtime.
//!
//! ```text
//! cargo run -p squall-proto --example blocking_echo -- 127.0.0.1:9002
//! ```
//!
//! `docs/EMBEDDING.md` explains it step by step. `mio_echo` does the same with one thread for all connections.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the caller of the core has the clock, the sockets and the threads"
)]

use std::{
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use squall_proto::{
    Config, Connection, Event, HandshakeConfig, Machine,
    deflate::DeflateConfig,
    handshake::{Accept, HandshakeError, OriginPolicy, Rejection, ServerEvent, ServerHandshake},
};

/// How long the listener rests that cannot accept, for want of file descriptors for example.
const REST: Duration = Duration::from_millis(100);

/// The shortest timeout that a socket is given; zero would mean none.
const SHORTEST: Duration = Duration::from_millis(1);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9002".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on ws://{}", listener.local_addr()?);
    // One configuration for all connections.
    let config = Arc::new(Config::default());
    loop {
        let config = Arc::clone(&config);
        let spawned = listener.accept().and_then(|(stream, _)| {
            thread::Builder::new().spawn(move || {
                // A stream that fails concerns its own peer only, and that one is gone.
                drop(serve(stream, config));
            })
        });
        if let Err(error) = spawned {
            eprintln!("cannot accept: {error}");
            thread::sleep(REST);
        }
    }
}

/// Serves one connection from its first byte to its last.
fn serve(stream: TcpStream, config: Arc<Config>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    let mut handshake = ServerHandshake::new(&HandshakeConfig::default(), Instant::now());
    while let Some(event) = wire.next_event(&mut handshake)? {
        let ServerEvent::Request(request) = event else {
            // A request that is no good: its answer is queued, and the loop writes it.
            continue;
        };
        // Pages of the same authority may connect, and compression is used where it is offered.
        let answer = if OriginPolicy::default().allows_request(&request) {
            let accept = Accept::new().deflate(DeflateConfig::default());
            request.accept(accept).map_err(|error| Rejection::from(&error))
        } else {
            Err(Rejection::from(&HandshakeError::Origin))
        };
        match answer {
            Ok(acceptance) => {
                let connection = handshake.accept(acceptance, config, Instant::now());
                return echo(&mut wire, connection);
            }
            Err(rejection) => handshake.reject(rejection, Instant::now()),
        }
    }
    Ok(())
}

/// Sends every message back until the connection is over.
fn echo(wire: &mut Wire, mut connection: Connection) -> io::Result<()> {
    while let Some(event) = wire.next_event(&mut connection)? {
        if let Event::Message(message) = event {
            // It cannot be sent where the peer has closed meanwhile, and need not be.
            let _ = connection.send(Instant::now(), message);
            wire.make_room(&mut connection)?;
        }
    }
    Ok(())
}

/// A blocking stream, and what was read from it and not taken yet.
///
/// It outlives the handshake: what that leaves in the input are the first frames.
struct Wire {
    stream: TcpStream,
    input: BytesMut,
    /// When the last read ended. Deadlines up to then can be judged: what arrived before them has been looked at.
    read_until: Instant,
    is_shut_down: bool,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        let read_until = Instant::now();
        Self { stream, input: BytesMut::new(), read_until, is_shut_down: false }
    }

    /// The next event; `None` once the machine has finished and the stream can be dropped.
    fn next_event<M: Machine>(&mut self, machine: &mut M) -> io::Result<Option<M::Event>> {
        loop {
            if let Some(event) = machine.poll_event(Instant::now(), &mut self.input) {
                return Ok(Some(event));
            }
            if machine.poll_timeout().is_some_and(|deadline| deadline <= self.read_until) {
                machine.handle_timeout(Instant::now());
                continue;
            }
            if self.write(machine)? {
                // The machine looks at what has left by now: a ping, for example.
                continue;
            }
            if machine.is_finished() {
                self.shut_down();
                if !machine.wants_read() {
                    return Ok(None);
                }
            }
            self.read(machine)?;
        }
    }

    /// Writes all there is, at most until the next deadline; whether anything has left.
    fn write<M: Machine>(&mut self, machine: &mut M) -> io::Result<bool> {
        let mut progress = false;
        while machine.transmit().has_remaining() {
            self.stream.set_write_timeout(time_left(machine))?;
            let output = machine.transmit();
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = output.chunks_vectored(&mut slices);
            match self.stream.write_vectored(slices.get(..filled).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    output.advance(count);
                    progress = true;
                }
                Err(error) if is_timeout(&error) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(progress)
    }

    /// Writes until there is room for another answer.
    ///
    /// Nothing is read meanwhile, so a peer that sends and does not take its answers has to wait. What it has sent is a sign
    /// of life all the same.
    fn make_room(&mut self, connection: &mut Connection) -> io::Result<()> {
        while connection.is_write_blocked() {
            if self.write(connection)? {
                continue;
            }
            self.stream.set_read_timeout(Some(SHORTEST))?;
            if self.stream.peek(&mut [0]).is_ok_and(|count| count > 0) {
                connection.handle_sign_of_life(Instant::now());
            }
            connection.handle_timeout(Instant::now());
        }
        Ok(())
    }

    /// Reads once, and waits for that at most until the next deadline.
    fn read<M: Machine>(&mut self, machine: &mut M) -> io::Result<()> {
        self.stream.set_read_timeout(time_left(machine))?;
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => machine.handle_eof(Instant::now()),
            Ok(count) => self.input.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        self.read_until = Instant::now();
        Ok(())
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

/// How long a call may block before a deadline of the machine has to be judged; `None` for as long as it likes.
fn time_left<M: Machine>(machine: &M) -> Option<Duration> {
    let deadline = machine.poll_timeout()?;
    Some(deadline.saturating_duration_since(Instant::now()).max(SHORTEST))
}

/// What a read or a write reports whose time is up.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
