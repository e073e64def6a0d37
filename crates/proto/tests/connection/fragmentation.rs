//! Fragmented messages (RFC 6455 §5.4).

use squall_proto::{Config, Event, ProtocolError, Role};

use crate::conversation::*;

/// FG05, FG06: RFC 6455 §5.7, "Hel" and "lo".
#[test]
fn the_fragmented_hello_of_the_rfc_is_one_message() {
    assert_eq!(client_hears(b"\x01\x03Hel\x80\x02lo"), heard([text("Hello")], ""));
}

/// FG05, FG06: fragments of any size, none too.
#[test]
fn empty_fragments_anywhere_change_nothing() {
    let bytes = b"\x02\0\0\x02ab\0\0\0\x01c\0\0\x80\0";
    assert_eq!(client_hears(bytes), heard([binary("abc")], ""));
    assert_eq!(client_hears(b"\x01\0\0\0\x80\x02hi"), heard([text("hi")], ""));
}

/// FG02, CF02: control frames pass between fragments and are answered before the message is whole.
#[test]
fn pings_between_fragments_are_answered_and_disturb_nothing() {
    let bytes = b"\x01\x01a\x89\x011\0\x01b\x8A\x012\0\0\x89\0\x80\x01c";
    let events = [ping(b"1"), pong(b"2"), ping(b""), text("abc")];
    assert_eq!(client_hears(bytes), heard(events, b"\x8A\x81\0\0\0\x001\x8A\x80\0\0\0\0"));
}

/// FG02, CL04: a Close between fragments ends the connection, and the message is never delivered.
#[test]
fn a_close_between_fragments_drops_the_message() {
    let bytes = b"\x01\x01a\x88\x02\x03\xE8\x80\x01b";
    assert_eq!(client_hears(bytes), heard([clean(1000, "")], b"\x88\x82\0\0\0\0\x03\xE8"));
}

/// FG01: at the first byte for a missing FIN.
#[test]
fn a_fragmented_control_frame_fails_the_connection() {
    for first in [0x08, 0x09, 0x0A] {
        failed([], ProtocolError::FragmentedControl, &client_hears([first]));
        let inside = [b"\x01\x01a".as_slice(), &[first, 0, 0x80, 0]].concat();
        failed([], ProtocolError::FragmentedControl, &client_hears(inside));
    }
}

/// FG03.
#[test]
fn a_new_message_inside_a_fragmented_one_fails_the_connection() {
    for first in [0x01, 0x02, 0x81, 0x82] {
        let bytes = [b"\x01\x01a\x89\0".as_slice(), &[first, 0]].concat();
        let mut events = client_hears(bytes).events;
        assert_eq!(events.pop(), Some(violation(ProtocolError::InterleavedMessage)));
        assert_eq!(events, [ping(b"")]);
    }
}

/// FG04: at the start, after a whole message and after the last fragment.
#[test]
fn a_continuation_without_a_message_fails_the_connection() {
    let before: [(&[u8], &[Event]); 3] =
        [(b"", &[]), (b"\x81\x01a", &[text("a")]), (b"\x01\x01a\x80\x01b", &[text("ab")])];
    for (bytes, events) in before {
        for first in [0x00, 0x80] {
            let bytes = [bytes, &[first, 0]].concat();
            failed(events, ProtocolError::UnexpectedContinuation, &client_hears(bytes));
        }
    }
}

/// FG05, FR12: one byte per fragment, many fragments.
#[test]
fn a_message_of_single_bytes_arrives_whole() {
    let bytes: Vec<u8> = (0..=254_u8)
        .flat_map(|byte| frame_to(Role::Server, if byte == 0 { 0x02 } else { 0x00 }, [byte]))
        .chain(frame_to(Role::Server, 0x80, [255]))
        .collect();
    let whole: Vec<u8> = (0..=255).collect();
    assert_eq!(hears(Role::Server, &Config::default(), bytes), heard([binary(whole)], ""));
}
