//! What a connection has to tell.

use crate::{CloseFrame, EntropyError, Fragment, Message, ProtocolError, frame::ControlPayload};

/// Something that happened on a [`Connection`](crate::Connection).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A whole message arrived ([`Delivery::Messages`](crate::Delivery::Messages)).
    Message(Message),
    /// A piece of a message arrived ([`Delivery::Fragments`](crate::Delivery::Fragments)).
    Fragment(Fragment),
    /// A ping arrived; its pong is already on its way, unless this side has sent its Close (RFC 6455 §5.5.1, §5.5.2).
    Ping(ControlPayload),
    /// A pong arrived, asked for or not (RFC 6455 §5.5.3).
    Pong(ControlPayload),
    /// The connection is over. Exactly one of these comes, and nothing after it.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// Both sides said Close; with the body of the peer's Close frame, if it had one (RFC 6455 §7.1.4–§7.1.6).
    Clean(Option<CloseFrame>),
    /// The peer broke the protocol and was told so.
    Violation(ProtocolError),
    /// The transport ended without a Close frame from the peer (1006, RFC 6455 §7.1.5).
    Eof,
    /// The peer did not do something in time.
    TimedOut(Deadline),
    /// This side gave up the connection without a closing handshake.
    Aborted,
    /// No masking key could be drawn, so nothing more can be sent.
    Entropy(EntropyError),
}

impl Closed {
    /// Whether the closing handshake was completed.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::Clean(_))
    }
}

/// What a peer did not do in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// Give a sign of life after a ping ([`KeepAlive`](crate::KeepAlive)).
    KeepAlive,
    /// Send the rest of a message ([`Config::message_timeout`](crate::Config::message_timeout)).
    Message,
    /// Send or be sent a message ([`Config::idle_timeout`](crate::Config::idle_timeout)).
    Idle,
    /// Take what was written ([`Config::write_timeout`](crate::Config::write_timeout)).
    Write,
    /// Answer the Close frame ([`Config::close_timeout`](crate::Config::close_timeout)).
    Close,
}
