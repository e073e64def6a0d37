//! Opening a connection, phase by phase.

use std::{future::poll_fn, io, sync::Arc, time::Duration};

use http::{Request, Uri};
use squall_proto::{
    Config, HandshakeConfig,
    handshake::{ClientEvent, ClientHandshake, ClientRequest, HandshakeError, InvalidRequest},
};

use super::{
    ClientTls, ConnectError, Dial, Phase, Resolve,
    dial::{connect_first, resolve},
};
use crate::{
    Runtime, SystemEntropy, Timer, Transport, WebSocket, driver::Driver, runtime::within,
    websocket::Agreed,
};

/// Something that says where to connect and what to ask for: a URL, an `http` request, a [`ClientRequest`].
pub trait IntoClientRequest {
    /// The request.
    ///
    /// # Errors
    /// [`InvalidRequest`].
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest>;
}

impl IntoClientRequest for ClientRequest {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        Ok(self)
    }
}

impl IntoClientRequest for &str {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        Ok(ClientRequest::new(self)?)
    }
}

impl IntoClientRequest for &String {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for String {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for &Uri {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        Ok(ClientRequest::from_uri(self)?)
    }
}

impl IntoClientRequest for Request<()> {
    fn into_client_request(self) -> Result<ClientRequest, InvalidRequest> {
        ClientRequest::from_http(self)
    }
}

/// The settings of a client: limits, timeouts and TLS. Cloning it is cheap.
///
/// What to ask the server for, headers and subprotocols for example, is in the [`ClientRequest`].
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until something is connected with them"]
pub struct Connector<D> {
    dial: D,
    connection: Arc<Config>,
    handshake: HandshakeConfig,
    resolve_timeout: Duration,
    connect_timeout: Duration,
    tls_timeout: Duration,
    tls: ClientTls,
    resolver: Option<Arc<dyn Resolve>>,
}

impl<D: Default> Default for Connector<D> {
    fn default() -> Self {
        Self::new(D::default())
    }
}

impl<D> Connector<D> {
    /// The default settings, on a runtime.
    pub fn new(dial: D) -> Self {
        const TIMEOUT: Duration = Duration::from_secs(10);
        Self {
            dial,
            connection: Arc::default(),
            handshake: HandshakeConfig::default(),
            resolve_timeout: TIMEOUT,
            connect_timeout: TIMEOUT,
            tls_timeout: TIMEOUT,
            tls: ClientTls::default(),
            resolver: None,
        }
    }

    /// The limits and timeouts of the connections (default: those of [`Config`]).
    pub fn connection(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.connection = config.into();
        self
    }

    /// The limits and the timeout of the handshakes (default: those of [`HandshakeConfig`]).
    pub const fn handshake(mut self, config: HandshakeConfig) -> Self {
        self.handshake = config;
        self
    }

    /// How long it may take to find the addresses of the host (default 10 s).
    pub const fn resolve_timeout(mut self, limit: Duration) -> Self {
        self.resolve_timeout = limit;
        self
    }

    /// How long it may take to connect to one of them (default 10 s).
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long it may take to establish TLS (default 10 s).
    pub const fn tls_timeout(mut self, limit: Duration) -> Self {
        self.tls_timeout = limit;
        self
    }

    /// TLS settings of one's own (default: the system's root certificates). The name of the host is verified in any case.
    pub fn tls(mut self, tls: impl Into<ClientTls>) -> Self {
        self.tls = tls.into();
        self
    }

    /// Finds the addresses of hosts in another way than the runtime's.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }
}

impl<D: Dial> Connector<D> {
    /// Opens a connection: finds the host, connects to its first address that answers (RFC 8305), establishes TLS for `wss:`,
    /// and makes the handshake.
    ///
    /// # Errors
    /// [`ConnectError`], which says in which phase.
    ///
    /// # Cancel safety
    /// Dropping the future gives up.
    pub async fn connect(
        &self,
        request: impl IntoClientRequest,
    ) -> Result<WebSocket<D::Stream, D>, ConnectError> {
        let request = request.into_client_request()?;
        let stream = self.dial(&request).await?;
        self.handshake_on(stream, request).await
    }

    /// Opens a connection on a stream that exists already: a Unix socket, or one through a proxy. For a `wss:` request the
    /// stream has to be TLS already.
    ///
    /// # Errors
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the stream.
    pub async fn handshake_on<T: Transport + Send + 'static>(
        &self,
        stream: T,
        request: impl IntoClientRequest,
    ) -> Result<WebSocket<T, D>, ConnectError> {
        let request = request.into_client_request()?;
        let settings = (&self.handshake, Arc::clone(&self.connection));
        handshake(stream, self.dial.clone(), request, settings).await
    }

    /// A stream to the host of a request, with TLS where it asks for that.
    async fn dial(&self, request: &ClientRequest) -> Result<D::Stream, ConnectError> {
        let mut timer = self.dial.timer();
        let (host, port) = (request.host(), request.port());
        let deadline = timer.now() + self.resolve_timeout;
        let resolving = resolve(&self.dial, self.resolver.as_ref(), host, port);
        let addresses = within(&mut timer, deadline, resolving)
            .await
            .map_err(|_| ConnectError::TimedOut(Phase::Resolve))?
            .map_err(ConnectError::Resolve)?;
        let deadline = timer.now() + self.connect_timeout;
        let mut alarm = self.dial.timer();
        let connecting = connect_first(&self.dial, &mut alarm, addresses);
        let stream = within(&mut timer, deadline, connecting)
            .await
            .map_err(|_| ConnectError::TimedOut(Phase::Connect))?
            .map_err(ConnectError::Connect)?;
        if !request.is_secure() {
            return Ok(stream);
        }
        let deadline = timer.now() + self.tls_timeout;
        within(&mut timer, deadline, self.dial.secure(stream, host, &self.tls))
            .await
            .map_err(|_| ConnectError::TimedOut(Phase::Tls))?
            .map_err(ConnectError::Tls)
    }
}

/// Makes the handshake on a stream that is connected.
async fn handshake<T: Transport + Send + 'static, R: Runtime>(
    stream: T,
    runtime: R,
    request: ClientRequest,
    (limits, config): (&HandshakeConfig, Arc<Config>),
) -> Result<WebSocket<T, R>, ConnectError> {
    let mut driver = Driver::new(stream, runtime.timer());
    let now = driver.timer().now();
    let mut handshake = ClientHandshake::new(request, limits, Box::new(SystemEntropy::new()), now);
    match poll_fn(|cx| driver.poll_event(cx, &mut handshake)).await {
        Some(ClientEvent::Established(established)) => {
            let agreed = Agreed {
                subprotocol: established.subprotocol().map(str::to_owned),
                response: Some(Box::new(established.response().clone())),
            };
            let connection = established.into_connection(config, driver.timer().now());
            Ok(WebSocket::new(connection, driver, runtime, agreed, None))
        }
        Some(ClientEvent::Failed(error)) => Err(match (error, driver.take_error()) {
            (HandshakeError::TimedOut, _) => ConnectError::TimedOut(Phase::Handshake),
            (HandshakeError::Eof, Some(error)) => ConnectError::Io(error),
            (error, _) => error.into(),
        }),
        // It ends with an event.
        _ => Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}
