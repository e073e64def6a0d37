//! The heads of both handshakes, from anybody.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use squall_proto::{
    Config, HandshakeConfig, Machine,
    handshake::{
        Accept, ClientEvent, ClientHandshake, ClientRequest, HandshakeError, ServerEvent,
        ServerHandshake,
    },
};

use crate::world::{CountingKeys, beginning};

/// What a handshake came to: what it told, what it left in the input and what it wants written.
type Outcome = (String, Vec<u8>, Vec<u8>);

const MAX_HEAD: usize = 2000;

fn limits() -> HandshakeConfig {
    HandshakeConfig::default()
        .max_head_size(MAX_HEAD)
        .max_line_size(500)
        .max_headers(20)
        .max_refusal_body(300)
}

/// The first byte says how the request is cut. A request is accepted or answered with an error, the same under every cut.
pub fn server_head(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = serve(stream, stream.len().max(1));
    assert_eq!(whole, serve(stream, usize::from(*size) + 1), "the same under another cut");
}

fn serve(stream: &[u8], size: usize) -> Outcome {
    let now = beginning();
    let mut handshake = ServerHandshake::new(&limits(), now);
    let mut input = BytesMut::new();
    let mut rest = stream.chunks(size);
    let event = loop {
        if let Some(event) = handshake.poll_event(now, &mut input) {
            break event;
        }
        assert!(handshake.wants_read(), "undecided, so it reads on");
        assert!(input.len() <= MAX_HEAD, "a head that is too large is refused");
        match rest.next() {
            Some(piece) => input.extend_from_slice(piece),
            None => handshake.handle_eof(now),
        }
        if rest.len() == 0 && input.is_empty() {
            handshake.handle_eof(now);
        }
    };
    match event {
        ServerEvent::Request(request) => {
            assert!(request.path().starts_with('/') || request.path() == "*");
            let told = format!("{request:?}");
            rest.for_each(|piece| input.extend_from_slice(piece));
            let left = input.to_vec();
            assert!(stream.ends_with(&left), "what follows the head is left alone");
            let acceptance = request.accept(Accept::new()).expect("nothing is asked for");
            let mut connection = handshake.accept(acceptance, Arc::new(Config::default()), now);
            let queued = connection.queued();
            let answer = connection.transmit().copy_to_bytes(queued).to_vec();
            assert!(answer.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
            assert!(answer.ends_with(b"\r\n\r\n"));
            (told, left, answer)
        }
        ServerEvent::Failed(error) => {
            let queued = handshake.transmit().remaining();
            let answer = handshake.transmit().copy_to_bytes(queued).to_vec();
            if matches!(error, HandshakeError::Eof) {
                assert!(answer.is_empty());
            } else {
                let text = String::from_utf8_lossy(&answer);
                assert!(text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 5"));
                let mut lines = text.lines().map(str::to_ascii_lowercase);
                assert!(
                    lines.any(|line| line.starts_with("connection: ") && line.contains("close"))
                );
            }
            assert!(handshake.is_finished());
            input.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
            assert!(handshake.poll_event(now, &mut input).is_none(), "the end is told once");
            (format!("{error:?}"), Vec::new(), answer)
        }
        _ => unreachable!("there are no other events"),
    }
}

/// The first byte says how the response is cut. It is taken or fails the handshake, the same under every cut.
pub fn client_head(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = connect(stream, stream.len().max(1));
    assert_eq!(whole, connect(stream, usize::from(*size) + 1), "the same under another cut");
}

fn connect(stream: &[u8], size: usize) -> Outcome {
    let now = beginning();
    let request = ClientRequest::new("ws://example.com/")
        .map(|request| request.subprotocol("chat").expect("a token"))
        .expect("a URL");
    let keys = Box::new(CountingKeys { left: 1 << 20 });
    let mut handshake = ClientHandshake::new(request, &limits(), keys, now);
    let queued = handshake.transmit().remaining();
    let asked = handshake.transmit().copy_to_bytes(queued).to_vec();
    let mut input = BytesMut::new();
    let mut rest = stream.chunks(size);
    let mut is_over = false;
    let event = loop {
        if let Some(event) = handshake.poll_event(now, &mut input) {
            break event;
        }
        assert!(!is_over, "an end of the stream decides");
        assert!(input.len() <= MAX_HEAD + 4096, "a head that is too large is refused");
        match rest.next() {
            Some(piece) => input.extend_from_slice(piece),
            None => {
                is_over = true;
                handshake.handle_eof(now);
            }
        }
    };
    match event {
        ClientEvent::Established(established) => {
            assert!(established.subprotocol().is_none_or(|chosen| chosen == "chat"));
            rest.for_each(|piece| input.extend_from_slice(piece));
            let left = input.to_vec();
            assert!(stream.ends_with(&left), "what follows the head is left alone");
            (format!("{:?}", established.response()), left, asked)
        }
        ClientEvent::Failed(error) => {
            if let HandshakeError::Refused(refusal) = &error {
                assert!(refusal.body().len() <= 300);
            }
            assert!(input.is_empty(), "nothing reaches a frame parser");
            (format!("{error:?}"), Vec::new(), asked)
        }
        _ => unreachable!("there are no other events"),
    }
}
