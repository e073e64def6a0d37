//! Both roles on tokio: a current-thread runtime, or a multi-thread one where several threads are asked for.

use std::{future::pending, io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use tokio_rustls::TlsAcceptor;

use crate::{Error, Options, announce, announce_client, server_config, start};

/// What a connection runs on: TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// An echo in both roles.
pub trait Echo {
    /// Whether it speaks WebSocket, or sends bytes back as they come.
    const IS_WEBSOCKET: bool = true;

    /// Makes the handshake of a server, and echoes until the connection ends.
    fn serve<S: Stream>(
        stream: S,
        options: Options,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes the handshake of a client of `server`, and echoes until the connection ends.
    fn connect(
        stream: TcpStream,
        server: SocketAddr,
        options: Options,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Runs an echo in the role that the command line asks for, until the process is killed.
///
/// # Errors
///
/// When the socket cannot be bound, or a connection cannot be opened.
pub fn run<E: Echo + 'static>() -> Result<(), Error> {
    let options = start()?;
    runtime(options.threads)?.block_on(async {
        match options.connect {
            Some(server) => connect::<E>(server, options).await,
            None => serve::<E>(options).await,
        }
    })
}

/// The runtime with this number of threads.
///
/// # Errors
///
/// When the system has no more threads.
pub fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

async fn serve<E: Echo + 'static>(options: Options) -> Result<(), Error> {
    let tls = options.tls.as_deref().map(server_config).transpose()?.map(TlsAcceptor::from);
    let listener = TcpListener::bind(options.bind).await?;
    let scheme = match (E::IS_WEBSOCKET, &tls) {
        (true, None) => "ws",
        (true, Some(_)) => "wss",
        (false, None) => "tcp",
        (false, Some(_)) => "tls",
    };
    announce(scheme, listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let options = options.clone();
        match tls.clone() {
            None => spawn(E::serve(stream, options)),
            Some(tls) => {
                spawn(async move { E::serve(tls.accept(stream).await?, options).await });
            }
        }
    }
}

async fn connect<E: Echo + 'static>(server: SocketAddr, options: Options) -> Result<(), Error> {
    announce_client(if E::IS_WEBSOCKET { "ws" } else { "tcp" }, server)?;
    for _ in 0..options.connections {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        spawn(E::connect(stream, server, options.clone()));
    }
    pending().await
}

fn spawn(connection: impl Future<Output = Result<(), Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("connection ended: {error}");
        }
    });
}
