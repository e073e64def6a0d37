//! Headers that are lists, as a server and a client read them (RFC 6455 §9.1, RFC 9110 §5.6).

use squall_proto::handshake::{ClientEvent, HandshakeError, ServerEvent};

use crate::talk::{
    answer_with, client_failure, judged, request_with, sample_request, server, server_within,
};

/// Whether a server takes this value for a list of extensions.
fn is_list(value: &str) -> bool {
    let events = server().hears(request_with(&format!("Sec-WebSocket-Extensions: {value}")));
    match events.as_slice() {
        [ServerEvent::Request(_)] => true,
        [ServerEvent::Failed(HandshakeError::MalformedExtensions)] => false,
        other => panic!("{value}: {other:?}"),
    }
}

/// EX01.
#[test]
fn a_list_of_extensions_is_tokens_with_parameters() {
    for value in [
        "a",
        "a, b",
        "a,b",
        ",, a ,\t, b,",
        "a; b",
        "a;b=c",
        "a ; b = c ; d",
        "a; b=\"c\"",
        "a; b=\"\\c\\d\"; e",
        "a; b; b",
        "constructor, __proto__; toString=1",
        "permessage-deflate; client_max_window_bits, permessage-deflate",
        "!#$%&'*+-.^_`|~0aZ",
    ] {
        assert!(is_list(value), "{value}");
    }
    for value in [
        "",
        " ",
        ",",
        "a b",
        "a;",
        "a;,b",
        "a; =b",
        "a; b=",
        "a; b==c",
        "a; b=c d",
        "a; b=\"",
        "a; b=\"\"",
        "a; b=\"c",
        "a; b=\"c d\"",
        "a; b=\"c,d\"",
        "a; b=\"c\\",
        "a; b=\"\\\"\"",
        "a; b=\"c\"d",
        "a; \"b\"",
        "\"a\"",
        "a=b",
        ";",
        "a/b",
        "\u{e4}",
    ] {
        assert!(!is_list(value), "{value}");
    }
}

/// EX01: split over lines.
#[test]
fn a_list_may_be_split_over_headers_between_its_elements() {
    assert!(is_list("a; b\r\nSec-WebSocket-Extensions: c"));
    assert!(!is_list("a;\r\nSec-WebSocket-Extensions: b"));
    assert!(!is_list("a\r\nSec-WebSocket-Extensions:"));
}

/// HC25, EX01.
#[test]
fn a_client_fails_on_a_malformed_list_of_extensions() {
    for value in ["", "a;", "a b", "permessage-deflate; =1", "a; b=\"c"] {
        let answer = answer_with(&format!("Sec-WebSocket-Extensions: {value}"));
        let failure = client_failure(sample_request(), answer);
        assert!(matches!(failure, HandshakeError::MalformedExtensions), "{value}: {failure:?}");
    }
}

/// HC21, HC26.
#[test]
fn a_client_fails_on_an_extension_that_it_did_not_offer() {
    for value in ["a", "permessage-deflate", "a\r\nSec-WebSocket-Extensions: b"] {
        let answer = answer_with(&format!("Sec-WebSocket-Extensions: {value}"));
        let failure = client_failure(sample_request(), answer);
        assert!(matches!(failure, HandshakeError::UnofferedExtension), "{value}: {failure:?}");
    }
}

/// CVE-2026-55517: the client's side of every byte.
#[test]
fn no_byte_of_an_answer_does_harm() {
    for line in
        ["Sec-WebSocket-Protocol: ?", "Sec-WebSocket-Extensions: ?", "Connection: ?", "X: ?"]
    {
        for byte in 0..=u8::MAX {
            let mut bytes = answer_with(line).into_bytes();
            let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
            bytes[at] = byte;
            let event = judged(sample_request(), &bytes);
            let is_harmless = matches!(event, ClientEvent::Established(_));
            let has_no_meaning = line.starts_with(['X', 'C']) && (byte >= b' ' || byte == b'\t');
            // What is empty, or white as a line break is, says nothing.
            assert_eq!(is_harmless, has_no_meaning && byte != 127, "{byte} in {line}: {event:?}");
        }
    }
}

/// CVE-2020-7662, CVE-2021-32640: what broke parsers that look twice. A hundred times as much of it takes no time to speak of.
#[test]
fn a_long_list_is_read_in_one_pass() {
    let limits =
        squall_proto::HandshakeConfig::default().max_head_size(2 << 20).max_line_size(1 << 20);
    for value in [
        format!("b{}x", " ".repeat(500_000)),
        format!("b; c=\"{}", "\\".repeat(500_000)),
        format!("b; c=\"{}", "\\a".repeat(250_000)),
        ",".repeat(500_000),
        ", ".repeat(250_000),
        "a;a=a,".repeat(80_000) + "\"",
    ] {
        let mut server = server_within(&limits);
        let events = server.hears(request_with(&format!("Sec-WebSocket-Extensions: {value}")));
        assert!(matches!(
            events.as_slice(),
            [ServerEvent::Failed(HandshakeError::MalformedExtensions)]
        ));
    }
}
