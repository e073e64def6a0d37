//! WebSocket servers and clients on tokio.

mod listener;
mod runtime;
mod stream;
mod timer;
mod transport;

pub use listener::Listener;
pub use runtime::Tokio;
pub use stream::Stream;
pub use timer::Timer;
pub use transport::Io;
