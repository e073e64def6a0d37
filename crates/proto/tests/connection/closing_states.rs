//! The transport's end and the deadlines of closing (RFC 6455 §7.1, §7.2).

use squall_proto::{Closed, Config, Deadline, Event, Initiator, Machine, ProtocolError, Role};

use crate::conversation::*;

const EOF: Event = Event::Closed(Closed::Eof);
const CLOSE_TO_SERVER: &[u8] = b"\x88\x80\0\0\0\0";

fn server() -> Conversation {
    Conversation::new(Role::Server, Config::default())
}

fn client() -> Conversation {
    Conversation::new(Role::Client, Config::default())
}

/// CL08, CL05: no Close at all is 1006, and is reported as the end of the transport.
#[test]
fn an_end_without_a_close_is_an_end_of_file() {
    let mut client = client();
    assert_eq!(client.hears(b"\x81\x02hi"), [text("hi")]);
    assert_eq!(client.hears_eof(), [EOF]);
    assert_eq!(client.says(), b"", "nothing is said to a peer that is gone");
    assert_eq!(client.connection.initiator(), Some(Initiator::Peer));
    assert!(client.connection.is_finished() && !client.connection.wants_read());
}

/// CL08; RUSTSEC-2024-0336: the end at every offset ends the connection, after everything whole.
#[test]
fn an_end_at_any_offset_delivers_what_was_whole_and_ends() {
    let bytes = b"\x81\x82\0\0\0\0hi\x01\x82\0\0\0\0ab\x89\x81\0\0\0\0p\x80\xFE\0\x7E\0\0\0\0";
    let bytes = [bytes.as_slice(), &[b'c'; 126], b"\x88\x85\0\0\0\0\x03\xE8bye"].concat();
    let whole = [text("hi"), ping(b"p"), text(&format!("ab{}", "c".repeat(126)))];
    for end in 0..=bytes.len() {
        for eof_first in [false, true] {
            let mut server = server();
            server.input.extend_from_slice(&bytes[..end]);
            let mut events = if eof_first { vec![] } else { server.events() };
            events.extend(server.hears_eof());
            let last = events.pop();
            let expected = if end == bytes.len() { clean(1000, "bye") } else { EOF };
            assert_eq!(last, Some(expected), "{end}");
            let count = [8, 23, 157].iter().filter(|after| end >= **after).count();
            assert_eq!(events, whole[..count], "{end}");
            let _ = server.says();
            assert!(server.connection.is_finished() && !server.connection.wants_read());
            assert_eq!(server.waits(6 * SECOND), []);
            assert_ended(&server);
        }
    }
}

/// The order in which bytes, their end and the timer are told does not matter.
#[test]
fn a_close_that_came_before_the_end_counts() {
    let mut server = server();
    server.input.extend_from_slice(CLOSE_TO_SERVER);
    server.connection.handle_eof(server.now);
    assert_eq!(server.events(), [Event::Closed(Closed::Clean(None))]);
    assert_eq!(server.says(), b"\x88\0", "a half-closed peer still reads");
}

/// A peer that shuts down its writing side gets what was queued for it.
#[test]
fn what_is_queued_leaves_after_the_peer_has_half_closed() {
    let mut server = server();
    server.send("late");
    assert_eq!(server.hears_eof(), [EOF]);
    assert!(!server.connection.is_finished(), "bytes wait");
    assert!(!server.connection.wants_read());
    assert_eq!(server.says(), b"\x81\x04late");
    assert!(server.connection.is_finished());
    assert!(!server.connection.can_send());
}

/// CL01, CL02, CL03: the server shuts down first, and reads on until the client has, too.
#[test]
fn a_server_finishes_first_and_discards_what_follows() {
    let mut server = server();
    assert_eq!(server.hears(CLOSE_TO_SERVER).len(), 1);
    assert!(!server.connection.is_finished(), "the answer is not written");
    assert_eq!(server.says_only(1), b"\x88");
    assert!(!server.connection.is_finished(), "not all of it");
    let _ = server.says();
    assert!(server.connection.is_finished());
    assert!(server.connection.wants_read(), "until the end of the stream");
    assert_eq!(server.hears(b"junk"), []);
    assert!(server.input.is_empty());
    assert_eq!(server.hears_eof(), []);
    assert!(server.connection.is_finished() && !server.connection.wants_read());
}

