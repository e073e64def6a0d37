//! An open connection, as its handler and the rest of the application see it.

use std::{io, net::SocketAddr, ops::Deref, sync::Arc};

use crate::{Remote, Request};

/// An open connection and the request that it began with. Clone it to write from any task; what it can write is on [`Remote`].
#[derive(Debug, Clone)]
pub struct Session {
    remote: Remote,
    request: Arc<Request>,
}

impl Session {
    pub(crate) fn new(remote: Remote, request: Request) -> Self {
        Self { remote, request: Arc::new(request) }
    }

    /// The request: path arguments, query, headers, cookies, state of the application.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The address of the peer, where the listener knows it.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.request.peer()
    }

    /// Only the writing side, without the request.
    #[must_use]
    pub const fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Sets `TCP_NODELAY`, which is on from the start: off, small messages may be delayed to save packets.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the stream is not TCP, [`io::ErrorKind::NotConnected`] once it is over; else what the
    /// system reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.remote.channel().set_nodelay(on)
    }
}

impl Deref for Session {
    type Target = Remote;

    fn deref(&self) -> &Remote {
        &self.remote
    }
}
