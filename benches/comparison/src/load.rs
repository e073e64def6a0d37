//! The load generator: one thread, one epoll, pre-encoded messages.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token, unix::SourceFd};

use crate::{
    reply::{Protocol, Replies},
    stream::Stream,
    traffic::Traffic,
};

const READ_BUFFER_SIZE: usize = 256 << 10;
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
/// An echo that answers nothing for so long has lost a message.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_LATENCY_NANOSECONDS: u64 = 60_000_000_000;

/// Connections with one echo, and the messages outstanding on them.
#[derive(Debug)]
pub struct Load<'t> {
    poll: Poll,
    events: Events,
    connections: Vec<Connection<'t>>,
    buffer: Vec<u8>,
    tally: Tally,
    /// Every reply is followed by a further message.
    refill: bool,
}

/// What happened since the last [`Load::take_tally`].
#[derive(Clone, Debug)]
pub struct Tally {
    /// Since when.
    pub since: Instant,
    /// The number of complete replies.
    pub messages: u64,
    /// From when a message may be written until its reply is complete, in nanoseconds.
    pub latency: Histogram<u64>,
}

#[derive(Debug)]
struct Connection<'t> {
    stream: Stream,
    traffic: &'t Traffic,
    replies: Replies<'t>,
    /// The message to be written next, or that is being written.
    next: usize,
    /// The bytes of it that are written.
    written: usize,
    /// The number of messages to be written, from `next` on.
    granted: usize,
    /// When each message that is not yet answered was granted.
    granted_at: VecDeque<Instant>,
}

impl<'t> Load<'t> {
    /// Takes over connections that are open, each ready for its first message.
    ///
    /// # Errors
    ///
    /// When the system refuses to wait for so many.
    pub fn new(streams: Vec<Stream>, protocol: Protocol, traffic: &'t Traffic) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(streams.len());
        for (number, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking()?;
            poll.registry().register(
                &mut SourceFd(&stream.socket().as_raw_fd()),
                Token(number),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            let next = number % traffic.len();
            let replies = Replies::new(traffic, next, protocol);
            let granted_at = VecDeque::new();
            connections.push(Connection {
                stream,
                traffic,
                replies,
                next,
                written: 0,
                granted: 0,
                granted_at,
            });
        }
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER_SIZE]);
        Ok(Self { poll, events, connections, buffer, tally: Tally::new()?, refill: false })
    }

    /// Sends one message on each connection, and returns when each is answered with the same bytes.
    ///
    /// # Errors
    ///
    /// When the echo answers something else, or does not answer.
    pub fn exchange_one(&mut self) -> Result<()> {
        self.take_tally()?;
        self.grant(1)?;
        let all = self.connections.len() as u64;
        self.run(STALL_TIMEOUT, all)?;
        Ok(())
    }

    /// Puts `window` messages on each connection; from now on each reply is followed by another message.
    ///
    /// # Errors
    ///
    /// When a connection is lost.
    pub fn start(&mut self, window: usize) -> Result<()> {
        self.refill = true;
        self.grant(window)
    }

    /// Sends and receives until `duration` has passed and every connection could have had a reply, or until the tally has
    /// `max_messages`.
    ///
    /// # Errors
    ///
    /// When a connection is lost, a reply is not the message that was sent, or none comes for ten seconds.
    pub fn run(&mut self, duration: Duration, max_messages: u64) -> Result<()> {
        let start = Instant::now();
        let mut last_reply = (start, self.tally.messages);
        while self.tally.messages < max_messages {
            match self.poll.poll(&mut self.events, Some(POLL_TIMEOUT)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &self.events {
                let connection =
                    self.connections.get_mut(event.token().0).context("an unknown connection")?;
                if event.is_readable() {
                    connection.receive(&mut self.buffer, &mut self.tally, self.refill)?;
                }
                connection.write()?;
            }
            let now = Instant::now();
            if last_reply.1 != self.tally.messages {
                last_reply = (now, self.tally.messages);
            } else if now - last_reply.0 >= STALL_TIMEOUT {
                bail!("no reply for {STALL_TIMEOUT:?}");
            }
            let enough = self.tally.messages >= self.connections.len() as u64;
            if now - start >= duration && enough {
                break;
            }
        }
        Ok(())
    }

    /// What happened so far; counting starts anew.
    ///
    /// # Errors
    ///
    /// None that a caller could cause.
    pub fn take_tally(&mut self) -> Result<Tally> {
        Ok(std::mem::replace(&mut self.tally, Tally::new()?))
    }

    fn grant(&mut self, count: usize) -> Result<()> {
        let now = Instant::now();
        for connection in &mut self.connections {
            connection.grant(count, now);
            connection.write()?;
        }
        Ok(())
    }
}

impl Tally {
    fn new() -> Result<Self> {
        let latency = Histogram::new_with_bounds(1_000, MAX_LATENCY_NANOSECONDS, 3)?;
        Ok(Self { since: Instant::now(), messages: 0, latency })
    }
}

impl Connection<'_> {
    fn grant(&mut self, count: usize, now: Instant) {
        self.granted += count;
        self.granted_at.extend(std::iter::repeat_n(now, count));
    }

    fn receive(&mut self, buffer: &mut [u8], tally: &mut Tally, refill: bool) -> Result<()> {
        loop {
            let bytes = match self.stream.read(buffer) {
                Ok(count) => buffer.get(..count).unwrap_or(&[]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if bytes.is_empty() {
                bail!("the echo closed the connection");
            }
            let complete = self.replies.push(bytes)?;
            let is_short = bytes.len() < READ_BUFFER_SIZE;
            if complete > 0 {
                let now = Instant::now();
                for granted_at in self.granted_at.drain(..complete.min(self.granted_at.len())) {
                    tally.latency.saturating_record((now - granted_at).as_nanos() as u64);
                }
                tally.messages += complete as u64;
                if refill {
                    self.grant(complete, now);
                }
            }
            // A short read means drained, and epoll tells of what comes later.
            if is_short && self.stream.short_read_drains() {
                return Ok(());
            }
        }
    }

    fn write(&mut self) -> Result<()> {
        while self.granted > 0 {
            let bytes = self.traffic.wire(self.next, self.granted);
            match self.stream.write(bytes.get(self.written..).unwrap_or(&[])) {
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        while self.granted > 0 {
            let message_len = self.traffic.wire_len(self.next);
            if self.written < message_len {
                return;
            }
            self.written -= message_len;
            self.next = (self.next + 1) % self.traffic.len();
            self.granted -= 1;
        }
    }
}
