//! How a connection can fail.

use std::io;

use squall_proto::{Closed, Deadline, EntropyError, ProtocolError, SendError};

/// How a connection ended that was not closed by a closing handshake (RFC 6455 §7.1.4), or why something cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol, and was told so.
    #[error(transparent)]
    Violation(#[from] ProtocolError),
    /// The stream ended without a Close frame from the peer (1006, RFC 6455 §7.1.5).
    #[error("connection lost without a closing handshake")]
    Eof,
    /// The stream failed.
    #[error("connection lost: {0}")]
    Io(#[source] io::Error),
    /// The peer did not do something in time.
    #[error("{}", timed_out(*.0))]
    TimedOut(Deadline),
    /// This side gave the connection up.
    #[error("connection aborted")]
    Aborted,
    /// No masking key could be drawn.
    #[error(transparent)]
    Entropy(EntropyError),
    /// What was asked cannot be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

const fn timed_out(deadline: Deadline) -> &'static str {
    match deadline {
        Deadline::KeepAlive => "peer gave no sign of life (keepalive timeout)",
        Deadline::Message => "a message took too long to arrive (message timeout)",
        Deadline::Idle => "no message for too long (idle timeout)",
        Deadline::Write => "peer takes nothing that is written (write timeout)",
        Deadline::Close => "peer did not answer the close frame in time (close timeout)",
        _ => "peer took too long",
    }
}

impl Error {
    /// The error that this ending is, if it is one; `error` is why the stream failed, if it did.
    pub(super) fn from_ending(closed: &Closed, error: Option<io::Error>) -> Option<Self> {
        Some(match closed {
            Closed::Clean(_) => return None,
            Closed::Violation(violation) => Self::Violation(*violation),
            Closed::Eof => error.map_or(Self::Eof, Self::Io),
            Closed::TimedOut(deadline) => Self::TimedOut(*deadline),
            Closed::Entropy(error) => Self::Entropy(*error),
            _ => Self::Aborted,
        })
    }
}
