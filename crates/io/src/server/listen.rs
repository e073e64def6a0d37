//! Where a server's connections come from.

use std::{future::Future, io, net::SocketAddr};

use crate::{Runtime, Transport, server::ServerTls};

/// A listening socket of a runtime.
pub trait Listen: Send + 'static {
    /// The runtime that the connections run on.
    type Runtime: Runtime;
    /// A connected stream.
    type Stream: Transport + Send + 'static;

    /// The next connection, and the address of its peer where it has one. Cancel-safe: a dropped call loses none.
    fn accept(
        &mut self,
    ) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;

    /// Makes TLS of a stream; this default cannot.
    fn secure(
        stream: Self::Stream,
        tls: ServerTls,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let _ = (stream, tls);
        async { Err(io::Error::new(io::ErrorKind::Unsupported, "built without TLS")) }
    }

    /// Sets `TCP_NODELAY` on a stream; this default cannot.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for a stream that is not TCP; else what the system reports.
    fn set_nodelay(stream: &Self::Stream, on: bool) -> io::Result<()> {
        let _ = (stream, on);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Whether a failed accept concerns the one connection and not the listener, so that the next can be accepted at once.
pub(super) fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_gone_is_told_from_a_listener_that_cannot_accept() {
        for (kind, concerns_one) in [
            (io::ErrorKind::ConnectionAborted, true),
            (io::ErrorKind::ConnectionReset, true),
            (io::ErrorKind::Interrupted, true),
            (io::ErrorKind::OutOfMemory, false),
            (io::ErrorKind::Other, false),
        ] {
            assert_eq!(concerns_one_connection(&kind.into()), concerns_one, "{kind}");
        }
    }
}
