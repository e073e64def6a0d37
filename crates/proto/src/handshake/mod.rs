//! The opening handshake (RFC 6455 §4), in two forms.
//!
//! *Over `http` types*, for whoever already has an HTTP server or client: [`UpgradeRequest::from_http`] checks a request,
//! [`UpgradeRequest::accept`] makes the response, and [`Acceptance::into_connection`] the connection; on the other side
//! [`ClientRequest::begin`] and [`AwaitingResponse::check`].
//!
//! *Over bytes*, as a [`Machine`](crate::Machine): [`ServerHandshake`] and [`ClientHandshake`], which do the same and the HTTP/1.1
//! around it, within limits and a deadline ([`HandshakeConfig`](crate::HandshakeConfig)).
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//! use squall_proto::{Config, handshake::{Accept, UpgradeRequest}};
//!
//! let request = http::Request::get("/chat")
//!     .header("Host", "example.com")
//!     .header("Upgrade", "websocket")
//!     .header("Connection", "Upgrade")
//!     .header("Sec-WebSocket-Version", "13")
//!     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
//!     .body(())?;
//! let acceptance = UpgradeRequest::from_http(request)?.accept(Accept::new())?;
//! assert_eq!(acceptance.response().headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
//! let connection = acceptance.into_connection(Arc::new(Config::default()), Instant::now());
//! # assert!(connection.can_send());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
mod client;
mod client_request;
mod client_url;
mod error;
mod head;
mod header_list;
mod key;
mod origin;
mod refusal;
mod rejection;
mod response;
mod server;
mod upgrade_request;

pub use accept::{Accept, AcceptError, Acceptance};
pub use client::{ClientEvent, ClientHandshake};
pub use client_request::{ClientRequest, InvalidRequest};
pub use client_url::InvalidUrl;
pub use error::HandshakeError;
pub use origin::OriginPolicy;
pub use refusal::Refusal;
pub use rejection::Rejection;
pub use response::{AwaitingResponse, Established};
pub use server::{ServerEvent, ServerHandshake};
pub use upgrade_request::UpgradeRequest;
