//! Text is UTF-8, judged as it arrives (RFC 6455 §5.6, §8.1). The strings are those of Autobahn's section 6 and their kin.

use squall_proto::{Config, ProtocolError, Role};

use crate::conversation::*;

const VALID: [&[u8]; 21] = [
    b"",
    b"Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!",
    b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5",
    b"\0",
    b"\x7F",
    b"\xC2\x80",
    b"\xDF\xBF",
    b"\xE0\xA0\x80",
    b"\xED\x9F\xBF",
    b"\xEE\x80\x80",
    b"\xEF\xBF\xBD",
    b"\xEF\xBF\xBE",
    b"\xEF\xBF\xBF",
    b"\xEF\xBB\xBF\xEF\xBB\xBF",
    b"\xF0\x90\x80\x80",
    b"\xF0\x9F\xBF\xBE",
    b"\xF3\xBF\xBF\xBF",
    b"\xF4\x8F\xBF\xBE",
    b"\xF4\x8F\xBF\xBF",
    b"a\xF0\x9F\x98\x80b\xF0\x9F\x98\x80",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\xE2\x82\xAC",
];

/// Each with the count of bytes that are still possible: the next one is not.
const IMPOSSIBLE: [(&[u8], usize); 26] = [
    (b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80\x65\x64", 12),
    (b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80\x65", 12),
    (b"\xF8\x88\x80\x80\x80", 0),
    (b"\xFC\x84\x80\x80\x80\x80", 0),
    (b"\xF7\xBF\xBF\xBF", 0),
    (b"\xF5\x80\x80\x80", 0),
    (b"\x80", 0),
    (b"\xBF", 0),
    (b"\x80\xBF\x80\xBF", 0),
    (b"ok\xFE", 2),
    (b"ok\xFF", 2),
    (b"\xC0\xAF", 0),
    (b"\xC1\xBF", 0),
    (b"\xE0\x80\xAF", 1),
    (b"\xE0\x9F\xBF", 1),
    (b"\xF0\x80\x80\xAF", 1),
    (b"\xF0\x8F\xBF\xBF", 1),
    (b"\xED\xA0\x80", 1),
    (b"\xED\xAD\xBF", 1),
    (b"\xED\xBF\xBF", 1),
    (b"\xED\xA0\x80\xED\xB0\x80", 1),
    (b"\xF4\x90\x80\x80", 1),
    (b"\xC3(", 1),
    (b"\xE2\x82(", 2),
    (b"\xF0\x9F\x98(", 3),
    (b"\xF0\x9F \x80", 2),
];

/// Ends inside a code point.
const INCOMPLETE: [&[u8]; 9] = [
    b"\xC2",
    b"\xE0\xA0",
    b"\xE2",
    b"\xED\x9F",
    b"\xF0",
    b"\xF0\x9F",
    b"\xF0\x9F\x98",
    b"ab\xF4\x8F\xBF",
    b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE",
];

/// The text in one frame, and in two or three frames cut at every byte.
fn framings(text: &[u8]) -> Vec<Vec<u8>> {
    let frame = |first, part: &[u8]| frame_to(Role::Client, first, part);
    let mut framings = vec![frame(0x81, text)];
    for cut in 0..=text.len() {
        let (head, tail) = text.split_at(cut);
        framings.push([frame(0x01, head), frame(0x80, tail)].concat());
        framings.push([frame(0x01, head), frame(0x00, b""), frame(0x80, tail)].concat());
    }
    framings
}

/// UT01, UT02, FR12.
#[test]
fn valid_text_arrives_however_it_is_framed_and_cut() {
    for text_ in VALID {
        for bytes in framings(text_) {
            let expected = text(std::str::from_utf8(text_).unwrap());
            assert_eq!(client_hears(bytes), heard([expected], ""));
        }
    }
}

/// UT01, UT02.
#[test]
fn impossible_text_fails_however_it_is_framed_and_cut() {
    for (text, _) in IMPOSSIBLE {
        for bytes in framings(text) {
            failed([], ProtocolError::InvalidUtf8, &client_hears(bytes));
        }
    }
}

/// UT05, UT01: where the last fragment is empty, too.
#[test]
fn text_that_ends_inside_a_code_point_fails_at_its_end() {
    for text in INCOMPLETE {
        for bytes in framings(text) {
            failed([], ProtocolError::InvalidUtf8, &client_hears(bytes));
        }
    }
}

/// UT03: inside an unfinished frame that declares much more.
#[test]
fn text_fails_at_its_first_impossible_byte() {
    for (text, possible) in IMPOSSIBLE {
        for head in [b"\x81\x7E\x10\0".as_slice(), b"\x01\x7E\x10\0"] {
            let mut client = Conversation::new(Role::Client, Config::default());
            assert_eq!(client.hears(head), []);
            for byte in &text[..possible] {
                assert_eq!(client.hears([*byte]), [], "{text:02X?}");
            }
            let events = client.hears([text[possible]]);
            assert_eq!(events, [violation(ProtocolError::InvalidUtf8)], "{text:02X?}");
            assert_farewell(&client.says(), ProtocolError::InvalidUtf8);
        }
    }
}

/// UT03: Autobahn 6.4, the impossible byte in a second frame and in a second chunk.
#[test]
fn text_fails_in_the_fragment_that_makes_it_impossible() {
    let mut client = Conversation::new(Role::Client, Config::default());
    let head = b"\x01\x0C\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4";
    assert_eq!(client.hears(head), []);
    assert_eq!(client.hears(b"\0\x01\x90"), [violation(ProtocolError::InvalidUtf8)]);
}

/// UT01: binary is anything.
#[test]
fn binary_is_never_judged() {
    for (bytes, _) in IMPOSSIBLE {
        let frame = frame_to(Role::Client, 0x82, bytes);
        assert_eq!(client_hears(frame), heard([binary(bytes)], ""));
    }
}

/// UT02: a ping between the two halves of a code point changes nothing.
#[test]
fn control_frames_may_pass_inside_a_code_point() {
    let bytes = b"\x01\x02\xF0\x9F\x89\x02\xFF\xFE\x80\x02\x98\x80";
    assert_eq!(client_hears(bytes).events, [ping(b"\xFF\xFE"), text("😀")]);
}

/// UT01: the verdict on one text is no burden to the next.
#[test]
fn each_message_is_judged_anew() {
    let bytes = b"\x82\x01\xC3\x81\x02\xC3\xA9\x01\x01\xC3\x80\x01\xA9\x81\x01z";
    assert_eq!(client_hears(bytes).events, [binary(b"\xC3"), text("é"), text("é"), text("z")]);
}

/// UT01: short text is looked through eight bytes at a time for others than ASCII, which may stand anywhere and more than once.
#[test]
fn bytes_that_are_not_ascii_are_seen_wherever_they_stand() {
    let fails = |text: &[u8]| {
        failed([], ProtocolError::InvalidUtf8, &client_hears(frame_to(Role::Client, 0x81, text)));
    };
    for second in 0..24 {
        fails(&vec![0x80; second + 1]);
        for first in 0..=second {
            let mut text = [b'a'; 24];
            (text[first], text[second]) = (0x80, 0x80);
            fails(&text);
        }
    }
}
