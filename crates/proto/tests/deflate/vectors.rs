//! The examples of RFC 7692 §7.2.3, in both roles and both directions.

use std::slice::from_ref;

use squall_proto::{
    Config, Message, Role,
    deflate::{DeflateConfig, Level},
};

use crate::peer::*;

/// The messages of `payloads`, each one frame, are "Hello", whole and under every cut.
fn all_say_hello(payloads: &[&[u8]]) {
    for role in ROLES {
        let frames: Vec<u8> =
            payloads.iter().flat_map(|payload| frame_to(role, 0xC1, payload)).collect();
        let expected = vec![text("Hello"); payloads.len()];
        for cut in 0..frames.len() {
            let mut side = plain(role);
            let mut events = side.hears(&frames[..cut]);
            events.extend(side.hears(&frames[cut..]));
            assert_eq!(events, expected, "{role:?}, cut at {cut}");
        }
        let mut side = plain(role);
        let bytewise: Vec<_> = frames.iter().flat_map(|byte| side.hears([*byte])).collect();
        assert_eq!(bytewise, expected);
    }
}

/// PD03, PD05: §7.2.3.1 and §7.2.3.2.
#[test]
fn one_block_and_its_repetition_are_hello() {
    all_say_hello(&[HELLO, HELLO_AGAIN, HELLO_AGAIN, HELLO]);
}

/// PD04: §7.2.3.3.
#[test]
fn a_block_without_compression_is_hello() {
    let stored = b"\x00\x05\x00\xFA\xFF\x48\x65\x6C\x6C\x6F\x00";
    all_say_hello(&[stored, HELLO_AGAIN, stored]);
}

/// PD04: §7.2.3.4, with a later message that refers to one before the final block.
#[test]
fn a_final_block_is_hello_and_keeps_the_window() {
    let last = b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00";
    all_say_hello(&[last, HELLO_AGAIN, last, HELLO, HELLO_AGAIN]);
}

/// PD04: a final block, a block after it that refers back over it, a final block again, all in one message.
#[test]
fn blocks_follow_a_final_block_within_a_message() {
    let last = b"\xF3\x48\xCD\xC9\xC9\x07\x00";
    // "Hello" again as a repetition, in a final block: BFINAL is the first bit.
    let repeated = b"\xF3\x00\x11\x00";
    for role in ROLES {
        let message = [last.as_slice(), repeated, &stored(b", again"), last, b"\x00"].concat();
        let mut side = plain(role);
        let expected = text("HelloHello, againHello");
        assert_eq!(side.hears_frame(0xC1, &message), from_ref(&expected));
        let mut side = plain(role);
        let frame = frame_to(role, 0xC1, &message);
        let bytewise: Vec<_> = frame.iter().flat_map(|byte| side.hears([*byte])).collect();
        assert_eq!(bytewise, from_ref(&expected));
    }
}

/// PD03, PD04: §7.2.3.5.
#[test]
fn two_blocks_are_hello() {
    all_say_hello(&[b"\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00", HELLO_AGAIN]);
}

/// PD08: §7.2.3.6, and a frame without any payload, and the context goes on after both.
#[test]
fn empty_messages_are_empty_and_leave_the_context_alone() {
    for role in ROLES {
        let mut side = plain(role);
        assert_eq!(side.hears_frame(0xC1, HELLO), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, b"\x00"), [text("")]);
        assert_eq!(side.hears_frame(0xC1, HELLO_AGAIN), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, b""), [text("")]);
        assert_eq!(side.hears_frame(0xC1, HELLO_AGAIN), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC2, b""), [binary(b"")]);
    }
}

/// PD03: what a sender that leaves the tail on means is clear.
#[test]
fn a_tail_that_was_left_on_does_no_harm() {
    let with_tail = [HELLO, b"\x00\x00\xFF\xFF"].concat();
    all_say_hello(&[&with_tail, HELLO_AGAIN, &with_tail, HELLO_AGAIN]);
    let bare_final = b"\xF3\x48\xCD\xC9\xC9\x07\x00";
    all_say_hello(&[bare_final, HELLO_AGAIN, bare_final, HELLO]);
}

/// PD02, PD05, PD08: the same bytes leave; level 1 says the repetition in another way.
#[test]
fn hello_leaves_as_in_the_rfc() {
    for (role, level) in ROLES.into_iter().flat_map(|role| [(role, 6), (role, 9)]) {
        let level = Level::new(level).unwrap();
        let config = DeflateConfig::default().threshold(0).level(level);
        let (mut side, _) = match role {
            Role::Server => server_of("permessage-deflate", config, Config::default()),
            Role::Client => client_of("permessage-deflate", config, Config::default()),
        };
        for message in ["Hello", "Hello", ""] {
            side.send(Message::text(message));
        }
        let said = side.says_frames();
        let expected = [(0xC1, HELLO), (0xC1, HELLO_AGAIN), (0xC1, b"\x00")];
        let expected = expected.map(|(first, payload)| (first, payload.to_vec()));
        assert_eq!(said, expected, "{role:?} {level:?}");
    }
}
