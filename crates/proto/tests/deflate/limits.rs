//! The limit counts what was inflated (RFC 7692 §8), to the byte.

use std::slice::from_ref;

use squall_proto::{Config, Delivery, Event, Message, ProtocolError, Role};

use crate::peer::*;

/// Streams of `size` bytes of plaintext, in stored blocks and well compressed.
fn streams(size: usize) -> [Vec<u8>; 2] {
    let plaintext = vec![b'x'; size];
    let blocks: Vec<u8> = plaintext.chunks(1000).flat_map(stored).collect();
    let mut sender = plain(Role::Server);
    sender.send(plaintext);
    let compressed = sender.says_frames().into_iter().flat_map(|(_, payload)| payload).collect();
    [[blocks, vec![0]].concat(), compressed]
}

/// PD09: at the limit, and one byte beyond it, at once, bytewise, and in frames of seven bytes.
#[test]
fn a_message_may_be_as_large_as_the_limit_and_no_byte_larger() {
    const LIMIT: usize = 10_000;
    let config = Config::default().max_message_size(LIMIT);
    for (role, size) in
        [(Role::Server, LIMIT), (Role::Client, LIMIT + 1), (Role::Server, LIMIT + 1)]
    {
        let expected = if size > LIMIT {
            violation(ProtocolError::MessageTooBig)
        } else {
            binary(vec![b'x'; size])
        };
        for stream in streams(size) {
            let frame = frame_to(role, 0xC2, &stream);
            assert_eq!(agreed(role, "", config.clone()).hears(&frame), from_ref(&expected));
            let mut side = agreed(role, "", config.clone());
            let bytewise: Vec<_> = frame.iter().flat_map(|byte| side.hears([*byte])).collect();
            assert_eq!(bytewise, from_ref(&expected));
            let mut side = agreed(role, "", config.clone());
            let mut events = side.hears_frame(0x42, b"");
            for piece in stream.chunks(7) {
                events.extend(side.hears_frame(0x00, piece));
            }
            events.extend(side.hears_frame(0x80, b""));
            assert_eq!(events, from_ref(&expected));
        }
    }
}

/// PD09: 1009 is what the peer is told.
#[test]
fn a_message_too_large_is_answered_with_1009() {
    let config = Config::default().max_message_size(100);
    let mut side = agreed(Role::Server, "", config);
    let [_, compressed] = streams(101);
    assert!(compressed.len() < 20, "the frame itself is far below the limit");
    side.hears_frame(0xC2, compressed);
    assert_eq!(side.says_frames()[0].1[..2], 1009_u16.to_be_bytes());
}

/// PD09: the limit holds for a message that is handed out in pieces too, and every byte below it is.
#[test]
fn pieces_together_may_be_as_large_as_the_limit() {
    const LIMIT: usize = 200_000;
    for extra in [0, 1] {
        let config = Config::default().max_message_size(LIMIT).delivery(Delivery::Fragments);
        let mut side = agreed(Role::Client, "", config);
        let [_, compressed] = streams(LIMIT + extra);
        let mut pieces = Vec::new();
        let mut ends = Vec::new();
        for event in side.hears_frame(0xC2, compressed) {
            match event {
                Event::Fragment(fragment) => {
                    assert!(fragment.payload.len() <= 64 << 10);
                    pieces.extend_from_slice(fragment.payload.as_bytes());
                    ends.push(fragment.is_final);
                }
                event => assert_eq!((event, extra), (violation(ProtocolError::MessageTooBig), 1)),
            }
        }
        assert_eq!(pieces, vec![b'x'; LIMIT], "{extra}");
        assert_eq!(ends.last() == Some(&true), extra == 0);
    }
}

/// UT06: code points that straddle pieces of 64 KiB arrive whole.
#[test]
fn pieces_of_text_are_text() {
    let told = "€😀é".repeat(30_000);
    for role in ROLES {
        let mut sender = plain(role);
        sender.send(Message::from(told.as_str()));
        let other = if role == Role::Server { Role::Client } else { Role::Server };
        let config = Config::default().delivery(Delivery::Fragments);
        let mut reader = agreed(other, "", config);
        let mut heard = String::new();
        for (first, payload) in sender.says_frames() {
            for event in reader.hears_frame(first, payload) {
                let Event::Fragment(fragment) = event else { panic!("{event:?}") };
                heard.push_str(fragment.payload.as_text().unwrap());
            }
        }
        assert!(heard == told);
    }
}

/// The limit may be nothing at all.
#[test]
fn with_a_limit_of_nothing_only_empty_messages_pass() {
    let config = Config::default().max_message_size(0);
    let mut side = agreed(Role::Server, "", config);
    assert_eq!(side.hears_frame(0xC2, b"\x00"), [binary(b"")]);
    let too_big = [violation(ProtocolError::MessageTooBig)];
    assert_eq!(side.hears_frame(0xC2, HELLO), too_big);
}

/// PD09: what does not compress is a little longer on the wire, so its frames may declare so much more than the limit.
#[test]
fn compressed_frames_may_declare_a_little_more_than_the_limit() {
    let config = Config::default().max_message_size(6400);
    let mut client = agreed(Role::Client, "", config.clone());
    assert_eq!(client.hears(b"\xC2\x7E\x19\xA4"), [], "6400 + 6400 / 64 + 64 bytes");
    let mut client = agreed(Role::Client, "", config);
    assert_eq!(client.hears(b"\xC2\x7E\x19\xA5"), [violation(ProtocolError::MessageTooBig)]);
}
