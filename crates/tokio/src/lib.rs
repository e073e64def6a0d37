//! WebSocket servers and clients on tokio.
//!
//! # A server
//! ```no_run
//! use squall_tokio::{Listener, Server};
//!
//! #[tokio::main]
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
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut socket = squall_tokio::connect("ws://127.0.0.1:9001").await?;
//!     socket.send("hello").await?;
//!     println!("{:?}", socket.recv().await?);
//!     socket.close(None).await?;
//!     Ok(())
//! }
//! ```
//!
//! Everything about a connection is on [`WebSocket`], everything about messages and limits in [`proto`]. The same names on async-std
//! are in `squall-async-std`.

mod listener;
mod runtime;
mod stream;
mod timer;
mod transport;

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
use tokio::io::{AsyncRead, AsyncWrite};

pub use self::{listener::Listener, runtime::Tokio, stream::Stream, timer::Timer, transport::Io};

/// An open connection on a stream of this crate's, or on another.
pub type WebSocket<S = Stream> = squall_io::WebSocket<Io<S>, Tokio>;
/// The receiving half of a [`WebSocket`].
pub type Receiver<S = Stream> = squall_io::Receiver<Io<S>, Tokio>;
/// Sends on a [`WebSocket`] from anywhere.
pub type Sender<S = Stream> = squall_io::Sender<Io<S>, Tokio>;
/// The settings of a client.
pub type Connector = squall_io::client::Connector<Tokio>;
/// A listener with its settings.
pub type Server = server::Server<Listener>;
/// A request that waits for its answer.
pub type Upgrade<S = Stream> = server::Upgrade<Io<S>, Tokio>;

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
/// # Errors
/// [`UpgradeError`]; the client has its answer by then, where it gets one.
///
/// # Cancel safety
/// Dropping the future drops the stream.
pub async fn accept<S>(stream: S, config: &ServerConfig) -> Result<WebSocket<S>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    server::accept(Io(stream), Tokio, config).await
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
    server::upgrade(Io(stream), Tokio, config).await
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
    address: impl tokio::net::ToSocketAddrs,
) -> std::io::Result<usize> {
    Ok(application.serve(Listener::bind(address).await?).await)
}

/// The migration guide, compiled.
#[cfg(all(doctest, feature = "web", feature = "deflate"))]
#[doc = include_str!("../../../docs/TORNADO.md")]
struct TornadoGuide;

/// The README, compiled, on both runtimes.
#[cfg(all(doctest, feature = "web"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
