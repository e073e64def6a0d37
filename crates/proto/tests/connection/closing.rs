//! Close frames and what they say (RFC 6455 §5.5.1, §7).

use squall_proto::{
    CloseCode, CloseFrame, Closed, Config, Event, Fragment, Initiator, Machine, ProtocolError,
    Role, SendError,
};

use crate::conversation::*;

fn server() -> Conversation {
    Conversation::new(Role::Server, Config::default())
}

/// CF06, CF07, CL01, CL05, CL06, CL07: the code comes back, the reason does not.
#[test]
fn a_close_is_answered_with_its_code() {
    let bytes = b"\x88\x85\0\0\0\0\x03\xE9bye";
    assert_eq!(server_hears(bytes), heard([clean(1001, "bye")], b"\x88\x02\x03\xE9"));
    let bytes = b"\x88\x05\x03\xE9bye";
    assert_eq!(client_hears(bytes), heard([clean(1001, "bye")], b"\x88\x82\0\0\0\0\x03\xE9"));
}

/// CF06, CL05: a Close without a code is answered with one without (1005 stands in no frame).
#[test]
fn an_empty_close_is_answered_with_an_empty_close() {
    assert_eq!(
        server_hears(b"\x88\x80\0\0\0\0"),
        heard([Event::Closed(Closed::Clean(None))], b"\x88\0")
    );
}

/// CF06.
#[test]
fn a_close_with_one_byte_fails_the_connection() {
    failed([], ProtocolError::TruncatedCloseCode, &client_hears(b"\x88\x01\x03"));
}

/// UT04.
#[test]
fn a_close_with_an_invalid_reason_fails_the_connection() {
    for reason in [b"\xFF".as_slice(), b"ok\xC3", b"\xED\xA0\x80"] {
        let bytes = frame_to(Role::Client, 0x88, [b"\x03\xE8", reason].concat());
        failed([], ProtocolError::InvalidUtf8, &client_hears(bytes));
    }
}

/// CF06, CL06: a reason of 123 bytes fills the frame.
#[test]
fn the_longest_reason_arrives_and_leaves() {
    let reason = "é".repeat(61) + "x";
    let bytes = frame_to(Role::Client, 0x88, [b"\x03\xE8", reason.as_bytes()].concat());
    assert_eq!(client_hears(bytes).events, [clean(1000, &reason)]);
    let mut server = server();
    server.close(close_frame(3000, &reason));
    assert_eq!(server.says(), [b"\x88\x7D\x0B\xB8", reason.as_bytes()].concat());
}

/// CL11, CL12: every code there is.
#[test]
fn exactly_the_codes_that_may_be_sent_are_accepted() {
    for code in 0..=u16::MAX {
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let bytes = frame_to(Role::Client, 0x88, code.to_be_bytes());
        let heard_ = hears_pieces(Role::Client, &Config::default(), &[&bytes]);
        if valid {
            let echo = [b"\x88\x82\0\0\0\0".as_slice(), &code.to_be_bytes()].concat();
            assert_eq!(heard_, heard([clean(code, "")], echo));
        } else {
            failed([], ProtocolError::InvalidCloseCode(code), &heard_);
        }
        assert_eq!(CloseCode::new(code).is_ok(), valid);
    }
}

/// CL13: only a client says 1010.
#[test]
fn a_server_never_closes_with_1010() {
    let frame = || CloseFrame::from(CloseCode::MANDATORY_EXTENSION);
    let mut server = server();
    let now = server.now;
    assert_eq!(server.connection.close(now, Some(frame())), Err(SendError::ClientOnlyCode));
    assert!(server.connection.can_send());
    assert_eq!(server.says(), b"");
    let mut client = Conversation::new(Role::Client, Config::default());
    client.close(close_frame(1010, "permessage-deflate"));
    assert_eq!(client.says()[6..8], 1010_u16.to_be_bytes());
}

/// CL01, CL07: our Close, the peer's answer.
#[test]
fn closing_waits_for_the_answer() {
    let mut server = server();
    server.close(close_frame(1000, "done"));
    assert_eq!(server.says(), b"\x88\x06\x03\xE8done");
    assert!(!server.connection.is_finished(), "the peer has not answered");
    assert_eq!(server.hears(b"\x88\x82\0\0\0\0\x03\xE8"), [clean(1000, "")]);
    assert_eq!(server.says(), b"", "an answer is not answered");
    assert!(server.connection.is_finished());
    assert_eq!(server.connection.initiator(), Some(Initiator::Local));
}

