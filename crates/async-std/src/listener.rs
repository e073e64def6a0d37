//! Where connections come from.

#[cfg(unix)]
use std::path::Path;
use std::{io, net::SocketAddr};

use async_std::net::{TcpListener, ToSocketAddrs};
#[cfg(unix)]
use async_std::os::unix::net::UnixListener;
use squall_io::server::Listen;

use crate::{AsyncStd, Io, Stream};

/// How many connections may wait to be accepted. Of more the system drops the first packet, and who sent it tries again after a
/// second: with the 128 that the runtime asks for, a burst of strangers makes everybody wait so long.
const BACKLOG: i32 = 1024;

/// A listening socket, TCP or Unix.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens on a TCP address; port 0 takes a free one. Up to 1,024 connections wait to be accepted, or as many as the system allows.
    ///
    /// # Errors
    /// What the system reports.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = address.to_socket_addrs().await?.collect();
        let listener = std::net::TcpListener::bind(addresses.as_slice())?;
        socket2::SockRef::from(&listener).listen(BACKLOG)?;
        Ok(TcpListener::from(listener).into())
    }

    /// Listens on a Unix socket, which must not exist yet; its file stays behind.
    ///
    /// # Errors
    /// What the system reports.
    #[cfg(unix)]
    pub async fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(UnixListener::bind(path.as_ref()).await?.into())
    }

    /// The TCP address that it listens on.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for a Unix socket; else what the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr(),
            #[cfg(unix)]
            Kind::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self(Kind::Unix(listener))
    }
}

impl Listen for Listener {
    type Runtime = AsyncStd;
    type Stream = Io<Stream>;

    async fn accept(&mut self) -> io::Result<(Io<Stream>, Option<SocketAddr>)> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A failure here means that the peer is gone already, which is no failure of the listener.
                drop(stream.set_nodelay(true));
                Ok((Io(stream.into()), Some(peer)))
            }
            #[cfg(unix)]
            Kind::Unix(listener) => Ok((Io(listener.accept().await?.0.into()), None)),
        }
    }

    fn set_nodelay(stream: &Io<Stream>, on: bool) -> io::Result<()> {
        stream.0.set_nodelay(on)
    }

    #[cfg(feature = "tls")]
    async fn secure(
        stream: Io<Stream>,
        tls: squall_io::server::ServerTls,
    ) -> io::Result<Io<Stream>> {
        let acceptor = futures_rustls::TlsAcceptor::from(tls.config());
        let stream = acceptor.accept(stream.0).await?;
        Ok(Io(futures_rustls::TlsStream::Server(stream).into()))
    }
}
