//! How a client judges the answer (RFC 6455 §4.1).

use std::sync::Arc;

use bytes::BytesMut;
use squall_proto::{
    Config, Event, HandshakeConfig, Machine, Message,
    handshake::{ClientEvent, Established, HandshakeError},
};

use crate::talk::{
    ANSWER, SECOND, Talk, answer_replacing, answer_with, client, client_failure, client_within,
    judged, sample_request,
};

#[track_caller]
fn established(answer: &str) -> Box<Established> {
    match judged(sample_request(), answer) {
        ClientEvent::Established(established) => established,
        other => panic!("{other:?}"),
    }
}

/// HC18, HC19, HC20: letter case, lists, and white space around the value.
#[test]
fn an_answer_in_order_is_a_connection() {
    for answer in [
        ANSWER.to_owned(),
        answer_replacing("Upgrade: websocket", "UPGRADE:WebSocket  "),
        answer_replacing("Connection: Upgrade", "Connection: keep-alive, uPGRADE"),
        answer_replacing("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"),
        answer_replacing("Sec-WebSocket-Accept: ", "sec-websocket-accept: \t "),
        answer_replacing(" Switching Protocols", " Whatever"),
        answer_replacing(" Switching Protocols", ""),
        answer_with("X: y"),
        answer_with("Content-Length: 0"),
    ] {
        let established = established(&answer);
        assert_eq!(
            (established.response().status().as_u16(), established.subprotocol()),
            (101, None)
        );
    }
}

/// HC18, HC19, HC20, HC23.
#[test]
fn an_answer_out_of_order_fails_with_its_cause() {
    for (part, by, cause) in [
        ("Upgrade: websocket\r\n", "", "upgrade header does not ask for websocket"),
        ("Upgrade: websocket", "Upgrade: h2c", "upgrade header does not ask for websocket"),
        (
            "Upgrade: websocket",
            "Upgrade: websocket\r\nUpgrade: h2c",
            "upgrade header does not ask for websocket",
        ),
        ("Connection: Upgrade\r\n", "", "connection header does not ask for an upgrade"),
        (
            "Connection: Upgrade",
            "Connection: close",
            "connection header does not ask for an upgrade",
        ),
        (
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "",
            "server's accept value does not fit the key",
        ),
        ("xOo=", "xOp=", "server's accept value does not fit the key"),
        ("xOo=", "xoo=", "server's accept value does not fit the key"),
        ("xOo=", "xOo", "server's accept value does not fit the key"),
        ("xOo=", "xOo=, x", "server's accept value does not fit the key"),
        (
            "xOo=",
            "xOo=\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "server's accept value does not fit the key",
        ),
        ("HTTP/1.1", "HTTP/1.0", "HTTP version is not supported"),
        ("HTTP/1.1", "HTTP/2.0", "HTTP version is not supported"),
        ("HTTP/1.1", "http/1.1", "HTTP version is not supported"),
        ("101", "10", "malformed HTTP head"),
        ("101 Switching Protocols\r\n", "101 Switching Protocols\n", "malformed HTTP head"),
        ("Upgrade: websocket\r\n", "Upgrade: websocket\r\n x\r\n", "malformed HTTP head"),
        ("Upgrade: websocket", "Upgrade : websocket", "malformed HTTP head"),
        ("Upgrade: websocket", "Upgrade: web\0socket", "malformed HTTP head"),
    ] {
        let failure = client_failure(sample_request(), answer_replacing(part, by));
        assert_eq!(failure.to_string(), cause, "{by}");
    }
}

/// HC22.
#[test]
fn a_selected_subprotocol_is_one_that_was_offered() {
    let offer = || sample_request().subprotocol("a").unwrap().subprotocol("b").unwrap();
    let answer = answer_with("Sec-WebSocket-Protocol: b");
    let ClientEvent::Established(established) = judged(offer(), &answer) else { panic!() };
    assert_eq!(established.subprotocol(), Some("b"));
    for selected in ["c", "B", "", "a, b", "a b"] {
        let answer = answer_with(&format!("Sec-WebSocket-Protocol: {selected}"));
        let failure = client_failure(offer(), answer);
        assert!(matches!(failure, HandshakeError::UnofferedSubprotocol), "{selected}: {failure:?}");
    }
    let failure = client_failure(sample_request(), answer);
    assert!(matches!(failure, HandshakeError::UnofferedSubprotocol), "{failure:?}");
    let twice = answer_with("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a");
    assert!(matches!(client_failure(offer(), twice), HandshakeError::MalformedProtocols));
}

/// Trap 2 of the tutorial.
#[test]
fn a_server_that_selects_no_subprotocol_is_accepted_unless_the_request_is_strict() {
    let offer = || sample_request().subprotocol("a").unwrap();
    assert!(matches!(judged(offer(), ANSWER), ClientEvent::Established(_)));
    let failure = client_failure(offer().strict_subprotocol(true), ANSWER);
    assert!(matches!(failure, HandshakeError::NoSubprotocol));
    let nothing_offered = sample_request().strict_subprotocol(true);
    assert!(matches!(judged(nothing_offered, ANSWER), ClientEvent::Established(_)));
}

