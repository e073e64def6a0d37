//! What a server reads: the grammar of HTTP/1.1, cut anywhere (RFC 6455 §4.2.1, RFC 9112).

use squall_proto::{
    Machine,
    handshake::{HandshakeError, ServerEvent},
};

use crate::talk::{
    REQUEST, only_failure, refusal, request_replacing, request_with, server, status,
};

/// HS01.
#[test]
fn a_violation_of_the_grammar_is_a_bad_request() {
    for request in [
        REQUEST.replace("\r\n", "\n"),
        request_replacing("/chat HTTP/1.1\r\n", "/chat HTTP/1.1\n"),
        format!("{}\n", REQUEST.strip_suffix("\r\n").unwrap()),
        format!("\r\n{REQUEST}"),
        format!(" {REQUEST}"),
        request_with("X: y\r\n folded"),
        request_with("X: y\r\n\tfolded"),
        request_with("X : y"),
        request_with(": y"),
        request_with("X"),
        request_with("X: a\0b"),
        request_with("X: a\rb"),
        request_with("X: a\x7fb"),
        request_with("X\u{e4}: y"),
        request_replacing("GET /chat", "GET  /chat"),
        request_replacing("GET /chat", "GET\t/chat"),
        request_replacing("/chat", ""),
        request_replacing(" HTTP/1.1", ""),
    ] {
        let (failure, answer) = refusal(&request);
        assert!(matches!(failure, HandshakeError::MalformedHead), "{failure:?} {request:?}");
        assert_eq!(status(&answer), 400, "{request:?}");
    }
}

#[test]
fn what_can_be_no_request_is_refused_at_its_first_byte() {
    // The first bytes of TLS.
    assert_eq!(status(&refusal(b"\x16\x03\x01").1), 400);
    assert_eq!(status(&refusal(b"\r").1), 400);
}

/// HS01, HC24, CVE-2026-55517.
#[test]
fn no_byte_of_a_header_does_harm() {
    for line in [
        "Sec-WebSocket-Protocol: a?",
        "Sec-WebSocket-Extensions: a?",
        "Sec-WebSocket-Extensions: a; b=\"?\"",
        "Origin: http://a?",
        "Cookie: a=?; b=c",
        "Host?: a",
        "X: ?",
    ] {
        for byte in 0..=u8::MAX {
            let mut bytes = request_with(line).into_bytes();
            let at = bytes.windows(2).position(|pair| pair.contains(&b'?')).unwrap() + 1;
            bytes[at] = byte;
            let mut server = server();
            match server.hears(&bytes).as_slice() {
                [ServerEvent::Request(request)] => {
                    assert!(byte >= b' ' || byte == b'\t' || byte == b'\r', "{byte} in {line}");
                    assert!(request.subprotocols().count() <= 2);
                    assert!(request.cookies().count() <= 2);
                    assert!(request.origin().is_none_or(str::is_ascii));
                }
                [ServerEvent::Failed(failure)] => {
                    assert_eq!(failure.status(), 400, "{byte} in {line}");
                    assert_eq!(status(&server.says()), 400);
                }
                other => panic!("{byte} in {line}: {other:?}"),
            }
        }
    }
}

/// HS01, HS11, EX01.
#[test]
fn a_malformed_list_is_a_bad_request() {
    for line in [
        "Sec-WebSocket-Protocol: a b",
        "Sec-WebSocket-Protocol:",
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: ,",
        "Sec-WebSocket-Extensions: permessage-deflate;",
        "Sec-WebSocket-Extensions: a; b=\"c d\"",
        "Sec-WebSocket-Extensions:",
    ] {
        assert_eq!(status(&refusal(request_with(line)).1), 400, "{line}");
    }
}

/// What is left over, and what was said, must not depend on how the network cuts a request.
#[test]
fn a_request_cut_anywhere_is_the_same_request() {
    let good = request_with("Sec-WebSocket-Protocol: a, b\r\nOrigin: http://a");
    for request in [
        format!("{good}\u{1}frames"),
        request_replacing("Version: 13", "Version: 8"),
        request_with("X: a\0b"),
        request_with("X: a\nY: b"),
        request_with("X: a\r\n b"),
        request_replacing("HTTP/1.1", "HTTP/2.0"),
    ] {
        let whole = hear_in_pieces(&[request.as_bytes()]);
        for cut in 0..request.len() {
            let (front, back) = request.as_bytes().split_at(cut);
            assert_eq!(hear_in_pieces(&[front, back]), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
        assert_eq!(hear_in_pieces(&single), whole);
    }
}

/// The events, the answer and the rest of the input, after pieces that arrive one by one.
fn hear_in_pieces(pieces: &[&[u8]]) -> (String, String, Vec<u8>) {
    let mut server = server();
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(server.hears(piece));
    }
    (format!("{events:?}"), server.says(), server.input.to_vec())
}

/// EOF is an error of its own wherever it comes, and never a request.
#[test]
fn the_end_of_the_stream_ends_a_request_anywhere() {
    for cut in 0..REQUEST.len() {
        let mut server = server();
        assert!(server.hears(&REQUEST.as_bytes()[..cut]).is_empty());
        let failure = only_failure(server.hears_eof());
        assert!(matches!(failure, HandshakeError::Eof), "{failure:?}");
        assert!(server.machine.is_finished() && !server.machine.wants_read());
        assert_eq!((server.says().as_str(), server.machine.poll_timeout()), ("", None));
        assert!(server.hears(REQUEST).is_empty(), "there is one terminal event");
    }
}

#[test]
fn a_whole_request_before_the_end_of_the_stream_is_a_request() {
    let mut server = server();
    server.input.extend_from_slice(REQUEST.as_bytes());
    assert!(matches!(server.hears_eof().as_slice(), [ServerEvent::Request(_)]));
}
