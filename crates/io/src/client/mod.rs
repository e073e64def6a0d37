//! Opening connections.

mod dial;
mod tls;

pub use dial::{Dial, Resolve, Resolving};
pub use tls::ClientTls;
