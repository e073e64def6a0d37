//! Why there is no connection.

use std::{fmt, io};

use squall_proto::handshake::{HandshakeError, InvalidRequest, Refusal};

/// Why a connection could not be opened; each variant is a phase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL, or something else of the request, is not valid.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// The host has no address that could be found.
    #[error("cannot resolve the host: {0}")]
    Resolve(#[source] io::Error),
    /// No address of the host accepts a connection; the error is that of the last one tried.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// There is no TLS with this host: its certificate is not trusted or not for this name, or it speaks no TLS. Not a byte of
    /// HTTP was sent. The source of the error is the one of rustls.
    #[error("cannot establish TLS: {0}")]
    Tls(#[source] io::Error),
    /// The stream failed during the opening handshake.
    #[error("the connection failed during the handshake: {0}")]
    Io(#[source] io::Error),
    /// The server's answer is not that of a WebSocket server, or it refuses.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A phase took longer than it may.
    #[error("timed out {0}")]
    TimedOut(Phase),
}

impl ConnectError {
    /// The server's answer, where it refused the upgrade: its status, headers and the beginning of its body.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Handshake(HandshakeError::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
}

/// What a client does to open a connection, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Find the addresses of the host.
    Resolve,
    /// Connect to one of them.
    Connect,
    /// Establish TLS and verify the host.
    Tls,
    /// Send the request and read the answer.
    Handshake,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "while resolving the host",
            Self::Connect => "while connecting",
            Self::Tls => "while establishing TLS",
            Self::Handshake => "during the handshake",
        })
    }
}