/// CL01, CL03: the client waits for the server to close the transport, and not for ever.
#[test]
fn a_client_waits_for_the_server_to_finish() {
    for server_closes_transport in [true, false] {
        let mut client = client();
        client.close(None);
        let _ = client.says();
        assert_eq!(client.hears(b"\x88\0").len(), 1);
        assert!(!client.connection.is_finished() && client.connection.wants_read());
        if server_closes_transport {
            assert_eq!(client.hears_eof(), []);
            assert!(client.connection.is_finished());
        } else {
            assert_eq!(client.waits(5 * SECOND), []);
            assert_ended(&client);
        }
    }
}

/// CL01: the closing handshake has its deadline, which no trickle of bytes moves.
#[test]
fn a_peer_that_never_answers_our_close_is_gone_in_time() {
    let mut server = server();
    server.close(None);
    let _ = server.says();
    for _ in 0..4 {
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(server.hears(b"\x81\x81\0\0\0\0x"), [text("x")]);
    }
    assert!(server.connection.wants_read());
    assert_eq!(server.waits(SECOND), [Event::Closed(Closed::TimedOut(Deadline::Close))]);
    assert_ended(&server);
    assert_eq!(server.says(), b"");
}

/// One deadline holds for the handshake and the end of the transport together.
#[test]
fn a_peer_that_reads_nothing_of_our_farewell_is_gone_in_time() {
    let mut server = server();
    server.send(vec![0; 1 << 20]);
    assert_eq!(server.hears(CLOSE_TO_SERVER).len(), 1);
    assert_eq!(server.waits(5 * SECOND), []);
    assert_ended(&server);
    assert_eq!(server.connection.queued(), 0);
}

/// The deadline is kept however late or early the caller looks.
#[test]
fn an_early_timer_changes_nothing_and_a_late_one_ends_it() {
    let mut server = server();
    server.close(None);
    server.now += 4 * SECOND;
    server.connection.handle_timeout(server.now);
    assert_eq!(server.events(), []);
    server.now += 400 * SECOND;
    server.connection.handle_timeout(server.now);
    assert_eq!(server.events(), [Event::Closed(Closed::TimedOut(Deadline::Close))]);
}

/// CL08: the transport ends after our Close and before the peer's.
#[test]
fn an_end_after_our_close_is_not_clean() {
    let mut client = client();
    client.close(None);
    assert_eq!(client.hears_eof(), [EOF]);
    assert_eq!(client.connection.initiator(), Some(Initiator::Local));
    assert_eq!(client.says().len(), 6, "a half-closed peer still reads");
    assert!(client.connection.is_finished());
}

/// CL02: after a violation either side finishes once its farewell is written.
#[test]
fn after_a_violation_both_roles_finish_at_once() {
    for role in [Role::Client, Role::Server] {
        let mut conversation = Conversation::new(role, Config::default());
        let events = conversation.hears(b"\x83");
        assert_eq!(events, [violation(ProtocolError::ReservedOpcode(3))]);
        assert_eq!(conversation.connection.initiator(), Some(Initiator::Local));
        assert!(!conversation.connection.is_finished());
        let _ = conversation.says();
        assert!(conversation.connection.is_finished());
        assert!(conversation.connection.wants_read(), "RFC 6455 §7.1.1: to the end");
        assert_eq!(conversation.waits(5 * SECOND), []);
        assert_ended(&conversation);
    }
}

/// An abort says nothing, drops the queue and is reported.
#[test]
fn an_abort_is_silent_and_at_once() {
    for closing in [false, true] {
        let mut server = server();
        server.send("lost");
        if closing {
            server.close(None);
        }
        server.connection.abort(server.now);
        assert_eq!(server.events(), [Event::Closed(Closed::Aborted)]);
        assert_eq!(server.says(), b"");
        assert_ended(&server);
    }
}

/// An abort while the farewell drains drops it, and the end stays what it was.
#[test]
fn an_abort_in_the_farewell_keeps_the_reason() {
    let mut server = server();
    assert_eq!(server.hears(CLOSE_TO_SERVER).len(), 1);
    server.connection.abort(server.now);
    assert_eq!((server.events(), server.says()), (vec![], vec![]));
    assert_ended(&server);
    assert_eq!(server.connection.closed(), Some(&Closed::Clean(None)));
}

/// Timeouts without end are allowed, and no arithmetic fails on them.
#[test]
fn a_close_timeout_of_for_ever_is_for_ever() {
    let config = Config::default().close_timeout(std::time::Duration::MAX);
    let mut server = Conversation::new(Role::Server, config);
    server.close(None);
    assert_eq!(server.waits(1_000_000 * SECOND), []);
    assert_eq!(server.hears(CLOSE_TO_SERVER), [Event::Closed(Closed::Clean(None))]);
}
