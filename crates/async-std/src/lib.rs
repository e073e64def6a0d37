//! WebSocket servers and clients on async-std.
//!
//! # A server
//! ```no_run
//! use squall_async_std::{Listener, Server};
//!
//! #[async_std::main]
//! async fn main() -> std::io::Result<()> {
//!     Server::new(Listener::bind("127.0.0.1:9001").await?)
//!         .serve(async |mut socket| {
//!             while let Ok(Some(message)) = socket.recv().await {
//!                 if socket.send(message).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         })
//!         .await;
//!     Ok(())
//! }
//! ```
//!
//! # A client
//! ```no_run
//! #[async_std::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut socket = squall_async_std::connect("ws://127.0.0.1:9001").await?;
//!     socket.send("hello").await?;
//!     println!("{:?}", socket.recv().await?);
//!     socket.close(None).await?;
//!     Ok(())
//! }
//! ```
//!
//! Everything about a connection is on [`WebSocket`], everything about messages and limits in [`proto`]. The same names on tokio
//! are in `squall-tokio`.

mod listener;
mod runtime;
mod stream;
mod timer;

use futures_io::{AsyncRead, AsyncWrite};
pub use squall_io::FuturesIo as Io;
#[cfg(feature = "tls")]
pub use squall_io::tls;
pub use squall_io::{
    Error, ReuniteError, Shutdown, SystemEntropy, TrySendError,
    client::{ClientTls, ConnectError, Phase, Resolve, Resolving},
    server::{ServerConfig, ServerTls, UpgradeError},
};
use squall_io::{client::IntoClientRequest, server};
pub use squall_proto as proto;
#[cfg(feature = "web")]
pub use squall_web as web;

pub use self::{listener::Listener, runtime::AsyncStd, stream::Stream, timer::Timer};

/// An open connection on a stream of this crate's, or on another.
pub type WebSocket<S = Stream> = squall_io::WebSocket<Io<S>, AsyncStd>;
/// The receiving half of a [`WebSocket`].
pub type Receiver<S = Stream> = squall_io::Receiver<Io<S>, AsyncStd>;
/// Sends on a [`WebSocket`] from anywhere.
pub type Sender<S = Stream> = squall_io::Sender<Io<S>, AsyncStd>;
/// The settings of a client.
pub type Connector = squall_io::client::Connector<AsyncStd>;
/// A listener with its settings.
pub type Server = server::Server<Listener>;
/// A request that waits for its answer.
pub type Upgrade<S = Stream> = server::Upgrade<Io<S>, AsyncStd>;

/// Opens a connection with the default settings; [`Connector`] has others.
///
/// # Errors
/// [`ConnectError`], which says in which phase.
///
/// # Cancel safety
/// Dropping the future gives up.
pub async fn connect(request: impl IntoClientRequest) -> Result<WebSocket, ConnectError> {
    Connector::default().connect(request).await
}

/// Opens a connection through a Unix socket; the URL of the request says the host and what to ask for.
///
/// # Errors
/// [`ConnectError`].
///
/// # Cancel safety
/// Dropping the future gives up.
#[cfg(unix)]
pub async fn connect_unix(
    path: impl AsRef<std::path::Path>,
    request: impl IntoClientRequest,
) -> Result<WebSocket, ConnectError> {
    let stream = Stream::connect_unix(path.as_ref()).await.map_err(ConnectError::Connect)?;
    Connector::default().handshake_on(Io(stream), request).await
}

/// Accepts a connection on any stream, as the settings say.
///
/// Hand a socket of async-std's over as a [`Stream`] (`Stream::from(socket)`): closing the socket itself does not tell the peer that
/// nothing more will come.
///
/// # Errors
/// [`UpgradeError`]; the client has its answer by then, where it gets one.
///
/// # Cancel safety
/// Dropping the future drops the stream.
pub async fn accept<S>(stream: S, config: &ServerConfig) -> Result<WebSocket<S>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    server::accept(Io(stream), AsyncStd, config).await
}

/// Reads the request on any stream, for the caller to decide about.
///
/// # Errors
/// [`UpgradeError`]; the client has its answer by then, where it gets one.
///
/// # Cancel safety
/// Dropping the future drops the stream.
pub async fn upgrade<S>(stream: S, config: &ServerConfig) -> Result<Upgrade<S>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    server::upgrade(Io(stream), AsyncStd, config).await
}

/// Serves an application on a TCP address until its [`shutdown`](web::Application::shutdown) switch is turned on; the answer is how
/// many connections were aborted then. [`Application::serve`](web::Application::serve) takes other listeners, and a [`Server`]
/// with TLS for example.
///
/// # Errors
/// What the system reports where it cannot listen on the address.
///
/// # Cancel safety
/// Dropping the future closes the listener and aborts every connection.
#[cfg(feature = "web")]
pub async fn serve(
    application: web::Application,
    address: impl async_std::net::ToSocketAddrs,
) -> std::io::Result<usize> {
    Ok(application.serve(Listener::bind(address).await?).await)
}
