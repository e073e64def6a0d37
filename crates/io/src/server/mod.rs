//! Accepting connections: one at a time on a stream of one's own ([`accept`], [`upgrade`]), or all that a listener has
//! ([`Server`]).

mod config;
mod error;
mod listen;
mod serve;
mod serving;
mod tasks;
mod tls;
mod upgrade;

pub use config::ServerConfig;
pub use error::UpgradeError;
pub use listen::Listen;
pub use serve::Server;
pub use tls::ServerTls;
pub use upgrade::{Upgrade, accept, upgrade};
