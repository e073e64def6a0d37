//! The driver of Squall's WebSocket state machines: over any byte stream ([`Transport`]), any clock ([`Timer`]) and any runtime
//! ([`Runtime`]).
//!
//! Most programs use it through `squall-tokio` or `squall-async-std`, which name a runtime's streams and clock. This crate is for
//! streams and runtimes of one's own: [`WebSocket::from_connection`], [`server::accept`] and [`Connector::handshake_on`](client::Connector::handshake_on) take them.

pub mod client;
mod driver;
mod entropy;
#[cfg(feature = "futures-io")]
mod futures_io;
mod runtime;
pub mod server;
mod shutdown;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
mod websocket;

pub use entropy::SystemEntropy;
#[cfg(feature = "futures-io")]
pub use futures_io::FuturesIo;
pub use runtime::{Elapsed, Runtime, race, within};
pub use shutdown::{Shutdown, Started};
pub use timer::Timer;
pub use transport::Transport;
pub use websocket::{Error, Receiver, ReuniteError, Sender, TrySendError, WebSocket};