/// CL14, CL05: both close at once, neither answers, and the code is the peer's.
#[test]
fn simultaneous_closes_are_not_answered() {
    let mut server = server();
    server.close(close_frame(1000, "ours"));
    assert_eq!(server.hears(b"\x88\x86\0\0\0\0\x0F\xA0mine"), [clean(4000, "mine")]);
    assert_eq!(server.says(), b"\x88\x06\x03\xE8ours");
    assert!(server.connection.is_finished());
}

/// CF05: what was sent before the Close is in front of it, and nothing is behind it.
#[test]
fn a_close_leaves_behind_everything_that_was_sent() {
    for length in [3, 5000, 3 << 20] {
        let mut server = server();
        server.send(vec![1; length]);
        server.close(None);
        server.close(close_frame(1001, "a second close says nothing"));
        assert!(server.connection.send(server.now, "no".into()).is_err());
        let said = server.says();
        assert_eq!(said[said.len() - 3..], [1, 0x88, 0]);
    }
}

/// CF07: messages that arrive between our Close and the peer's are delivered.
#[test]
fn messages_that_cross_our_close_arrive() {
    let mut server = server();
    server.close(None);
    let bytes = b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0\x88\x80\0\0\0\0";
    assert_eq!(server.hears(bytes), [text("hi"), ping(b""), Event::Closed(Closed::Clean(None))]);
    assert_eq!(server.says(), b"\x88\0");
}

/// CF07: a peer's Close in the middle of our fragmented message is answered at once.
#[test]
fn a_close_cuts_our_own_message_short() {
    let mut server = server();
    server.connection.send_fragment(server.now, Fragment::more("a")).unwrap();
    assert_eq!(server.hears(b"\x88\x80\0\0\0\0"), [Event::Closed(Closed::Clean(None))]);
    let rest = server.connection.send_fragment(server.now, Fragment::last("b"));
    assert_eq!(rest, Err(SendError::Closed));
    assert_eq!(server.says(), b"\x01\x01a\x88\0");
}

/// CL04: after our Close a violation ends the connection and is not answered: our Close was the last frame.
#[test]
fn a_violation_after_our_close_is_reported_and_not_answered() {
    let mut server = server();
    server.close(None);
    let events = server.hears(b"\x83\x80\0\0\0\0\x88\x80\0\0\0\0");
    assert_eq!(events, [violation(ProtocolError::ReservedOpcode(3))]);
    assert_eq!(server.says(), b"\x88\0");
    assert!(server.connection.is_finished());
}

/// CL04, CL15: the farewell has a code and a reason a person who reads logs understands.
#[test]
fn each_violation_has_its_code() {
    let small = Config::default().max_frame_size(9).max_message_size(9).max_fragments(1);
    let cases: [(&[u8], u16); 6] = [
        (b"\x83\0", 1002),
        (b"\x81\x01\xFF", 1007),
        (b"\x88\x03\x03\xE8\xFF", 1007),
        (b"\x82\x0A", 1009),
        (b"\x02\x09123456789\x80\x01", 1009),
        (b"\x02\0\x80\0", 1008),
    ];
    for (bytes, code) in cases {
        let heard = hears(Role::Client, &small, bytes);
        assert_eq!(heard.answer[6..8], code.to_be_bytes(), "{bytes:02X?}");
        assert!(heard.answer.len() > 8, "a reason");
    }
    // The limit that was passed is nobody's business.
    for (frame, message) in [(9, 10), (10, 9)] {
        let config = Config::default().max_frame_size(frame).max_message_size(message);
        assert_eq!(hears(Role::Client, &config, b"\x82\x0A").answer[8..], *b"message too big");
    }
}

/// The terminal event comes once, and says what `closed` says.
#[test]
fn the_end_is_told_once() {
    let mut server = server();
    assert_eq!(server.connection.closed(), None);
    assert_eq!(server.hears(b"\x88\x80\0\0\0\0").len(), 1);
    assert_eq!(server.connection.closed(), Some(&Closed::Clean(None)));
    assert_eq!(server.connection.initiator(), Some(Initiator::Peer));
    assert_eq!(server.hears(b"\x88\x80\0\0\0\0"), []);
    server.close(None);
    assert_eq!(server.hears_eof(), []);
    assert_eq!(server.waits(100 * SECOND), []);
    server.connection.abort(server.now);
    assert_eq!(server.events(), []);
    assert_eq!(server.connection.closed(), Some(&Closed::Clean(None)));
}
