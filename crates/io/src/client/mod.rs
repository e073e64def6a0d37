//! Opening connections.

mod connect;
mod dial;
mod error;
mod tls;

pub use connect::{Connector, IntoClientRequest};
pub use dial::{Dial, Resolve, Resolving};
pub use error::{ConnectError, Phase};
pub use tls::ClientTls;
