//! The streams that this crate opens itself.

use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use async_std::net::TcpStream;
#[cfg(unix)]
use async_std::os::unix::net::UnixStream;
use futures_io::{AsyncRead, AsyncWrite};
#[cfg(feature = "tls")]
use futures_rustls::TlsStream;

/// A connected stream: TCP, a Unix socket, or TLS over one of them.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Stream>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    #[cfg(unix)]
    pub(crate) async fn connect_unix(path: &std::path::Path) -> io::Result<Self> {
        Ok(UnixStream::connect(path).await?.into())
    }

    /// The address of the peer; `None` for a Unix socket.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.tcp().and_then(|tcp| tcp.peer_addr().ok())
    }

    /// The address of this end; `None` for a Unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.tcp().and_then(|tcp| tcp.local_addr().ok())
    }

    /// Sets `TCP_NODELAY`, which is on from the start.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for a Unix socket; else what the system reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.tcp().map_or_else(|| Err(io::ErrorKind::Unsupported.into()), |tcp| tcp.set_nodelay(on))
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Tcp(tcp) => Some(tcp),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.get_ref().0.tcp(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Tcp(stream))
    }
}

#[cfg(feature = "tls")]
impl From<TlsStream<Self>> for Stream {
    fn from(stream: TlsStream<Self>) -> Self {
        Self(Kind::Tls(Box::new(stream)))
    }
}

#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self(Kind::Unix(stream))
    }
}

/// Calls the same method on whichever stream it is.
macro_rules! on_each {
    ($stream:expr, $inner:pat => $call:expr) => {
        match $stream {
            Kind::Tcp($inner) => $call,
            #[cfg(feature = "tls")]
            Kind::Tls($inner) => $call,
            #[cfg(unix)]
            Kind::Unix($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        on_each!(&mut self.0, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_each!(&mut self.0, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(&mut self.0, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(&mut self.0, stream => Pin::new(stream).poll_flush(cx))
    }

    /// Shuts the writing side down, which async-std's own sockets leave undone when they are closed.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "only TLS has to wait"))]
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(tcp) => Poll::Ready(tcp.shutdown(Shutdown::Write)),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => Pin::new(tls).poll_close(cx),
            #[cfg(unix)]
            Kind::Unix(unix) => Poll::Ready(unix.shutdown(Shutdown::Write)),
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_io::{client::Dial, server::Listen};

    use super::*;
    use crate::{AsyncStd, Listener};

    #[async_std::test]
    async fn both_ends_know_their_addresses_and_send_at_once() {
        let mut listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = AsyncStd::default().connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!((client.0.peer_addr(), server.0.local_addr()), (Some(address), Some(address)));
        assert_eq!((server.0.peer_addr(), client.0.local_addr()), (peer, peer));
        let is_on = |stream: &Stream| stream.tcp().unwrap().nodelay().unwrap();
        assert!(is_on(&client.0) && is_on(&server.0));
        client.0.set_nodelay(false).unwrap();
        Listener::set_nodelay(&server, false).unwrap();
        assert!(!is_on(&client.0) && !is_on(&server.0));
    }

    #[cfg(unix)]
    #[async_std::test]
    async fn a_unix_socket_has_no_address_and_no_delay() {
        let stream = Stream::from(UnixStream::pair().unwrap().0);
        assert_eq!((stream.peer_addr(), stream.local_addr()), (None, None));
        let error = stream.set_nodelay(true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}
