//! async-std as a runtime for the servers and clients of squall-io.

use std::{future::Future, io, net::SocketAddr};

use async_std::net::{TcpStream, ToSocketAddrs};
use squall_io::{Runtime, client::Dial};

use crate::{Io, Stream, Timer};

/// async-std: the clock it shares with smol, its tasks and its connections.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer::default()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        // The task runs on, whoever holds its handle.
        drop(async_std::task::spawn(task));
        true
    }
}

impl Dial for AsyncStd {
    type Stream = Io<Stream>;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs().await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Io<Stream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Io(stream.into()))
    }

    #[cfg(feature = "tls")]
    async fn secure(
        &self,
        stream: Io<Stream>,
        host: &str,
        tls: &squall_io::client::ClientTls,
    ) -> io::Result<Io<Stream>> {
        let (config, name) = tls.for_host(host).map_err(io::Error::other)?;
        let connector = futures_rustls::TlsConnector::from(config);
        let stream = connector.connect(name, stream.0).await?;
        Ok(Io(futures_rustls::TlsStream::Client(stream).into()))
    }
}
