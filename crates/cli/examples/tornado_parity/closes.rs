//! What every close hook saw.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_tokio::{
    proto::deflate::DeflateConfig,
    web::{
        Close, CloseCode, Config, ControlPayload, Failure, Handler, Handshake, Message, Refusal,
        Request, Response, Session,
    },
};

/// How many close hooks have run, and what the latest saw.
#[derive(Default)]
pub(crate) struct Closes(Mutex<State>);

#[derive(Default)]
struct State {
    count: u64,
    code: Option<u16>,
    reason: Option<String>,
}

impl Closes {
    pub(crate) fn count(&self) -> Response {
        Response::json(&self.state().count)
    }

    pub(crate) fn last(&self) -> Response {
        let state = self.state();
        let last = serde_json::json!({ "code": state.code, "reason": state.reason });
        Response::json(&last)
    }

    fn record(&self, close: &Close) {
        let mut state = self.state();
        let reason = close.reason().map(str::to_owned);
        *state = State { count: state.count + 1, code: close.code().map(CloseCode::get), reason };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handler whose close hook is recorded; everything else is the handler's own.
pub(crate) struct Recorded<H> {
    handler: H,
    closes: Arc<Closes>,
}

impl<H> Recorded<H> {
    pub(crate) const fn new(handler: H, closes: Arc<Closes>) -> Self {
        Self { handler, closes }
    }
}

impl<H: Handler> Handler for Recorded<H> {
    async fn prepare(&mut self, handshake: &mut Handshake) -> Result<(), Refusal> {
        self.handler.prepare(handshake).await
    }

    fn check_origin(&mut self, origin: &str, request: &Request) -> bool {
        self.handler.check_origin(origin, request)
    }

    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        self.handler.select_subprotocol(offered)
    }

    fn compression(&mut self, request: &Request) -> Option<DeflateConfig> {
        self.handler.compression(request)
    }

    fn options(&mut self, defaults: &Arc<Config>) -> Arc<Config> {
        self.handler.options(defaults)
    }

    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        self.handler.open(session).await
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        self.handler.on_message(session, message).await
    }

    async fn on_ping(&mut self, session: &Session, payload: ControlPayload) -> Result<(), Failure> {
        self.handler.on_ping(session, payload).await
    }

    async fn on_pong(&mut self, session: &Session, payload: ControlPayload) -> Result<(), Failure> {
        self.handler.on_pong(session, payload).await
    }

    async fn on_close(&mut self, session: &Session, close: Close) {
        self.closes.record(&close);
        self.handler.on_close(session, close).await;
    }
}
