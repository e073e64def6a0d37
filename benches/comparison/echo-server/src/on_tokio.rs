//! The accept loop on a current-thread runtime of tokio.

use std::io;

use tokio::net::{TcpListener, TcpStream};

use crate::{Error, Options, announce, start};

/// Serves WebSocket connections, each with `connection` in a task of its own, until the process is killed.
///
/// # Errors
///
/// When the socket cannot be bound.
pub fn serve<F>(connection: impl Fn(TcpStream, Options) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    accept("ws", connection)
}

/// Serves connections that speak no WebSocket.
///
/// # Errors
///
/// When the socket cannot be bound.
pub fn serve_bytes<F>(connection: impl Fn(TcpStream, Options) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    accept("tcp", connection)
}

fn accept<F>(scheme: &str, connection: impl Fn(TcpStream, Options) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let options = start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.bind).await?;
        announce(scheme, listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection = connection(stream, options);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    eprintln!("connection ended: {error}");
                }
            });
        }
    })
}
