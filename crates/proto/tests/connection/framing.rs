//! Frames on the wire (RFC 6455 §5.2, §6).

use squall_proto::{Config, Event, ProtocolError, Role};

use crate::conversation::*;

/// FR05, FR08, FR12, MK06: RFC 6455 §5.7, the masked "Hello".
#[test]
fn the_masked_hello_of_the_rfc_is_a_message() {
    let bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(server_hears(bytes), heard([text("Hello")], ""));
}

/// FR05, FR08, FR12: RFC 6455 §5.7, the unmasked "Hello".
#[test]
fn the_unmasked_hello_of_the_rfc_is_a_message() {
    assert_eq!(client_hears(b"\x81\x05Hello"), heard([text("Hello")], ""));
}

/// FR05: RFC 6455 §5.7, 256 bytes and 64 KiB of binary.
#[test]
fn lengths_of_two_and_of_eight_bytes_are_big_endian() {
    let short = vec![0xA5; 256];
    let frame = [b"\x82\x7E\x01\x00".as_slice(), &short].concat();
    assert_eq!(client_hears(frame), heard([binary(short)], ""));
    let long = vec![0x5A; 65536];
    let frame = [b"\x82\x7F\0\0\0\0\0\x01\0\0".as_slice(), &long].concat();
    assert_eq!(client_hears(frame), heard([binary(long)], ""));
}

/// FR05: every length around every boundary of the three forms and of the library's own buffers.
#[test]
fn payloads_of_every_length_around_every_boundary_arrive() {
    let boundaries = [0, 125, 126, 4096, 65535, 65536, 131_072];
    for length in boundaries.into_iter().flat_map(|b: usize| b.saturating_sub(2)..b + 3) {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        for role in [Role::Server, Role::Client] {
            let frames = [
                frame_to(role, 0x82, &payload),
                frame_to(role, 0x02, &payload),
                frame_to(role, 0x80, &payload),
                frame_to(role, 0x81, "after"),
            ];
            let heard = hears_pieces(role, &Config::default(), &[&frames.concat()]);
            let twice = payload.repeat(2);
            assert_eq!(heard.events, [binary(&payload), binary(twice), text("after")], "{length}");
        }
    }
}

/// FR11, FG05.
#[test]
fn empty_frames_and_messages_are_valid() {
    let bytes = b"\x81\0\x82\0\x01\0\0\0\x80\0\x89\0";
    let events = [text(""), binary(b""), text(""), ping(b"")];
    assert_eq!(client_hears(bytes), heard(events, b"\x8A\x80\0\0\0\0"));
}

/// FR01, FR09: no extension is negotiated, so no reserved bit has a meaning.
#[test]
fn each_reserved_bit_on_each_opcode_fails_the_connection() {
    for rsv in (0x10..=0x70).step_by(0x10) {
        for opcode in [0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x01, 0x02] {
            for role in [Role::Server, Role::Client] {
                let bytes = frame_to(role, opcode | rsv, "");
                let heard = hears(role, &Config::default(), &bytes);
                failed([], ProtocolError::ReservedBits, &heard);
            }
        }
    }
}

/// FR02, CL04, CL15.
#[test]
fn each_reserved_opcode_fails_the_connection_and_nothing_after_it_is_read() {
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        let bytes = [b"\x81\x02ok", [0x80 | opcode, 0].as_slice(), b"\x81\x02no\x88\x00"].concat();
        failed([text("ok")], ProtocolError::ReservedOpcode(opcode), &client_hears(bytes));
    }
}

/// FR03, FR10; CVE-2020-13935, CVE-2020-27813, CVE-2026-1528, CVE-2026-27889.
#[test]
fn a_length_with_its_most_significant_bit_fails_the_connection_at_once() {
    for head in [b"\x82\x7F\x80\0\0\0\0\0\0\0", b"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xF0"] {
        failed([], ProtocolError::LengthOverflow, &client_hears(head));
    }
    let head = b"\x82\xFF\x80\0\0\0\0\0\0\0";
    failed([], ProtocolError::LengthOverflow, &server_hears(head));
}

/// FR04.
#[test]
fn a_length_longer_than_it_has_to_be_fails_the_connection() {
    let heads: [&[u8]; 5] = [
        b"\x82\x7E\0\0",
        b"\x82\x7E\0\x7D",
        b"\x82\x7F\0\0\0\0\0\0\0\0",
        b"\x82\x7F\0\0\0\0\0\0\0\x7E",
        b"\x82\x7F\0\0\0\0\0\0\xFF\xFF",
    ];
    for head in heads {
        failed([], ProtocolError::NonMinimalLength, &client_hears(head));
    }
}

/// FR04, FR07, MK03: what is sent has the shortest length, at every boundary.
#[test]
fn lengths_are_sent_in_their_shortest_form() {
    let heads: [(usize, &[u8]); 6] = [
        (0, b"\x82\0"),
        (125, b"\x82\x7D"),
        (126, b"\x82\x7E\0\x7E"),
        (65535, b"\x82\x7E\xFF\xFF"),
        (65536, b"\x82\x7F\0\0\0\0\0\x01\0\0"),
        (1 << 20, b"\x82\x7F\0\0\0\0\0\x10\0\0"),
    ];
    for (length, head) in heads {
        let mut server = Conversation::new(Role::Server, Config::default());
        server.send(vec![7; length]);
        assert_eq!(server.says(), [head, &vec![7; length]].concat());
    }
}

/// FR08: each message has the type of its own first frame.
#[test]
fn messages_keep_their_order_and_their_type() {
    let bytes = b"\x81\x01a\x82\x01b\x01\x01c\x80\x01d\x02\x01e\x80\x01f";
    let events = [text("a"), binary("b"), text("cd"), binary("ef")];
    assert_eq!(client_hears(bytes), heard(events, ""));
}

/// The first bytes of a stream decide as soon as they can.
#[test]
fn a_violation_in_the_first_byte_needs_no_second() {
    for (first, error) in [
        (0x83, ProtocolError::ReservedOpcode(3)),
        (0x09, ProtocolError::FragmentedControl),
        (0x91, ProtocolError::ReservedBits),
    ] {
        failed([], error, &client_hears([first]));
    }
}

/// FR06, CL04: after the end nothing is delivered, whatever arrives.
#[test]
fn a_closed_connection_is_deaf() {
    let mut client = Conversation::new(Role::Client, Config::default());
    assert_eq!(client.hears(b"\x83\x00"), [violation(ProtocolError::ReservedOpcode(3))]);
    assert_eq!(client.hears(b"\x81\x02no\x88\0"), Vec::<Event>::new());
    assert!(client.input.is_empty(), "what nobody reads is not kept");
    assert_eq!(client.hears_eof(), []);
}
