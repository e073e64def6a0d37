//! Pings, pongs and what they carry (RFC 6455 §5.5).

use bytes::Bytes;
use squall_proto::{Config, ControlPayload, ProtocolError, Role, SendError, WriteMarks};

use crate::conversation::*;

/// CF02, CF04: RFC 6455 §5.7, a ping with "Hello" and the masked pong.
#[test]
fn the_ping_of_the_rfc_is_answered_with_its_payload() {
    assert_eq!(
        server_hears(b"\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        heard([ping(b"Hello")], b"\x8A\x05Hello")
    );
    assert_eq!(client_hears(b"\x8A\x05Hello"), heard([pong(b"Hello")], ""));
}

/// CF01, CF02: the longest payload a control frame can have, and every shorter one.
#[test]
fn every_payload_up_to_125_bytes_comes_back() {
    for length in 0..=125 {
        let payload = vec![b'x'; length];
        let heard = hears(Role::Server, &Config::default(), frame_to(Role::Server, 0x89, &payload));
        assert_eq!(heard.events, [ping(&payload)]);
        assert_eq!(heard.answer, [&[0x8A, length as u8], payload.as_slice()].concat());
    }
}

/// CF01: from the header alone, for each kind, before any payload.
#[test]
fn a_control_frame_of_126_bytes_or_more_fails_at_its_header() {
    for first in [0x88, 0x89, 0x8A] {
        for second in [126, 127] {
            failed([], ProtocolError::ControlTooLong, &client_hears([first, second]));
            failed([], ProtocolError::ControlTooLong, &server_hears([first, 0x80 | second]));
        }
    }
}

/// CF01: our own cannot be built too long.
#[test]
fn a_payload_of_126_bytes_cannot_be_built() {
    assert!(ControlPayload::new(vec![0; 125]).is_ok());
    assert!(ControlPayload::new(vec![0; 126]).is_err());
}

#[test]
fn a_control_payload_is_the_same_bytes_in_every_form() {
    let bytes = Bytes::from_static(b"Hello");
    let payload = ControlPayload::try_from(bytes.clone()).unwrap();
    assert_eq!(payload, b"Hello".as_slice().try_into().unwrap());
    assert_eq!((&*payload, payload.as_ref()), (b"Hello".as_slice(), b"Hello".as_slice()));
    assert_eq!(payload.into_bytes().as_ptr(), bytes.as_ptr(), "without a copy");
    assert_eq!(ControlPayload::try_from(Bytes::from(vec![0; 126])).unwrap_err().0, 126);
    assert_eq!(ControlPayload::try_from([0; 126].as_slice()).unwrap_err().0, 126);
}

/// CF02, CF03: while the queue is short each ping has its own pong, in order.
#[test]
fn ten_pings_in_a_row_have_ten_pongs() {
    let (pings, pongs): (Vec<u8>, Vec<u8>) = (0..10_u8)
        .map(|i| (vec![0x89, 0x81, 0, 0, 0, 0, i], vec![0x8A, 1, i]))
        .fold(Default::default(), |(a, b), (c, d)| ([a, c].concat(), [b, d].concat()));
    assert_eq!(server_hears(pings).answer, pongs);
}

/// CF03: behind a long queue only the newest ping is answered, once the queue is short.
#[test]
fn behind_a_long_queue_the_newest_ping_is_answered_once() {
    let mut server =
        Conversation::new(Role::Server, Config::default().write_marks(WriteMarks::new(1000, 100)));
    server.send(vec![0; 200]);
    let pings = server.hears(b"\x89\x81\0\0\0\x001\x89\x81\0\0\0\x002\x89\x81\0\0\0\x003");
    assert_eq!(pings, [ping(b"1"), ping(b"2"), ping(b"3")]);
    assert_eq!(server.connection.queued(), 204);
    assert_eq!(server.says_only(104).len(), 104, "100 are left");
    assert_eq!(server.says().split_off(100), b"\x8A\x013");
    assert_eq!(server.says(), b"");
}

/// CF03: at the low mark the queue is short.
#[test]
fn a_ping_at_the_low_mark_is_answered_at_once() {
    let mut server =
        Conversation::new(Role::Server, Config::default().write_marks(WriteMarks::new(1000, 100)));
    server.send(vec![0; 98]);
    assert_eq!(server.hears(b"\x89\x81\0\0\0\x001"), [ping(b"1")]);
    assert_eq!(server.connection.queued(), 100 + 3);
}

/// CF03: a newer ping that need not wait answers for the older one that does.
#[test]
fn an_older_pong_never_follows_a_newer_one() {
    let mut server =
        Conversation::new(Role::Server, Config::default().write_marks(WriteMarks::new(1000, 100)));
    server.send(vec![0; 200]);
    assert_eq!(server.hears(b"\x89\x81\0\0\0\x001"), [ping(b"1")]);
    let _ = server.says_only(150);
    assert_eq!(server.hears(b"\x89\x81\0\0\0\x002"), [ping(b"2")]);
    assert_eq!(server.says().split_off(54), b"\x8A\x012");
}

/// CF03: a pong that waits is forgotten where it would follow our own Close.
#[test]
fn a_waiting_pong_never_follows_a_close() {
    let mut server =
        Conversation::new(Role::Server, Config::default().write_marks(WriteMarks::new(10, 5)));
    server.send(vec![0; 20]);
    assert_eq!(server.hears(b"\x89\x81\0\0\0\x001"), [ping(b"1")]);
    server.close(None);
    assert_eq!(server.says().split_off(22), b"\x88\0");
}

/// CF04: unsolicited, repeated and odd pongs are news and nothing else.
#[test]
fn a_pong_is_never_answered() {
    let bytes = b"\x8A\x80\0\0\0\0\x8A\x84\0\0\0\0\0\0\0\0\x8A\x84\0\0\0\0\0\0\0\0";
    assert_eq!(server_hears(bytes), heard([pong(b""), pong(&[0; 4]), pong(&[0; 4])], ""));
}

/// CF02: once a Close was received nothing is answered.
#[test]
fn a_ping_after_a_close_is_not_answered() {
    let bytes = b"\x88\x80\0\0\0\0\x89\x81\0\0\0\x001";
    let heard = server_hears(bytes);
    assert_eq!(heard.events, [squall_proto::Event::Closed(squall_proto::Closed::Clean(None))]);
    assert_eq!(heard.answer, b"\x88\0");
}

/// CF04: what a program pongs of its own accord is on the wire.
#[test]
fn an_unsolicited_pong_can_be_sent() {
    let mut server = Conversation::new(Role::Server, Config::default());
    server.connection.pong(server.now, b"alive".as_slice().try_into().unwrap()).unwrap();
    assert_eq!(server.says(), b"\x8A\x05alive");
}

/// CF05: after our Close neither pings nor pongs nor data leave.
#[test]
fn after_our_close_nothing_can_be_queued() {
    let mut server = Conversation::new(Role::Server, Config::default());
    server.close(None);
    let now = server.now;
    assert_eq!(server.connection.ping(now, Default::default()), Err(SendError::Closed));
    assert_eq!(server.connection.pong(now, Default::default()), Err(SendError::Closed));
    assert_eq!(server.connection.send(now, "no".into()), Err(SendError::Closed));
    let fragment = squall_proto::Fragment::last("no");
    assert_eq!(server.connection.send_fragment(now, fragment), Err(SendError::Closed));
    assert_eq!(server.says(), b"\x88\0");
}
