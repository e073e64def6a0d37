//! Both sides of a handshake: what they are told, and what they say.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use squall_proto::{
    Config, Connection, Entropy, EntropyError, HandshakeConfig, Machine,
    handshake::{
        Accept, ClientEvent, ClientHandshake, ClientRequest, HandshakeError, ServerEvent,
        ServerHandshake, UpgradeRequest,
    },
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The request of RFC 6455 §1.3 without what is optional.
pub(crate) const REQUEST: &str = "GET /chat HTTP/1.1\r\n\
     Host: server.example.com\r\n\
     Upgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Version: 13\r\n\
     \r\n";

/// The answer to [`REQUEST`], and to every request that a client with [`SampleKey`] sends.
pub(crate) const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\n\
     Upgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
     \r\n";

/// The request with another line in it.
pub(crate) fn request_with(line: &str) -> String {
    with(REQUEST, line)
}

/// The answer with another line in it.
pub(crate) fn answer_with(line: &str) -> String {
    with(ANSWER, line)
}

fn with(head: &str, line: &str) -> String {
    format!("{}{line}\r\n\r\n", head.strip_suffix("\r\n").unwrap())
}

/// The request with a part of it replaced.
pub(crate) fn request_replacing(part: &str, by: &str) -> String {
    assert!(REQUEST.contains(part), "{part}");
    REQUEST.replace(part, by)
}

/// The answer with a part of it replaced.
pub(crate) fn answer_replacing(part: &str, by: &str) -> String {
    assert!(ANSWER.contains(part), "{part}");
    ANSWER.replace(part, by)
}

/// The instant at which every conversation begins.
#[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
pub(crate) fn beginning() -> Instant {
    Instant::now()
}

/// A machine, its input buffer and its clock.
pub(crate) struct Talk<M> {
    pub(crate) machine: M,
    pub(crate) input: BytesMut,
    pub(crate) now: Instant,
}

pub(crate) type ServerTalk = Talk<ServerHandshake>;
pub(crate) type ClientTalk = Talk<ClientHandshake>;

impl<M: Machine> Talk<M> {
    /// All events there are.
    pub(crate) fn events(&mut self) -> Vec<M::Event> {
        std::iter::from_fn(|| self.machine.poll_event(self.now, &mut self.input)).collect()
    }

    /// Bytes arrive; the events they cause.
    pub(crate) fn hears(&mut self, bytes: impl AsRef<[u8]>) -> Vec<M::Event> {
        self.input.extend_from_slice(bytes.as_ref());
        self.events()
    }

    /// The transport ends; the events it causes.
    pub(crate) fn hears_eof(&mut self) -> Vec<M::Event> {
        self.machine.handle_eof(self.now);
        self.events()
    }

    /// The transport takes all there is to write.
    pub(crate) fn says(&mut self) -> String {
        let transmit = self.machine.transmit();
        let said = transmit.copy_to_bytes(transmit.remaining());
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Time passes and the timer fires; the events it causes.
    pub(crate) fn waits(&mut self, duration: Duration) -> Vec<M::Event> {
        self.now += duration;
        self.machine.handle_timeout(self.now);
        self.events()
    }
}

pub(crate) fn server() -> ServerTalk {
    server_within(&HandshakeConfig::default())
}

pub(crate) fn server_within(limits: &HandshakeConfig) -> ServerTalk {
    let now = beginning();
    Talk { machine: ServerHandshake::new(limits, now), input: BytesMut::new(), now }
}

impl ServerTalk {
    /// A request arrives, and it is in order.
    pub(crate) fn hears_request(&mut self, bytes: impl AsRef<[u8]>) -> UpgradeRequest {
        let mut events = self.hears(bytes);
        assert_eq!(events.len(), 1, "{events:?}");
        match events.remove(0) {
            ServerEvent::Request(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    /// The request is accepted just so.
    pub(crate) fn accepts(self, request: &UpgradeRequest) -> Talk<Connection> {
        let acceptance = request.accept(Accept::new()).unwrap();
        let machine = self.machine.accept(acceptance, Arc::new(Config::default()), self.now);
        Talk { machine, input: self.input, now: self.now }
    }
}

/// How a server refuses these bytes: with this failure and this answer.
#[track_caller]
pub(crate) fn refusal(bytes: impl AsRef<[u8]>) -> (HandshakeError, String) {
    let mut server = server();
    let failure = only_failure(server.hears(bytes));
    (failure, server.says())
}

/// The one failure that these events are.
#[track_caller]
pub(crate) fn only_failure(mut events: Vec<ServerEvent>) -> HandshakeError {
    assert_eq!(events.len(), 1, "{events:?}");
    match events.remove(0) {
        ServerEvent::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").unwrap().get(..3).unwrap().parse().unwrap()
}

/// The values of a header in an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.split_once("\r\n\r\n").unwrap().0;
    let fields = head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
    fields.filter(|(field, _)| *field == name).map(|(_, value)| value).collect()
}

/// Entropy that draws the key of RFC 6455 §1.3.
pub(crate) struct SampleKey;

impl Entropy for SampleKey {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        if bytes.len() == 16 {
            bytes.copy_from_slice(b"the sample nonce");
        }
        Ok(())
    }
}

/// Entropy that fails.
pub(crate) struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError::new())
    }
}

pub(crate) fn sample_request() -> ClientRequest {
    ClientRequest::new("ws://server.example.com/chat").unwrap()
}

/// A client whose request is written.
pub(crate) fn client(request: ClientRequest) -> ClientTalk {
    let mut client = client_within(request, &HandshakeConfig::default());
    client.says();
    client
}

/// A client whose request is not written yet.
pub(crate) fn client_within(request: ClientRequest, limits: &HandshakeConfig) -> ClientTalk {
    let now = beginning();
    let machine = ClientHandshake::new(request, limits, Box::new(SampleKey), now);
    Talk { machine, input: BytesMut::new(), now }
}

/// How a client judges this answer.
#[track_caller]
pub(crate) fn judged(request: ClientRequest, answer: impl AsRef<[u8]>) -> ClientEvent {
    let mut events = client(request).hears(answer);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// The failure that a client reports of this answer.
#[track_caller]
pub(crate) fn client_failure(request: ClientRequest, answer: impl AsRef<[u8]>) -> HandshakeError {
    match judged(request, answer) {
        ClientEvent::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}
