//! Connections that have negotiated compression, and the frames of whoever is on the other side.

use std::{sync::Arc, time::Instant};

use bytes::{Buf, BytesMut};
use squall_proto::{
    Closed, Config, Connection, Entropy, EntropyError, Event, Machine, Message, ProtocolError,
    Role,
    deflate::DeflateConfig,
    handshake::{Accept, ClientRequest, UpgradeRequest},
};

pub(crate) const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// "Hello", compressed without a context (RFC 7692 §7.2.3.1).
pub(crate) const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";

/// "Hello", compressed as a repetition of the last message (RFC 7692 §7.2.3.2).
pub(crate) const HELLO_AGAIN: &[u8] = b"\xF2\x00\x11\x00\x00";

/// One side of a connection.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) connection: Connection,
    pub(crate) input: BytesMut,
    pub(crate) now: Instant,
}

/// Draws the key of RFC 6455 §1.3, and so many masking keys of zeros.
struct SampleKey {
    masking_keys: usize,
}

impl Entropy for SampleKey {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        if bytes.len() == 16 {
            bytes.copy_from_slice(b"the sample nonce");
        } else {
            self.masking_keys = self.masking_keys.checked_sub(1).ok_or_else(EntropyError::new)?;
        }
        Ok(())
    }
}

impl Side {
    /// Bytes arrive; the events that they cause.
    pub(crate) fn hears(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Event> {
        self.input.extend_from_slice(bytes.as_ref());
        std::iter::from_fn(|| self.connection.poll_event(self.now, &mut self.input)).collect()
    }

    /// A whole frame arrives from the peer.
    pub(crate) fn hears_frame(&mut self, first: u8, payload: impl AsRef<[u8]>) -> Vec<Event> {
        let frame = frame_to(self.connection.role(), first, payload);
        self.hears(frame)
    }

    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        self.connection.send(self.now, message.into()).unwrap();
    }

    /// All that there is to write.
    pub(crate) fn says(&mut self) -> Vec<u8> {
        let queued = self.connection.queued();
        self.connection.transmit().copy_to_bytes(queued).to_vec()
    }

    /// All that there is to write, as first bytes and payloads of frames.
    pub(crate) fn says_frames(&mut self) -> Vec<(u8, Vec<u8>)> {
        let said = self.says();
        let mut rest = said.as_slice();
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (header, length) = squall_proto::frame::Header::parse(rest).unwrap().unwrap();
            assert!(header.mask.is_none_or(|key| key == [0; 4]));
            let end = length + header.payload_len as usize;
            frames.push((rest[0], rest[length..end].to_vec()));
            rest = &rest[end..];
        }
        frames
    }
}

/// A server whose client offered `offer`, and its answer.
pub(crate) fn server_of(offer: &str, deflate: DeflateConfig, config: Config) -> (Side, String) {
    let request = http::Request::get("/")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Extensions", offer)
        .body(())
        .unwrap();
    let accept = Accept::new().deflate(deflate);
    let acceptance = UpgradeRequest::from_http(request).unwrap().accept(accept).unwrap();
    let answer = &acceptance.response().headers()["Sec-WebSocket-Extensions"];
    let answer = answer.to_str().unwrap().to_owned();
    (side(|now| acceptance.into_connection(Arc::new(config), now)), answer)
}

/// A client whose server answered `answer`, and its offer.
pub(crate) fn client_of(answer: &str, deflate: DeflateConfig, config: Config) -> (Side, String) {
    client_with_keys(usize::MAX, answer, deflate, config)
}

/// A client who draws no more than so many masking keys.
pub(crate) fn client_with_keys(
    masking_keys: usize,
    answer: &str,
    deflate: DeflateConfig,
    config: Config,
) -> (Side, String) {
    let request = ClientRequest::new("ws://example.com/").unwrap().deflate(deflate);
    let (request, awaiting) = request.begin(Box::new(SampleKey { masking_keys })).unwrap();
    let offer = request.headers()["Sec-WebSocket-Extensions"].to_str().unwrap().to_owned();
    let response = http::Response::builder()
        .status(101)
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        .header("Sec-WebSocket-Extensions", answer)
        .body(())
        .unwrap();
    let established = awaiting.check(response).unwrap();
    (side(|now| established.into_connection(Arc::new(config), now)), offer)
}

/// One side that has agreed to `parameters`, whichever side said them.
pub(crate) fn agreed(role: Role, parameters: &str, config: Config) -> Side {
    let extension = format!("permessage-deflate{parameters}");
    match role {
        Role::Server => server_of(&extension, DeflateConfig::default(), config).0,
        Role::Client => client_of(&extension, DeflateConfig::default(), config).0,
    }
}

/// One side with compression and everything else as it is by default.
pub(crate) fn plain(role: Role) -> Side {
    agreed(role, "", Config::default())
}

/// A server and a client that have agreed with each other.
pub(crate) fn pair(server: &DeflateConfig, client: &DeflateConfig) -> [Side; 2] {
    let (_, offer) = client_of("permessage-deflate", DeflateConfig::default(), Config::default());
    assert_eq!(offer, "permessage-deflate; client_max_window_bits");
    let request = ClientRequest::new("ws://example.com/").unwrap().deflate(client.clone());
    let (request, _) = request.begin(Box::new(SampleKey { masking_keys: 0 })).unwrap();
    let offer = request.headers()["Sec-WebSocket-Extensions"].to_str().unwrap();
    let (server, answer) = server_of(offer, server.clone(), Config::default());
    [server, client_of(&answer, client.clone(), Config::default()).0]
}

#[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
fn side(connection: impl FnOnce(Instant) -> Connection) -> Side {
    let now = Instant::now();
    Side { connection: connection(now), input: BytesMut::new(), now }
}

/// A frame as the peer of `role` sends it; a client's has a masking key of zeros.
pub(crate) fn frame_to(role: Role, first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mask = if role == Role::Server { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(mask | length as u8),
        length @ 126..=0xFFFF => {
            frame.push(mask | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(mask | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    if mask != 0 {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}

/// A block without compression (RFC 1951 §3.2.4).
pub(crate) fn stored(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&[0], length.to_le_bytes().as_slice(), &(!length).to_le_bytes(), text].concat()
}

pub(crate) fn text(text: &str) -> Event {
    Event::Message(Message::text(text))
}

pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> Event {
    Event::Message(Message::from(bytes.as_ref()))
}

pub(crate) fn violation(error: ProtocolError) -> Event {
    Event::Closed(Closed::Violation(error))
}
