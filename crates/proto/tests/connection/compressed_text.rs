//! Text that arrives compressed is judged after inflation (RFC 6455 §8.1, RFC 7692 §6), and frames obey the same rules.

use std::sync::Arc;

use bytes::BytesMut;
use squall_proto::{
    Config, Delivery, Event, ProtocolError, Role,
    deflate::DeflateConfig,
    handshake::{Accept, UpgradeRequest},
};

use crate::conversation::*;

/// A server that has agreed to permessage-deflate.
fn server(config: Config) -> Conversation {
    let request = http::Request::get("/")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .body(())
        .unwrap();
    let accept = Accept::new().deflate(DeflateConfig::default());
    let acceptance = UpgradeRequest::from_http(request).unwrap().accept(accept).unwrap();
    assert!(acceptance.response().headers().contains_key("Sec-WebSocket-Extensions"));
    let now = beginning();
    let connection = acceptance.into_connection(Arc::new(config), now);
    Conversation { connection, input: BytesMut::new(), now }
}

/// A stored block of `text`, as a whole compressed message.
fn stored(text: &[u8]) -> Vec<u8> {
    let length = text.len() as u16;
    [&[0], length.to_le_bytes().as_slice(), &(!length).to_le_bytes(), text, &[0]].concat()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_to(Role::Server, first, payload)
}

/// The events of `bytes`, the same under every cut.
fn hears_under_every_cut(bytes: &[u8]) -> Vec<Event> {
    let whole = server(Config::default()).hears(bytes);
    for cut in 0..=bytes.len() {
        let mut server = server(Config::default());
        let mut events = server.hears(&bytes[..cut]);
        events.extend(server.hears(&bytes[cut..]));
        assert_eq!(events, whole, "cut at {cut}");
    }
    let mut server = server(Config::default());
    let bytewise: Vec<Event> = bytes.iter().flat_map(|byte| server.hears([*byte])).collect();
    assert_eq!(bytewise, whole);
    whole
}

/// UT06, FR01, FR09: RFC 7692 §7.2.3.1 and §7.2.3.2, and a ping between the fragments.
#[test]
fn compressed_hello_is_text_in_one_frame_and_in_two() {
    let hello = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
    assert_eq!(hears_under_every_cut(&frame(0xC1, hello)), [text("Hello")]);
    let fragments =
        [frame(0x41, &hello[..3]), frame(0x89, b"p"), frame(0x80, &hello[3..])].concat();
    assert_eq!(hears_under_every_cut(&fragments), [ping(b"p"), text("Hello")]);
}

/// UT06, UT05: impossible and incomplete text, whole and in fragments cut at every byte.
#[test]
fn compressed_text_is_judged_after_inflation() {
    for bad in [b"ok\xED\xA0\x80".as_slice(), b"\xC3(", b"\xF0\x9F\x98", b"\xFF"] {
        let payload = stored(bad);
        let mut framings = vec![frame(0xC1, &payload)];
        for cut in 0..=payload.len() {
            let (head, tail) = payload.split_at(cut);
            framings.push([frame(0x41, head), frame(0x80, tail)].concat());
        }
        for bytes in framings {
            let events = hears_under_every_cut(&bytes);
            assert_eq!(events, [violation(ProtocolError::InvalidUtf8)], "{bytes:02X?}");
        }
    }
}

/// UT06: bytes that are not UTF-8 on the wire may well be once inflated, and binary is never judged.
#[test]
fn only_what_comes_out_of_inflation_is_judged() {
    let bytes = [frame(0xC1, &stored("é€😀".as_bytes())), frame(0xC2, &stored(b"\xFF"))].concat();
    assert_eq!(hears_under_every_cut(&bytes), [text("é€😀"), binary(b"\xFF")]);
}

/// FR01, FG02: the bit that marks a compressed message stands on its first frame and nowhere else.
#[test]
fn the_mark_of_compression_anywhere_else_fails_the_connection() {
    let misplaced = [
        frame(0xC9, b""),
        frame(0xCA, b""),
        frame(0xC8, b""),
        [frame(0x41, b"\xF2\x48\xCD"), frame(0xC0, b"\xC9\xC9\x07\x00")].concat(),
    ];
    for bytes in misplaced {
        let events = hears_under_every_cut(&bytes);
        assert_eq!(events, [violation(ProtocolError::ReservedBits)]);
    }
}

/// FR10, UT06: the limit counts what was inflated; in pieces, each piece is text.
#[test]
fn limits_and_pieces_hold_after_inflation() {
    let config = Config::default().max_message_size(5);
    let mut small = server(config.clone());
    assert_eq!(small.hears(frame(0xC1, &stored(b"12345"))), [text("12345")]);
    let too_big = small.hears(frame(0xC1, &stored(b"123456")));
    assert_eq!(too_big, [violation(ProtocolError::MessageTooBig)]);
    let mut pieces = server(Config::default().delivery(Delivery::Fragments));
    let mut whole = String::new();
    for byte in frame(0xC1, &stored("aé€😀".as_bytes())) {
        for event in pieces.hears([byte]) {
            let Event::Fragment(fragment) = event else { panic!("{event:?}") };
            whole.push_str(fragment.payload.as_text().unwrap());
        }
    }
    assert_eq!(whole, "aé€😀");
}

/// UT06: a message that is wrong in two ways fails for the first, wherever the network cuts.
#[test]
fn the_first_of_two_faults_is_the_one_that_is_told() {
    // A stored block of text, then block type 3, which there is none.
    let corrupt = |text: &[u8]| [&stored(text)[..5 + text.len()], b"\x07"].concat();
    let cases = [
        (corrupt(b"ok"), ProtocolError::InvalidDeflate),
        (corrupt(b"ok\xFF"), ProtocolError::InvalidUtf8),
        (corrupt(b"ok\xC3"), ProtocolError::InvalidDeflate),
    ];
    for (payload, error) in cases {
        assert_eq!(hears_under_every_cut(&frame(0xC1, &payload)), [violation(error)]);
    }
    let config = Config::default().max_message_size(5);
    for (text, error) in [
        (b"1234\xFF67".as_slice(), ProtocolError::InvalidUtf8),
        (b"12345\xFF7", ProtocolError::MessageTooBig),
    ] {
        let bytes = frame(0xC1, &stored(text));
        assert_eq!(server(config.clone()).hears(&bytes), [violation(error)]);
        let mut bytewise = server(config.clone());
        let events: Vec<Event> = bytes.iter().flat_map(|byte| bytewise.hears([*byte])).collect();
        assert_eq!(events, [violation(error)]);
    }
}
