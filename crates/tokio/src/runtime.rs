//! tokio as a runtime for the servers and clients of squall-io.

use std::{future::Future, io, net::SocketAddr};

use squall_io::{Runtime, client::Dial};
use tokio::{
    net::{TcpStream, lookup_host},
    runtime::Handle,
};

use crate::{Io, Stream, Timer};

/// tokio: its clock, its tasks and its connections. Whoever uses it has to run on tokio.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Tokio;

impl Runtime for Tokio {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer::default()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        Handle::try_current().map(|runtime| runtime.spawn(task)).is_ok()
    }
}

impl Dial for Tokio {
    type Stream = Io<Stream>;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, port)).await?.collect())
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
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream.0).await?;
        Ok(Io(tokio_rustls::TlsStream::Client(stream).into()))
    }
}
