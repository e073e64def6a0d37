//! The one driver.

mod timer;
mod transport;

pub use timer::Timer;
pub use transport::Transport;
