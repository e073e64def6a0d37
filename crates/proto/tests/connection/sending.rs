//! Messages on their way out (RFC 6455 §5.4, §6.1).

use bytes::Bytes;
use squall_proto::{
    CloseCode, Config, Fragment, Message, MessageKind, ProtocolError, Role, SendError,
};

use crate::conversation::*;

fn server_with_frames_of(size: usize) -> Conversation {
    let config = Config::default().outgoing_frame_size(size.try_into().unwrap());
    Conversation::new(Role::Server, config)
}

/// FR06, FR07: FIN on the last frame only, the opcode on the first only, exact fits without an empty tail.
#[test]
fn a_long_message_leaves_in_frames() {
    let sent = |payload: &str| {
        let mut server = server_with_frames_of(4);
        server.send(payload);
        server.says()
    };
    assert_eq!(sent(""), b"\x81\0");
    assert_eq!(sent("abcd"), b"\x81\x04abcd");
    assert_eq!(sent("abcde"), b"\x01\x04abcd\x80\x01e");
    assert_eq!(sent("abcdefgh"), b"\x01\x04abcd\x80\x04efgh");
    assert_eq!(sent("abcdefghi"), b"\x01\x04abcd\0\x04efgh\x80\x01i");
}

/// FR07: pieces of a message, one of them longer than a frame.
#[test]
fn pieces_leave_as_fragments() {
    let mut server = server_with_frames_of(4);
    for fragment in
        [Fragment::more("ab"), Fragment::more(""), Fragment::more("cdefg"), Fragment::last("h")]
    {
        server.connection.send_fragment(server.now, fragment).unwrap();
    }
    server.send(vec![1]);
    assert_eq!(server.says(), b"\x01\x02ab\0\0\0\x04cdef\0\x01g\x80\x01h\x82\x01\x01");
}

/// FR07: a message in one piece, empty too.
#[test]
fn a_message_of_one_piece_is_one_frame() {
    let mut server = server_with_frames_of(4);
    for fragment in [Fragment::last("ab"), Fragment::last(Bytes::new())] {
        server.connection.send_fragment(server.now, fragment).unwrap();
    }
    assert_eq!(server.says(), b"\x81\x02ab\x82\0");
}

/// FG03: our own messages never interleave, and a refused call changes nothing.
#[test]
fn a_message_in_progress_admits_no_other() {
    let mut server = server_with_frames_of(100);
    let now = server.now;
    server.connection.send_fragment(now, Fragment::more("a")).unwrap();
    let before = server.connection.queued();
    assert_eq!(server.connection.send(now, "no".into()), Err(SendError::MessageInProgress));
    let other = Fragment::last(Message::binary("no"));
    assert_eq!(
        server.connection.send_fragment(now, other),
        Err(SendError::KindMismatch(MessageKind::Text))
    );
    assert_eq!(server.connection.queued(), before);
    server.ping(b"p");
    server.connection.send_fragment(now, Fragment::last("b")).unwrap();
    server.send("next");
    let said = server.says();
    assert_eq!(said, b"\x01\x01a\x89\x01p\x80\x01b\x81\x04next");
    assert_eq!(server.connection.stats().messages_sent, 2);
    assert_eq!(server.connection.stats().bytes_sent, 6);
}

/// FG02, CF02: a ping passes the large frames that wait, at the boundary behind the one that has begun.
#[test]
fn control_frames_jump_the_queue_at_frame_boundaries() {
    const FRAME: usize = 5000;
    const WIRE: usize = FRAME + 4;
    for written in [0, 1, 3, 4, 5, WIRE - 1, WIRE, WIRE + 1] {
        let mut server = server_with_frames_of(FRAME);
        server.send(vec![7; 3 * FRAME]);
        let mut said = server.says_only(written);
        assert_eq!(said.len(), written);
        server.ping(b"1");
        let _ = server.hears(b"\x89\x81\0\0\0\x002");
        server.ping(b"3");
        said.extend(server.says());
        let place = written.div_ceil(WIRE) * WIRE;
        let controls = b"\x89\x011\x8A\x012\x89\x013";
        assert_eq!(said[place..place + 9], *controls, "{written}");
        said.drain(place..place + 9);
        let frames: Vec<&[u8]> = said.chunks(WIRE).map(|frame| &frame[..4]).collect();
        assert_eq!(frames, [b"\x02\x7E\x13\x88", b"\0\x7E\x13\x88", b"\x80\x7E\x13\x88"]);
    }
}

/// CF05, FG02: the Close alone does not jump.
#[test]
fn a_close_waits_behind_what_was_sent_and_pings_do_not() {
    let mut server = server_with_frames_of(5000);
    server.send(vec![7; 10_000]);
    let _ = server.says_only(10);
    server.ping(b"p");
    server.close(CloseCode::NORMAL);
    let said = server.says();
    assert_eq!(said[4994..4997], *b"\x89\x01p");
    assert!(said.ends_with(b"\x07\x88\x02\x03\xE8"));
}

/// FR06: after the end of the connection, and after the peer's Close, nothing is accepted.
#[test]
fn nothing_is_sent_on_a_connection_that_is_not_open() {
    let ends: [fn(&mut Conversation); 4] = [
        |server| drop(server.hears(b"\x88\x80\0\0\0\0")),
        |server| drop(server.hears(b"\x83")),
        |server| drop(server.hears_eof()),
        |server| server.connection.abort(server.now),
    ];
    for end in ends {
        let mut server = server_with_frames_of(100);
        end(&mut server);
        let _ = server.says();
        assert!(!server.connection.can_send());
        assert_eq!(server.connection.send(server.now, "no".into()), Err(SendError::Closed));
        assert_eq!(server.says(), b"");
    }
}

/// CL04: what was accepted before a violation leaves before the farewell.
#[test]
fn a_farewell_follows_what_was_sent() {
    let mut server = server_with_frames_of(100);
    server.send("first");
    let events = server.hears(b"\x83");
    assert_eq!(events, [violation(ProtocolError::ReservedOpcode(3))]);
    let said = server.says();
    assert_eq!(said[..7], *b"\x81\x05first");
    assert_farewell(&said[7..], ProtocolError::ReservedOpcode(3));
}

/// What is sent and received is counted.
#[test]
fn messages_and_bytes_are_counted() {
    let mut server = server_with_frames_of(4);
    server.send("abcdef");
    server.send("");
    assert_eq!(server.hears(b"\x81\x82\0\0\0\0hi\x01\x81\0\0\0\0a\x80\x81\0\0\0\0b").len(), 2);
    let stats = server.connection.stats();
    assert_eq!((stats.messages_sent, stats.bytes_sent, stats.wire_bytes_sent), (2, 6, 6));
    assert_eq!((stats.messages_received, stats.bytes_received), (2, 4));
    assert_eq!(stats.wire_bytes_received, 4);
    // By copy, by reference, and in several frames.
    for length in [1, 5_000, 2 << 20] {
        let mut server = Conversation::new(Role::Server, Config::default());
        server.send(vec![7; length]);
        let stats = server.connection.stats();
        assert_eq!((stats.bytes_sent, stats.wire_bytes_sent), (length as u64, length as u64));
    }
}
