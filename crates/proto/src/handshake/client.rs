//! The client's side of the opening handshake, over bytes (RFC 6455 §4.1).

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::{
    AwaitingResponse, ClientRequest, Established, HandshakeError,
    head::{HeadScanner, put_request, take_response},
    refusal::BodyReader,
};
use crate::{Entropy, HandshakeConfig, Machine, Transmit};

/// How many informational responses may come before the one that counts (RFC 9110 §15.2).
const MAX_INFORMATIONAL: u8 = 8;

/// How a [`ClientHandshake`] ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server agreed; [`Established::into_connection`] goes on.
    Established(Box<Established>),
    /// There will be no connection.
    Failed(HandshakeError),
}

/// The client's side of the opening handshake as a [`Machine`].
///
/// ```
/// use std::time::Instant;
/// use bytes::{Buf, BytesMut};
/// use squall_proto::{Entropy, EntropyError, HandshakeConfig, Machine, handshake::{ClientHandshake, ClientRequest}};
///
/// struct System; // The operating system's generator, in a real program.
/// impl Entropy for System {
///     fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
///         bytes.fill(7);
///         Ok(())
///     }
/// }
///
/// let request = ClientRequest::new("ws://example.com/chat")?;
/// let mut handshake = ClientHandshake::new(request, &HandshakeConfig::default(), Box::new(System), Instant::now());
/// assert!(handshake.transmit().chunk().starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientHandshake {
    limits: HandshakeConfig,
    phase: Phase,
    transmit: Transmit,
    deadline: Instant,
    at_eof: bool,
}

#[derive(Debug)]
enum Phase {
    /// The response is on its way.
    Reading { scanner: HeadScanner, informational: u8, awaiting: Box<AwaitingResponse> },
    /// The body of a refusal is on its way.
    ReadingBody(Box<BodyReader>),
    /// The server agreed; the event, until it is taken.
    Established(Option<Box<Established>>),
    /// There will be no connection; the event, until it is taken.
    Failed(Option<HandshakeError>),
}

impl ClientHandshake {
    /// A handshake that begins now; `entropy` gives the key, and the masking keys of the connection after it.
    #[must_use]
    pub fn new(
        request: ClientRequest,
        config: &HandshakeConfig,
        entropy: Box<dyn Entropy>,
        now: Instant,
    ) -> Self {
        let mut transmit = Transmit::default();
        let phase = match request.begin(entropy) {
            Ok((request, awaiting)) => {
                put_request(&request, &mut transmit);
                Phase::Reading {
                    scanner: HeadScanner::default(),
                    informational: 0,
                    awaiting: Box::new(awaiting),
                }
            }
            Err(error) => Phase::Failed(Some(error.into())),
        };
        Self {
            limits: config.clone(),
            phase,
            transmit,
            deadline: now + config.timeout,
            at_eof: false,
        }
    }

    fn fail(&mut self, failure: HandshakeError) {
        // A request that is not written yet is not wanted any more.
        self.transmit.clear();
        self.phase = Phase::Failed(Some(failure));
    }

    /// Takes one step; whether another may follow.
    fn step(&mut self, input: &mut BytesMut) -> bool {
        match &mut self.phase {
            Phase::Reading { scanner, .. } => {
                match scanner.poll(input, &self.limits) {
                    Ok(Some(length)) => match take_response(input, length) {
                        Ok(response) => self.handle_response(response),
                        Err(failure) => self.fail(failure),
                    },
                    Ok(None) if self.at_eof => self.fail(HandshakeError::Eof),
                    Ok(None) => return false,
                    Err(HandshakeError::RequestLineTooLong) => {
                        self.fail(HandshakeError::HeadTooLarge)
                    }
                    Err(failure) => self.fail(failure),
                }
                true
            }
            Phase::ReadingBody(body) => {
                let all = body.poll(input) || self.at_eof;
                if all {
                    self.end_body();
                }
                all
            }
            Phase::Established(_) | Phase::Failed(_) => false,
        }
    }

    fn handle_response(&mut self, response: http::Response<()>) {
        let unsent = self.transmit.has_remaining();
        let Phase::Reading { scanner, informational, .. } = &mut self.phase else { return };
        if response.status().is_informational()
            && response.status() != http::StatusCode::SWITCHING_PROTOCOLS
        {
            *informational += 1;
            *scanner = HeadScanner::default();
            if *informational > MAX_INFORMATIONAL {
                self.fail(HandshakeError::MalformedHead);
            }
            return;
        }
        let Phase::Reading { awaiting, .. } =
            std::mem::replace(&mut self.phase, Phase::Failed(None))
        else {
            return;
        };
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            self.phase = Phase::ReadingBody(Box::new(BodyReader::new(
                response,
                self.limits.max_refusal_body,
            )));
        } else if unsent {
            self.fail(HandshakeError::PrematureResponse);
        } else if response.version() != http::Version::HTTP_11 {
            self.fail(HandshakeError::HttpVersion);
        } else {
            match awaiting.check(response) {
                Ok(established) => self.phase = Phase::Established(Some(Box::new(established))),
                Err(failure) => self.fail(failure),
            }
        }
    }

    /// Ends with the refusal, as far as its body has come.
    fn end_body(&mut self) {
        if let Phase::ReadingBody(body) = std::mem::replace(&mut self.phase, Phase::Failed(None)) {
            self.fail(HandshakeError::Refused(Box::new(body.finish(self.at_eof))));
        }
    }
}

impl Machine for ClientHandshake {
    type Event = ClientEvent;

    fn poll_event(&mut self, _now: Instant, input: &mut BytesMut) -> Option<ClientEvent> {
        while self.step(input) {}
        match &mut self.phase {
            Phase::Reading { .. } | Phase::ReadingBody(_) => None,
            Phase::Established(established) => {
                let mut established = established.take()?;
                established.at_eof = self.at_eof;
                Some(ClientEvent::Established(established))
            }
            Phase::Failed(failure) => {
                // What follows a refusal never reaches a frame parser; what follows 101 stays for the connection.
                input.clear();
                failure.take().map(ClientEvent::Failed)
            }
        }
    }

    fn transmit(&mut self) -> &mut Transmit {
        &mut self.transmit
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Reading { .. } | Phase::ReadingBody(_) => Some(self.deadline),
            Phase::Established(_) | Phase::Failed(_) => None,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if now < self.deadline {
            return;
        }
        match self.phase {
            Phase::Reading { .. } => self.fail(HandshakeError::TimedOut),
            Phase::ReadingBody(_) => self.end_body(),
            Phase::Established(_) | Phase::Failed(_) => {}
        }
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.at_eof = true;
    }

    fn wants_read(&self) -> bool {
        !self.at_eof && matches!(self.phase, Phase::Reading { .. } | Phase::ReadingBody(_))
    }

    fn read_hint(&self) -> usize {
        0
    }

    fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Failed(_))
    }
}
