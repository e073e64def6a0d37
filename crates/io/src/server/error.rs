//! Why a connection did not come to be.

use std::io;

use http::StatusCode;
use squall_proto::handshake::{AcceptError, HandshakeError};

/// Why a server has no connection with a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The listener could not accept; it goes on.
    #[error("cannot accept: {0}")]
    Listener(#[source] io::Error),
    /// The stream failed during the handshake.
    #[error("the connection failed during the handshake: {0}")]
    Io(#[source] io::Error),
    /// The client speaks no TLS, or none that this server accepts.
    #[error("cannot establish TLS: {0}")]
    Tls(#[source] io::Error),
    /// The client's request is not in order, or from a web page that may not connect. It was answered with
    /// [`HandshakeError::status`]. [`HandshakeError::TimedOut`] is for TLS, the request and the answer together.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The request was rejected by this server's own decision, with this status.
    #[error("rejected the request with {0}")]
    Rejected(StatusCode),
    /// The request cannot be accepted in the way that was asked for: a mistake of this server, answered with 500.
    #[error(transparent)]
    Accept(#[from] AcceptError),
}
