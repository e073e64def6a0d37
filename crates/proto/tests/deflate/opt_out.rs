//! Messages that are not compressed on a connection that compresses, and what is counted of both.

use squall_proto::{
    Fragment, Message, Role, Stats,
    deflate::{DeflateConfig, Level},
};

use crate::peer::*;

/// PD07, PD05: sent on request, and the context goes on as if they were not there.
#[test]
fn an_uncompressed_message_leaves_the_context_alone() {
    let config = DeflateConfig::default().threshold(0).level(Level::BALANCED);
    let (mut server, _) = server_of("permessage-deflate", config, Default::default());
    let now = server.now;
    server.send(Message::text("Hello"));
    server.connection.send_uncompressed(now, Message::text("secret")).unwrap();
    server
        .connection
        .send_fragment_uncompressed(now, Fragment::more(Message::text("sec")))
        .unwrap();
    // The first piece has decided.
    server.connection.send_fragment(now, Fragment::last(Message::text("ret"))).unwrap();
    server.send(Message::text("Hello"));
    let said = server.says_frames();
    let expected: [(u8, &[u8]); 5] =
        [(0xC1, HELLO), (0x81, b"secret"), (0x01, b"sec"), (0x80, b"ret"), (0xC1, HELLO_AGAIN)];
    assert_eq!(said, expected.map(|(first, payload)| (first, payload.to_vec())));
}

/// PD07: received between compressed ones, whole and in fragments.
#[test]
fn uncompressed_messages_are_heard_between_compressed_ones() {
    for role in ROLES {
        let mut side = plain(role);
        let frames = [
            frame_to(role, 0xC1, HELLO),
            frame_to(role, 0x81, b"plain"),
            frame_to(role, 0x01, b"pla"),
            frame_to(role, 0x80, b"in"),
            frame_to(role, 0xC1, HELLO_AGAIN),
        ];
        let expected = [text("Hello"), text("plain"), text("plain"), text("Hello")];
        assert_eq!(side.hears(frames.concat()), expected);
    }
}

/// A first piece that opts in decides for the rest, whatever the later ones ask.
#[test]
fn a_message_begun_compressed_goes_on_compressed() {
    let (mut server, _) =
        server_of("permessage-deflate", DeflateConfig::default(), Default::default());
    let now = server.now;
    server.connection.send_fragment(now, Fragment::more(Message::text("Hel"))).unwrap();
    server.connection.send_fragment_uncompressed(now, Fragment::last(Message::text("lo"))).unwrap();
    let said = server.says_frames();
    assert_eq!((said[0].0, said[1].0), (0x41, 0x80));
    let mut client = plain(Role::Client);
    assert_eq!(client.hears_frame(said[0].0, &said[0].1), []);
    assert_eq!(client.hears_frame(said[1].0, &said[1].1), [text("Hello")]);
}

/// PD07: messages below the threshold are not worth it.
#[test]
fn the_threshold_is_the_smallest_message_that_is_compressed() {
    let config = DeflateConfig::default().threshold(10);
    let (mut server, _) = server_of("permessage-deflate", config, Default::default());
    server.send(Message::text("123456789"));
    server.send(Message::text("1234567890"));
    server.send(Message::text(""));
    let firsts: Vec<u8> = server.says_frames().iter().map(|(first, _)| *first).collect();
    assert_eq!(firsts, [0x81, 0xC1, 0x81]);
}

#[test]
fn stats_count_bytes_before_and_after() {
    let [mut server, mut client] = pair(&DeflateConfig::default(), &DeflateConfig::default());
    let told = "squall ".repeat(1000);
    server.send(Message::from(told.as_str()));
    let said = server.says();
    let on_the_wire = (said.len() - 2) as u64;
    assert!(on_the_wire < 120);
    assert_eq!(client.hears(said), [text(&told)]);
    let Stats { bytes_sent, wire_bytes_sent, messages_sent, .. } = server.connection.stats();
    assert_eq!((bytes_sent, wire_bytes_sent, messages_sent), (7000, on_the_wire, 1));
    let Stats { bytes_received, wire_bytes_received, .. } = client.connection.stats();
    assert_eq!((bytes_received, wire_bytes_received), (7000, on_the_wire));
}
