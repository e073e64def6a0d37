//! Compressed messages among frames (RFC 7692 §6).

use std::sync::Arc;

use bytes::BytesMut;
use squall_proto::{
    Closed, Config, Connection, EntropyError, Event, Fragment, Message, ProtocolError, SendError,
    deflate::DeflateConfig,
};

use crate::peer::*;

fn ping() -> Event {
    Event::Ping(b"p".as_slice().try_into().unwrap())
}

/// PD03: the fragments of §7.2.3.1 with a ping between them, which does not end the compression.
#[test]
fn control_frames_pass_between_compressed_fragments() {
    for role in ROLES {
        let frames = [
            frame_to(role, 0x41, &HELLO[..3]),
            frame_to(role, 0x89, b"p"),
            frame_to(role, 0x00, b""),
            frame_to(role, 0x00, &HELLO[3..5]),
            frame_to(role, 0x89, b"p"),
            frame_to(role, 0x80, &HELLO[5..]),
            frame_to(role, 0xC1, HELLO_AGAIN),
        ];
        let mut side = plain(role);
        let expected = [ping(), ping(), text("Hello"), text("Hello")];
        assert_eq!(side.hears(frames.concat()), expected, "{role:?}");
    }
}

/// PD03: every cut of the payload into two and three frames.
#[test]
fn fragments_may_be_cut_anywhere() {
    for role in ROLES {
        for first in 0..=HELLO.len() {
            for second in first..=HELLO.len() {
                let mut side = plain(role);
                let mut frames = frame_to(role, 0x41, &HELLO[..first]);
                frames.extend(frame_to(role, 0x00, &HELLO[first..second]));
                frames.extend(frame_to(role, 0x80, &HELLO[second..]));
                assert_eq!(side.hears(frames), [text("Hello")], "{first} {second}");
            }
        }
    }
}

/// PD01: on control frames and on continuation frames.
#[test]
fn the_mark_of_compression_anywhere_but_on_a_first_frame_is_a_violation() {
    for role in ROLES {
        for first in [0xC8, 0xC9, 0xCA] {
            let events = plain(role).hears_frame(first, b"");
            assert_eq!(events, [violation(ProtocolError::ReservedBits)], "{first:X}");
        }
        for (head, continuation) in [(0x41, 0xC0), (0x41, 0x40), (0x01, 0xC0), (0x02, 0x40)] {
            let mut side = plain(role);
            assert_eq!(side.hears_frame(head, b""), []);
            let events = side.hears_frame(continuation, HELLO);
            assert_eq!(events, [violation(ProtocolError::ReservedBits)], "{continuation:X}");
            assert_eq!(side.says_frames()[0].1[..2], 1002_u16.to_be_bytes());
        }
    }
}

/// PD01: RSV2 and RSV3 mean nothing with permessage-deflate either.
#[test]
fn the_other_reserved_bits_stay_reserved() {
    for role in ROLES {
        for first in [0xA1, 0x91, 0xE1, 0xD1, 0xF1] {
            let events = plain(role).hears_frame(first, HELLO);
            assert_eq!(events, [violation(ProtocolError::ReservedBits)], "{first:X}");
        }
    }
}

/// EX02, PD01: nothing was negotiated.
#[test]
fn a_compressed_message_without_the_extension_is_a_violation() {
    let now = plain(squall_proto::Role::Server).now;
    let connection = Connection::server(Arc::new(Config::default()), now);
    let mut side = Side { connection, input: BytesMut::new(), now };
    assert_eq!(side.hears_frame(0xC1, HELLO), [violation(ProtocolError::ReservedBits)]);
}

/// PD01, PD02: RSV1 stands on the first frame only, whether the message is cut by size or by the application, and what
/// passes between is not compressed.
#[test]
fn our_fragments_carry_the_mark_once() {
    for role in ROLES {
        let config = Config::default().outgoing_frame_size(100.try_into().unwrap());
        let mut side = agreed(role, "", config);
        let noise: Vec<u8> = (0..1000_u32).map(|i| ((i * i * 31) >> 5) as u8).collect();
        side.send(noise.clone());
        let now = side.now;
        let more = Fragment::more(Message::from(noise.clone()));
        side.connection.send_fragment(now, more).unwrap();
        side.connection.ping(now, b"p".as_slice().try_into().unwrap()).unwrap();
        side.connection.send_fragment(now, Fragment::last(Message::binary(""))).unwrap();
        let said = side.says_frames();
        let marked = said.iter().filter(|(first, _)| *first == 0x42).count();
        assert_eq!(marked, 2, "{role:?}");
        assert!(said.iter().all(|(first, _)| [0x42, 0x00, 0x80, 0x89].contains(first)));
        assert!(said.contains(&(0x89, b"p".to_vec())));
        // The other side reads both.
        let other = if role == squall_proto::Role::Server { ROLES[1] } else { ROLES[0] };
        let mut reader = plain(other);
        let mut heard = Vec::new();
        for (first, payload) in said {
            heard.extend(reader.hears_frame(first, payload));
        }
        heard.retain(|event| matches!(event, Event::Message(_)));
        assert_eq!(heard, [binary(&noise), binary(&noise)]);
    }
}

/// MK05: the compressor has moved on and the peer's inflater has not, so what follows could not be read.
#[test]
fn a_message_that_is_compressed_and_has_no_key_ends_the_connection() {
    let config = DeflateConfig::default().threshold(0);
    let (mut client, _) = client_with_keys(1, "permessage-deflate", config, Config::default());
    client.send("Hello");
    assert_eq!(client.says_frames(), [(0xC1, HELLO.to_vec())]);
    let sent = client.connection.send(client.now, "Hello".into());
    assert_eq!(sent, Err(SendError::Entropy(EntropyError::new())));
    assert_eq!(client.hears(""), [Event::Closed(Closed::Entropy(EntropyError::new()))]);
    assert_eq!(client.says(), b"");
}

/// MK06: the key goes on where the inflater stopped, wherever the network cuts.
#[test]
fn a_message_that_is_masked_and_compressed_is_read_under_every_cut() {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let masked = HELLO.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    let frame: Vec<u8> = [0xC1, 0x87].into_iter().chain(key).chain(masked).collect();
    for first in 0..=frame.len() {
        for second in first..=frame.len() {
            let mut server = plain(squall_proto::Role::Server);
            let mut events = server.hears(&frame[..first]);
            events.extend(server.hears(&frame[first..second]));
            events.extend(server.hears(&frame[second..]));
            assert_eq!(events, [text("Hello")], "{first} {second}");
        }
    }
}

/// PD01: a first piece without a byte starts the message all the same.
#[test]
fn an_empty_piece_of_a_compressed_message_is_an_empty_frame() {
    let mut server = plain(squall_proto::Role::Server);
    for fragment in [Fragment::more(""), Fragment::more("Hello"), Fragment::last("")] {
        server.connection.send_fragment(server.now, fragment).unwrap();
    }
    let said = server.says_frames();
    let firsts: Vec<u8> = said.iter().map(|(first, _)| *first).collect();
    assert_eq!((firsts, &said[0].1), (vec![0x41, 0x00, 0x80], &vec![]));
    let mut client = plain(squall_proto::Role::Client);
    let heard: Vec<_> =
        said.into_iter().flat_map(|(first, payload)| client.hears_frame(first, payload)).collect();
    assert_eq!(heard, [text("Hello")]);
}
