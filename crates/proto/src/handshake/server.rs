//! The server's side of the opening handshake, over bytes (RFC 6455 §4.2).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{Response, StatusCode};

use super::{
    Acceptance, HandshakeError, Rejection, UpgradeRequest,
    head::{HeadScanner, put_response, take_request},
};
use crate::{Config, Connection, HandshakeConfig, Machine, Transmit};

/// How long a client has at least to read a refusal before the transport is closed.
const LINGER: Duration = Duration::from_secs(1);

/// Something that happened during a [`ServerHandshake`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A request that may be accepted: answer it with [`ServerHandshake::accept`] or [`ServerHandshake::reject`].
    Request(Box<UpgradeRequest>),
    /// There will be no connection. Where the client broke a rule, the HTTP answer that says so is queued already.
    Failed(HandshakeError),
}

/// The server's side of the opening handshake as a [`Machine`].
///
/// ```
/// use std::{sync::Arc, time::Instant};
/// use bytes::{Buf, BytesMut};
/// use squall_proto::{Config, HandshakeConfig, Machine, handshake::{Accept, ServerEvent, ServerHandshake}};
///
/// let now = Instant::now();
/// let mut handshake = ServerHandshake::new(&HandshakeConfig::default(), now);
/// let mut input = BytesMut::from(
///     "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
/// );
/// let Some(ServerEvent::Request(request)) = handshake.poll_event(now, &mut input) else { panic!() };
/// let acceptance = request.accept(Accept::new())?;
/// let mut connection = handshake.accept(acceptance, Arc::new(Config::default()), now);
/// assert!(connection.transmit().chunk().starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), squall_proto::handshake::AcceptError>(())
/// ```
#[derive(Debug)]
pub struct ServerHandshake {
    limits: HandshakeConfig,
    phase: Phase,
    transmit: Transmit,
    at_eof: bool,
}

#[derive(Debug)]
enum Phase {
    /// The request is on its way.
    Reading { scanner: HeadScanner, deadline: Instant },
    /// The request is with the application.
    Deciding { deadline: Instant },
    /// A refusal is on its way; what still arrives is discarded.
    Refusing { failure: Option<HandshakeError>, deadline: Instant },
    /// Nothing more is read or written.
    Ended { failure: Option<HandshakeError> },
}

impl ServerHandshake {
    /// A handshake that begins now.
    #[must_use]
    pub fn new(config: &HandshakeConfig, now: Instant) -> Self {
        let phase =
            Phase::Reading { scanner: HeadScanner::default(), deadline: now + config.timeout };
        Self { limits: config.clone(), phase, transmit: Transmit::default(), at_eof: false }
    }

    /// Accepts the request: the connection that goes on from here, the 101 response at the front of what it has to write.
    ///
    /// What the input still holds belongs to the connection. Where no request waits for an answer, because it was rejected or its
    /// time is up, the connection is one that was [aborted](Connection::abort) and writes nothing.
    #[must_use]
    pub fn accept(
        mut self,
        acceptance: Acceptance,
        config: Arc<Config>,
        now: Instant,
    ) -> Connection {
        if !matches!(self.phase, Phase::Deciding { .. }) {
            let mut connection = acceptance.into_connection(config, now);
            connection.abort(now);
            return connection;
        }
        put_response(&acceptance.response().clone().map(|()| [0; 0]), &mut self.transmit);
        let mut connection = acceptance.into_connection(config, now).with_transmit(self.transmit);
        if self.at_eof {
            connection.handle_eof(now);
        }
        connection
    }

    /// Rejects the request with an HTTP response. Once it is written the machine is finished; it has no further event.
    pub fn reject(&mut self, rejection: Rejection, now: Instant) {
        if matches!(self.phase, Phase::Reading { .. } | Phase::Deciding { .. }) {
            self.refuse(&rejection.into_response(), None, now);
        }
    }

    fn refuse(
        &mut self,
        response: &Response<Bytes>,
        failure: Option<HandshakeError>,
        now: Instant,
    ) {
        put_response(response, &mut self.transmit);
        let lingers = now + LINGER;
        let deadline = self.poll_timeout().map_or(lingers, |deadline| deadline.max(lingers));
        self.phase = Phase::Refusing { failure, deadline };
    }

    fn fail(&mut self, failure: HandshakeError, now: Instant) {
        let nobody_reads = matches!(failure, HandshakeError::Eof);
        let nobody_asked = matches!(failure, HandshakeError::TimedOut) && !self.has_begun();
        if nobody_reads || nobody_asked {
            self.phase = Phase::Ended { failure: Some(failure) };
            return;
        }
        let answer = match (&failure, &self.phase) {
            // The application took too long, not the client.
            (HandshakeError::TimedOut, Phase::Deciding { .. }) => {
                Rejection::new(StatusCode::SERVICE_UNAVAILABLE)
            }
            (failure, _) => Rejection::from(failure),
        };
        self.refuse(&answer.into_response(), Some(failure), now);
    }

    /// Whether a byte of the request has arrived.
    const fn has_begun(&self) -> bool {
        !matches!(&self.phase, Phase::Reading { scanner, .. } if scanner.is_untouched())
    }

    /// Reads on; the request, once it is there and in order.
    fn read(&mut self, now: Instant, input: &mut BytesMut) -> Option<UpgradeRequest> {
        let Phase::Reading { scanner, deadline } = &mut self.phase else { return None };
        let deadline = *deadline;
        let request = match scanner.poll(input, &self.limits) {
            Ok(Some(length)) => take_request(input, length).and_then(UpgradeRequest::from_http),
            Ok(None) if self.at_eof => Err(HandshakeError::Eof),
            Ok(None) => return None,
            Err(failure) => Err(failure),
        };
        match request {
            Ok(request) => {
                self.phase = Phase::Deciding { deadline };
                Some(request)
            }
            Err(failure) => {
                self.fail(failure, now);
                None
            }
        }
    }
}

impl Machine for ServerHandshake {
    type Event = ServerEvent;

    fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<ServerEvent> {
        if let Some(request) = self.read(now, input) {
            return Some(ServerEvent::Request(Box::new(request)));
        }
        match &mut self.phase {
            Phase::Reading { .. } | Phase::Deciding { .. } => None,
            Phase::Refusing { failure, .. } | Phase::Ended { failure } => {
                // What follows a refused request is not looked at, let alone taken for frames.
                input.clear();
                failure.take().map(ServerEvent::Failed)
            }
        }
    }

    fn transmit(&mut self) -> &mut Transmit {
        &mut self.transmit
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Reading { deadline, .. }
            | Phase::Deciding { deadline }
            | Phase::Refusing { deadline, .. } => Some(*deadline),
            Phase::Ended { .. } => None,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.phase {
            Phase::Refusing { failure, .. } => {
                self.phase = Phase::Ended { failure: failure.take() };
                self.transmit.clear();
            }
            _ => self.fail(HandshakeError::TimedOut, now),
        }
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.at_eof = true;
    }

    fn wants_read(&self) -> bool {
        !self.at_eof && matches!(self.phase, Phase::Reading { .. } | Phase::Refusing { .. })
    }

    fn read_hint(&self) -> usize {
        0
    }

    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Reading { .. } | Phase::Deciding { .. } => false,
            Phase::Refusing { .. } => !self.transmit.has_remaining(),
            Phase::Ended { .. } => true,
        }
    }
}
