//! Messages handed over in pieces as they arrive (`Delivery::Fragments`).

use squall_proto::{
    Config, Delivery, Event, Fragment, Machine, Message, MessageKind, ProtocolError, Role,
};

use crate::conversation::*;

fn client() -> Conversation {
    Conversation::new(Role::Client, Config::default().delivery(Delivery::Fragments))
}

fn piece(text: &str) -> Event {
    Event::Fragment(Fragment::more(text))
}

fn last(text: &str) -> Event {
    Event::Fragment(Fragment::last(text))
}

/// The message that the fragments among `events` are, each of the same kind and the last one final.
fn joined(events: &[Event]) -> (MessageKind, Vec<u8>) {
    let mut kinds = Vec::new();
    let mut payload = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Event::Fragment(fragment) = event else { panic!("a fragment, not {event:?}") };
        assert_eq!(fragment.is_final, index + 1 == events.len());
        assert!(fragment.is_final || !fragment.payload.is_empty(), "no empty piece but the last");
        kinds.push(fragment.payload.kind());
        payload.extend_from_slice(fragment.payload.as_bytes());
    }
    kinds.dedup();
    assert_eq!(kinds.len(), 1);
    (kinds[0], payload)
}

#[test]
fn pieces_come_as_they_arrive_not_as_they_were_framed() {
    let mut client = client();
    assert_eq!(client.hears(b"\x81\x0Aab"), [piece("ab")]);
    assert_eq!(client.hears(b"cde"), [piece("cde")]);
    assert_eq!(client.hears(b"fghij"), [last("fghij")]);
    assert_eq!(client.hears(b"\x01\x02ab\0\x02cd\x80\x01e"), [piece("ab"), piece("cd"), last("e")]);
    assert_eq!(client.hears(b"\x81\x05Hello"), [last("Hello")]);
    assert_eq!(client.hears(b"\x81\0"), [last("")]);
    assert_eq!(client.hears(b"\x01\x01a\x80\0"), [piece("a"), last("")]);
}

/// UT02: a code point cut by the network waits for its rest, in the same frame and in the next.
#[test]
fn a_piece_of_text_is_text() {
    let mut client = client();
    assert_eq!(client.hears(b"\x01\x04ab\xF0\x9F"), [piece("ab")]);
    assert_eq!(client.hears(b"\x00\x01\x98"), []);
    assert_eq!(client.hears(b"\x80\x02"), []);
    assert_eq!(client.hears(b"\x80"), [piece("😀")]);
    assert_eq!(client.hears(b"z"), [last("z")]);
}

/// UT01, UT05: pieces before the impossible byte were delivered, none after.
#[test]
fn text_that_becomes_invalid_ends_the_pieces() {
    let mut client = client();
    assert_eq!(
        client.hears(b"\x01\x03ab\xC3\x80\x01("),
        [piece("ab"), violation(ProtocolError::InvalidUtf8)]
    );
    let mut client = self::client();
    assert_eq!(
        client.hears(b"\x01\x03ab\xC3\x80\0"),
        [piece("ab"), violation(ProtocolError::InvalidUtf8)]
    );
}

/// FG02, UT02, FR12: under every two cuts the pieces are the message, and each is text.
#[test]
fn the_pieces_are_the_message_under_every_two_cuts() {
    let whole = "aé€😀, b";
    let bytes = [
        frame_to(Role::Server, 0x01, &whole.as_bytes()[..5]),
        frame_to(Role::Server, 0x89, "p"),
        frame_to(Role::Server, 0x00, ""),
        frame_to(Role::Server, 0x80, &whole.as_bytes()[5..]),
    ]
    .concat();
    let config = Config::default().delivery(Delivery::Fragments);
    for a in 0..=bytes.len() {
        for b in a..=bytes.len() {
            let pieces = [&bytes[..a], &bytes[a..b], &bytes[b..]];
            let mut heard = hears_pieces(Role::Server, &config, &pieces);
            heard.events.retain(|event| *event != ping(b"p"));
            assert_eq!(joined(&heard.events), (MessageKind::Text, whole.as_bytes().to_vec()));
            assert_eq!(heard.answer, b"\x8A\x01p");
        }
    }
}

/// Bytewise, every code point of every length.
#[test]
fn bytewise_pieces_are_whole_characters() {
    let whole = "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}";
    let mut client = client();
    let frame = frame_to(Role::Client, 0x81, whole);
    let events: Vec<Event> = frame.iter().flat_map(|byte| client.hears([*byte])).collect();
    assert_eq!(events.len(), whole.chars().count());
    assert_eq!(joined(&events).1, whole.as_bytes());
}

/// The way of delivery may change at any time and counts from the next message on.
#[test]
fn a_change_of_delivery_waits_for_the_next_message() {
    let mut client = client();
    assert_eq!(client.hears(b"\x01\x01a"), [piece("a")]);
    client.connection.set_delivery(Delivery::Messages);
    assert_eq!(client.hears(b"\0\x02bc"), [piece("bc")]);
    assert_eq!(client.hears(b"\x80\x01d\x81\x02e"), [last("d")]);
    client.connection.set_delivery(Delivery::Fragments);
    assert_eq!(client.hears(b"f"), [text("ef")]);
    assert_eq!(client.hears(b"\x81\x02g"), [piece("g")]);
}

/// The hint for a large frame is what it lacks, up to 64 KiB.
#[test]
fn the_read_hint_of_pieces_is_bounded() {
    let mut client = client();
    assert_eq!(client.hears(b"\x82\x7F\0\0\0\0\0\x10\0\0"), []);
    for _ in 0..16 {
        assert_eq!(client.connection.read_hint(), 64 << 10);
        assert_eq!(client.hears(vec![0; 64 << 10]).len(), 1);
    }
    assert_eq!(client.connection.read_hint(), 0);
}

/// Pieces are counted as bytes when they come and as a message when it ends.
#[test]
fn pieces_are_counted() {
    let mut client = client();
    let _ = client.hears(b"\x82\x04ab");
    let stats = client.connection.stats();
    assert_eq!((stats.messages_received, stats.bytes_received), (0, 2));
    assert_eq!(client.hears(b"cd"), [Event::Fragment(Fragment::last(Message::binary("cd")))]);
    let stats = client.connection.stats();
    assert_eq!((stats.messages_received, stats.bytes_received), (1, 4));
}
