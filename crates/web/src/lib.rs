//! Tornado's web application, for Rust: routes to WebSocket handlers and plain pages, on any runtime.
//!
//! ```no_run
//! use squall_web::{Application, Failure, Handler, Message, Response, Session};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
//!         let text = message.as_text().unwrap_or_default();
//!         session.write_message(format!("You said: {text}")).await?;
//!         Ok(())
//!     }
//! }
//!
//! fn application() -> Result<Application, squall_web::RouteError> {
//!     Application::new()
//!         .websocket("/websocket", |_| Echo)?
//!         .get("/", async |_| Response::text("It Works!"))
//! }
//! ```
//!
//! [`Application::serve`] runs it on a listener of `squall-tokio` or `squall-async-std`; the application itself is the same on
//! both. `docs/TORNADO.md` in the repository has every name of `tornado.websocket` and its counterpart here.

mod application;
mod channel;
pub mod client;
mod close;
mod files;
mod handler;
mod hook;
mod http;
pub mod json;
mod negotiate;
mod pattern;
mod remote;
mod report;
mod request;
mod response;
mod router;
mod runner;
mod session;
mod settings;

pub use squall_io::{Shutdown, server::Server};
#[cfg(feature = "deflate")]
pub use squall_proto::deflate;
pub use squall_proto::{
    CloseCode, CloseFrame, Config, ControlPayload, Initiator, KeepAlive, Message, MessageKind,
};

pub use self::{
    application::Application,
    close::Close,
    handler::{Failure, Handler, Handshake, Refusal},
    hook::Panicked,
    pattern::{ArgumentError, ArgumentKey, PathArguments, Pattern},
    remote::{Remote, TryWriteError, WebSocketClosed, WriteError},
    report::{Hook, Report},
    request::Request,
    response::Response,
    router::RouteError,
    session::Session,
    settings::Settings,
};

/// A future of any kind, for where it is one of many.
type BoxFuture<O> = std::pin::Pin<Box<dyn Future<Output = O> + Send>>;
