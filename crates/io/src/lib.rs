//! The one driver.

pub mod client;
mod runtime;
pub mod server;
mod shutdown;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;

pub use runtime::Runtime;
pub use shutdown::{Shutdown, Started};
pub use timer::Timer;
pub use transport::Transport;
