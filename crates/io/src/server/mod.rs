//! Accepting connections.

mod listen;
mod tasks;
mod tls;

pub use listen::Listen;
pub use tls::ServerTls;
