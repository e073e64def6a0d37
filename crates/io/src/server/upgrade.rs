//! From a connected stream to a connection: the request, the decision, the answer.

use std::{future::poll_fn, net::SocketAddr, task::Poll, time::Instant};

use squall_proto::{
    Machine,
    handshake::{Accept, HandshakeError, Rejection, ServerEvent, ServerHandshake, UpgradeRequest},
};

use super::{ServerConfig, UpgradeError};
use crate::{Runtime, Timer, Transport, WebSocket, driver::Driver, websocket::Agreed};

/// Accepts a connection on a stream as the settings say.
///
/// A request that they do not allow is answered with the HTTP status that says why.
///
/// # Errors
/// [`UpgradeError`]; the client has its answer by then, where it gets one.
///
/// # Cancel safety
/// Dropping the future drops the stream.
pub async fn accept<T: Transport + Send + 'static, R: Runtime>(
    transport: T,
    runtime: R,
    config: &ServerConfig,
) -> Result<WebSocket<T, R>, UpgradeError> {
    upgrade(transport, runtime, config).await?.accept_default().await
}

/// Reads the request on a stream, for the caller to decide about.
///
/// # Errors
/// As [`accept`].
///
/// # Cancel safety
/// Dropping the future drops the stream.
pub async fn upgrade<T: Transport + Send + 'static, R: Runtime>(
    transport: T,
    runtime: R,
    config: &ServerConfig,
) -> Result<Upgrade<T, R>, UpgradeError> {
    let timer = runtime.timer();
    let deadline = timer.now() + config.handshake_config().time_limit();
    read_request(Driver::new(transport, timer), runtime, config, deadline).await
}

/// A request that waits for its answer: accept it or reject it.
///
/// The [handshake timeout](squall_proto::HandshakeConfig::timeout) goes on meanwhile; a request that is not answered in time is
/// answered with 503. Dropping it drops the stream without an answer.
#[derive(Debug)]
pub struct Upgrade<T, R: Runtime>(Box<Parts<T, R>>);

/// Much, and soon done with: boxed, so that the task of a connection does not keep room for it.
#[derive(Debug)]
struct Parts<T, R: Runtime> {
    request: UpgradeRequest,
    handshake: ServerHandshake,
    driver: Driver<T, R::Timer>,
    runtime: R,
    config: ServerConfig,
    peer: Option<SocketAddr>,
}

/// Reads the request until `deadline`, and judges its origin.
pub(super) async fn read_request<T: Transport, R: Runtime>(
    mut driver: Driver<T, R::Timer>,
    runtime: R,
    config: &ServerConfig,
    deadline: Instant,
) -> Result<Upgrade<T, R>, UpgradeError> {
    let now = driver.timer().now();
    let limits = config.handshake_config().clone();
    let limits = limits.timeout(deadline.saturating_duration_since(now));
    let mut handshake = ServerHandshake::new(&limits, now);
    match poll_fn(|cx| driver.poll_event(cx, &mut handshake)).await {
        Some(ServerEvent::Request(request)) => {
            let config = config.clone();
            let upgrade = Upgrade(Box::new(Parts {
                request: *request,
                handshake,
                driver,
                runtime,
                config,
                peer: None,
            }));
            if upgrade.0.config.origin_policy().allows_request(&upgrade.0.request) {
                return Ok(upgrade);
            }
            let error = HandshakeError::Origin;
            upgrade.refuse(Rejection::from(&error)).await;
            Err(error.into())
        }
        Some(ServerEvent::Failed(error)) => {
            finish(&mut driver, &mut handshake).await;
            match (error, driver.take_error()) {
                (HandshakeError::Eof, Some(error)) => Err(UpgradeError::Io(error)),
                (error, _) => Err(error.into()),
            }
        }
        // It ends with an event.
        _ => Err(HandshakeError::Eof.into()),
    }
}

impl<T: Transport, R: Runtime> Upgrade<T, R> {
    pub(super) fn with_peer(mut self, peer: Option<SocketAddr>) -> Self {
        self.0.peer = peer;
        self
    }

    /// The request: path, query, headers, cookies, subprotocols.
    #[must_use]
    pub fn request(&self) -> &UpgradeRequest {
        &self.0.request
    }

    /// The address of the client, where the listener knows it.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// What the settings would accept with: the subprotocol selected, compression if they have it. A start for
    /// [`accept`](Self::accept).
    #[must_use]
    pub fn acceptance(&self) -> Accept {
        self.0.config.acceptance(&self.0.request)
    }

    /// Other limits and timeouts for this connection than those of the settings.
    #[must_use]
    pub fn connection(mut self, config: impl Into<std::sync::Arc<squall_proto::Config>>) -> Self {
        self.0.config = self.0.config.clone().connection(config);
        self
    }

    /// Rejects the request. When it returns, the client has the answer or is gone.
    ///
    /// # Cancel safety
    /// A dropped call may have sent a part of the answer.
    pub async fn reject(self, rejection: Rejection) -> UpgradeError {
        let status = rejection.status();
        self.refuse(rejection).await;
        UpgradeError::Rejected(status)
    }

    async fn refuse(mut self, rejection: Rejection) {
        let now = self.0.driver.timer().now();
        self.0.handshake.reject(rejection, now);
        finish(&mut self.0.driver, &mut self.0.handshake).await;
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Upgrade<T, R> {
    /// Accepts the request as the settings say.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Cancel safety
    /// A dropped call drops the stream.
    pub async fn accept_default(self) -> Result<WebSocket<T, R>, UpgradeError> {
        let accept = self.acceptance();
        self.accept(accept).await
    }

    /// Accepts the request: with a subprotocol, with further response headers, with compression. When it returns, the answer is
    /// written.
    ///
    /// # Errors
    /// [`UpgradeError`]: `accept` asks for what cannot be (answered with 500), or the time for the handshake is up (answered with
    /// 503, unless it is the client that does not read the answer).
    ///
    /// # Cancel safety
    /// A dropped call drops the stream.
    pub async fn accept(self, accept: Accept) -> Result<WebSocket<T, R>, UpgradeError> {
        let acceptance = match self.0.request.accept(accept) {
            Ok(acceptance) => acceptance,
            Err(error) => {
                self.refuse(Rejection::from(&error)).await;
                return Err(error.into());
            }
        };
        let Parts { mut handshake, mut driver, runtime, config, .. } = *self.0;
        let now = driver.timer().now();
        handshake.handle_timeout(now);
        let deadline = handshake.poll_timeout().filter(|_| !handshake.wants_read());
        let Some(deadline) = deadline else {
            finish(&mut driver, &mut handshake).await;
            return Err(HandshakeError::TimedOut.into());
        };
        let subprotocol = acceptance.subprotocol().map(str::to_owned);
        let mut connection = handshake.accept(acceptance, config.connection_config(), now);
        // A connection that ends here ends for its first reader too.
        let written = poll_fn(|cx| match driver.poll_flush(cx, &mut connection) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => driver.timer().poll_until(cx, deadline).map(|()| false),
        });
        if !written.await {
            return Err(HandshakeError::TimedOut.into());
        }
        let agreed = Agreed { subprotocol, response: None };
        let shutdown = Some(config.shutdown_switch());
        Ok(WebSocket::new(connection, driver, runtime, agreed, shutdown))
    }
}

/// Drives a refused handshake to its end.
async fn finish<T: Transport, C: Timer>(
    driver: &mut Driver<T, C>,
    handshake: &mut ServerHandshake,
) {
    while poll_fn(|cx| driver.poll_event(cx, handshake)).await.is_some() {}
}
