//! An open WebSocket connection.

use std::{sync::Arc, time::{Duration, Instant}};

use bytes::BytesMut;

use crate::{
    CloseFrame, Closed, Config, ControlPayload, Delivery, Entropy, Event, Fragment, Machine, Message, SendError, Transmit,
};

/// Which side of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two sides")]
pub enum Role {
    /// The side that opened the connection; it masks what it sends (RFC 6455 §5.1).
    Client,
    /// The side that accepted it.
    Server,
}

/// Who began to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two sides")]
pub enum Initiator {
    /// This side.
    Local,
    /// The peer.
    Peer,
}

/// What a connection has counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Whole messages received.
    pub messages_received: u64,
    /// Whole messages queued to be sent.
    pub messages_sent: u64,
    /// Payload bytes received in data frames.
    pub bytes_received: u64,
    /// Payload bytes queued in data frames.
    pub bytes_sent: u64,
    /// The latest time from a ping's leaving to its pong's arrival.
    pub round_trip: Option<Duration>,
}

/// An open WebSocket connection: the state machine behind both roles.
#[derive(Debug)]
pub struct Connection {}

#[allow(unused)]
impl Connection {
    /// The server's side of a connection whose opening handshake is done.
    pub fn server(config: Arc<Config>, now: Instant) -> Self { todo!() }
    /// The client's side of a connection whose opening handshake is done; `entropy` gives its masking keys.
    pub fn client(config: Arc<Config>, entropy: Box<dyn Entropy>, now: Instant) -> Self { todo!() }
    /// Queues a message.
    pub fn send(&mut self, now: Instant, message: Message) -> Result<(), SendError> { todo!() }
    /// Queues a piece of a message.
    pub fn send_fragment(&mut self, now: Instant, fragment: Fragment) -> Result<(), SendError> { todo!() }
    /// Queues a ping.
    pub fn ping(&mut self, now: Instant, payload: ControlPayload) -> Result<(), SendError> { todo!() }
    /// Queues an unsolicited pong.
    pub fn pong(&mut self, now: Instant, payload: ControlPayload) -> Result<(), SendError> { todo!() }
    /// Starts the closing handshake; a second call is Ok(()) and does nothing.
    pub fn close(&mut self, now: Instant, frame: Option<CloseFrame>) -> Result<(), SendError> { todo!() }
    /// Gives the connection up at once: nothing queued is written, `Closed::Aborted` is the terminal event.
    pub fn abort(&mut self) { todo!() }
    /// Whether data can be sent: no Close frame sent or received, and not ended.
    pub fn can_send(&self) -> bool { todo!() }
    /// Bytes queued and not yet written.
    pub fn queued(&self) -> usize { todo!() }
    /// Whether more than the high mark waits to be written, or more than the low mark since it did.
    pub fn is_write_blocked(&self) -> bool { todo!() }
    /// Takes effect at the next message.
    pub fn set_delivery(&mut self, delivery: Delivery) { todo!() }
    /// How it ended, once `Event::Closed` was taken.
    pub fn closed(&self) -> Option<&Closed> { todo!() }
    /// Who sent the first Close frame or ended it, if anyone has.
    pub fn initiator(&self) -> Option<Initiator> { todo!() }
    /// Counters.
    pub fn stats(&self) -> Stats { todo!() }
    /// The role.
    pub fn role(&self) -> Role { todo!() }
    /// The config.
    pub fn config(&self) -> &Config { todo!() }
}

#[allow(unused)]
impl Machine for Connection {
    type Event = Event;
    fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> { todo!() }
    fn transmit(&mut self) -> &mut Transmit { todo!() }
    fn poll_timeout(&self) -> Option<Instant> { todo!() }
    fn handle_timeout(&mut self, now: Instant) { todo!() }
    fn handle_eof(&mut self, now: Instant) { todo!() }
    fn wants_read(&self) -> bool { todo!() }
    fn read_hint(&self) -> usize { todo!() }
    fn is_finished(&self) -> bool { todo!() }
}