/// Frames in the segment of the answer are the connection's.
#[test]
fn frames_behind_the_answer_are_not_lost() {
    let mut client = client(sample_request());
    let mut events = client.hears(format!("{ANSWER}\u{1}"));
    let Some(ClientEvent::Established(established)) = events.pop() else { panic!() };
    assert_eq!(&client.input[..], b"\x01");
    client.input = BytesMut::from(&b"\x81\x02hi"[..]);
    let connection = established.into_connection(Arc::new(Config::default()), client.now);
    let mut connection = Talk { machine: connection, input: client.input, now: client.now };
    assert_eq!(connection.events(), [Event::Message(Message::Text("hi".into()))]);
}

#[test]
fn an_established_handshake_is_not_finished_but_reads_no_more() {
    let mut client = client(sample_request());
    client.hears(ANSWER);
    assert!(!client.machine.is_finished(), "the transport goes on");
    assert!(!client.machine.wants_read() && client.machine.poll_timeout().is_none());
    assert!(client.waits(20 * SECOND).is_empty());
    assert!(client.hears(ANSWER).is_empty(), "there is one event");
    assert_eq!(&client.input[..], ANSWER.as_bytes());
}

#[test]
fn a_connection_knows_of_an_end_that_the_handshake_saw() {
    let mut client = client(sample_request());
    client.input.extend_from_slice(ANSWER.as_bytes());
    let Some(ClientEvent::Established(established)) = client.hears_eof().pop() else { panic!() };
    let connection = established.into_connection(Arc::new(Config::default()), client.now);
    assert!(!connection.wants_read());
}

/// HC16: between the request and the answer a client is silent, however long that takes; the connection is what can send.
#[test]
fn nothing_is_said_before_the_answer() {
    let mut client = client(sample_request());
    let (last, before) = ANSWER.as_bytes().split_last().unwrap();
    for byte in before {
        assert!(client.hears([*byte]).is_empty());
        assert!(client.waits(SECOND / 100).is_empty());
        assert_eq!(client.says(), "");
    }
    assert!(matches!(client.hears([*last]).as_slice(), [ClientEvent::Established(_)]));
    assert_eq!(client.says(), "");
}

/// HC16: whoever agrees before being asked does not speak this protocol.
#[test]
fn an_answer_before_the_request_fails() {
    let mut client = client_within(sample_request(), &HandshakeConfig::default());
    let events = client.hears(ANSWER);
    assert!(matches!(events.as_slice(), [ClientEvent::Failed(HandshakeError::PrematureResponse)]));
    assert_eq!(client.says(), "");
}

#[test]
fn an_answer_cut_anywhere_is_the_same_answer() {
    let informed = format!("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n{ANSWER}rest");
    for answer in [informed, answer_replacing("xOo=", "xOp="), answer_replacing("Upgrade", "Up\0")]
    {
        let hear = |pieces: &[&[u8]]| {
            let mut client = client(sample_request());
            let mut events = Vec::new();
            for piece in pieces {
                events.extend(client.hears(piece));
            }
            (format!("{events:?}"), client.input.to_vec())
        };
        let whole = hear(&[answer.as_bytes()]);
        for cut in 0..answer.len() {
            let (front, back) = answer.as_bytes().split_at(cut);
            assert_eq!(hear(&[front, back]), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
        assert_eq!(hear(&single), whole);
    }
}

#[test]
fn the_end_of_the_stream_fails_an_answer_anywhere() {
    for cut in 0..ANSWER.len() {
        let mut client = client(sample_request());
        assert!(client.hears(&ANSWER[..cut]).is_empty());
        let events = client.hears_eof();
        assert!(matches!(events.as_slice(), [ClientEvent::Failed(HandshakeError::Eof)]));
        assert!(client.machine.is_finished() && !client.machine.wants_read());
        assert_eq!(client.machine.poll_timeout(), None);
    }
}

#[test]
fn an_answer_that_does_not_come_fails_at_the_deadline() {
    let mut client = client(sample_request());
    assert_eq!(client.machine.poll_timeout(), Some(client.now + 10 * SECOND));
    client.hears("HTTP/1.1 1");
    assert!(client.waits(10 * SECOND - SECOND / 1000).is_empty());
    let events = client.waits(SECOND);
    assert!(matches!(events.as_slice(), [ClientEvent::Failed(HandshakeError::TimedOut)]));
    assert!(client.machine.is_finished() && client.machine.poll_timeout().is_none());
}

#[test]
fn informational_answers_are_passed_over_but_not_for_ever() {
    let early = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "x".repeat(ANSWER.len()));
    established(&format!("{}{ANSWER}", early.repeat(8)));
    let failure = client_failure(sample_request(), format!("{}{ANSWER}", early.repeat(9)));
    assert!(matches!(failure, HandshakeError::MalformedHead));
}

#[test]
fn an_answer_over_the_limits_fails() {
    for answer in [
        answer_with(&"X: y\r\n".repeat(98)),
        answer_with(&format!("X: {}", "y".repeat(9000))),
        answer_replacing("Switching", &"y".repeat(9000)),
        answer_with(&["X: ", &"y".repeat(5000), "\r\n"].concat().repeat(4)),
    ] {
        let failure = client_failure(sample_request(), answer);
        assert!(matches!(failure, HandshakeError::HeadTooLarge), "{failure:?}");
    }
}
