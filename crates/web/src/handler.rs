//! What an application writes for a WebSocket route.

use std::{future::Future, sync::Arc};

use ::http::{HeaderMap, HeaderName, HeaderValue};
#[cfg(feature = "deflate")]
use squall_proto::deflate::DeflateConfig;
use squall_proto::{Config, ControlPayload, Message};

use crate::{Close, Request, Response, Session};

/// Why a hook failed: any error. It ends that connection with 1011, and nothing else.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One connection's side of the application: Tornado's `WebSocketHandler`.
///
/// A route makes one per request, so its fields are the state of the connection. Only [`on_message`](Self::on_message) has to be written;
/// implement the others with `async fn` too.
///
/// The hooks of a connection run strictly one after another: `prepare`, `check_origin`, `select_subprotocol`, `compression`,
/// `options`; then `open`; then a hook for each message, ping and pong in their order; then `on_close`, once. While a hook waits, pings
/// are answered and at most one message is read ahead, so that a slow handler holds its own peer back and nobody else.
///
/// A hook of an open connection that fails or panics closes it with 1011. No further message is sent or handled then, `on_error` and
/// `on_close` run, and the application's [reports](crate::Application::on_uncaught) have a line about it.
pub trait Handler: Sized + Send + 'static {
    /// Runs before anything is answered: authenticate, add headers to the answer, or refuse with any response.
    fn prepare(
        &mut self,
        handshake: &mut Handshake,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = handshake;
        async { Ok(()) }
    }

    /// Whether a page of another origin may connect; the default allows the [trusted
    /// origins](crate::Settings::trusted_origins) of the settings.
    ///
    /// It is asked only about origins that are not the server's own; see
    /// [`OriginPolicy`](squall_proto::handshake::OriginPolicy) for the rules before it. A refused request is answered with 403.
    #[must_use]
    fn check_origin(&mut self, origin: &str, request: &Request) -> bool {
        request.settings().trusts(origin)
    }

    /// Selects a subprotocol among those offered, which may be none; the default selects none. It runs once.
    ///
    /// A selection that was not offered is answered with 500.
    #[must_use]
    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        let _ = offered;
        None
    }

    /// Compression for this connection, where the client offers it: Tornado's `get_compression_options` (default: none).
    #[cfg(feature = "deflate")]
    #[must_use]
    fn compression(&mut self, request: &Request) -> Option<DeflateConfig> {
        let _ = request;
        None
    }

    /// Limits and timeouts for this connection: ping interval and timeout, message size and more (default: those of the
    /// [settings](crate::Settings::websocket)).
    #[must_use]
    fn options(&mut self, defaults: &Arc<Config>) -> Arc<Config> {
        Arc::clone(defaults)
    }

    /// The connection is open. No message is delivered until it returns.
    fn open(&mut self, session: &Session) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = session;
        async { Ok(()) }
    }

    /// A message arrived. The next one waits until this returns.
    fn on_message(
        &mut self,
        session: &Session,
        message: Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A ping arrived; its pong is on its way already.
    fn on_ping(
        &mut self,
        session: &Session,
        payload: ControlPayload,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (session, payload);
        async { Ok(()) }
    }

    /// A pong arrived, asked for or not.
    fn on_pong(
        &mut self,
        session: &Session,
        payload: ControlPayload,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (session, payload);
        async { Ok(()) }
    }

    /// The connection is over, whoever ended it and however. It runs exactly once for each connection that was opened, but for those
    /// that the server aborts at the end of its [grace](squall_io::server::Server::grace).
    fn on_close(&mut self, session: &Session, close: Close) -> impl Future<Output = ()> + Send {
        let _ = (session, close);
        async {}
    }

    /// Another hook of this connection failed, which is about to be closed for it.
    fn on_error(&mut self, session: &Session, failure: &Failure) {
        let _ = (session, failure);
    }
}

/// A handshake that is not answered yet: what [`Handler::prepare`] sees and may add to.
#[derive(Debug)]
pub struct Handshake {
    request: Request,
    headers: HeaderMap,
}

impl Handshake {
    pub(crate) fn new(request: Request) -> Self {
        Self { request, headers: HeaderMap::new() }
    }

    pub(crate) fn into_parts(self) -> (Request, HeaderMap) {
        (self.request, self.headers)
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Adds a header to the answer, should it be 101. One that is the handshake's own makes it 500.
    pub fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.append(name, value);
    }
}

/// Why [`Handler::prepare`] lets a request go no further. Every [`Response`] and every error becomes one with `?` or `into`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// This is the answer.
    Response(Box<Response>),
    /// It failed; the answer is 500.
    Failed(Failure),
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self::Response(Box::new(response))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
