//! Servers that refuse, and how much of what they say is kept (RFC 6455 §4.1, RFC 9112 §6.3).

use squall_proto::{
    HandshakeConfig, Machine,
    handshake::{ClientEvent, HandshakeError, Refusal},
};

use crate::talk::{SECOND, client, client_failure, client_within, sample_request};

const LENGTH: &str =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nabcde";
const CHUNKED: &str = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: a\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 1\r\n\r\n\
     3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nX: y\r\n\r\n";

#[track_caller]
fn refused(events: Vec<ClientEvent>) -> Refusal {
    match events.into_iter().next() {
        Some(ClientEvent::Failed(HandshakeError::Refused(refusal))) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// HC17.
#[test]
fn a_refusal_has_its_status_headers_and_body() {
    let failure = client_failure(sample_request(), LENGTH);
    assert_eq!(failure.to_string(), "server refused the upgrade with 401 Unauthorized");
    let HandshakeError::Refused(refusal) = failure else { panic!() };
    assert_eq!(refusal.status(), 401);
    assert_eq!(refusal.headers()["WWW-Authenticate"], "Basic");
    assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcde"[..], false));
}

/// HC17: redirects are told, not followed.
#[test]
fn a_redirect_is_a_refusal_that_says_where() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: ws://b/\r\nContent-Length: 0\r\n\r\n";
    let refusal = refused(client(sample_request()).hears(answer));
    assert_eq!(
        (refusal.status().as_u16(), &refusal.headers()["Location"]),
        (302, &"ws://b/".parse().unwrap())
    );
}

/// HC17: HTTP/1.0 servers refuse too.
#[test]
fn a_body_is_framed_by_length_by_chunks_or_by_the_end() {
    let refusal = refused(client(sample_request()).hears(CHUNKED));
    assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcde"[..], false));
    for head in [
        "HTTP/1.0 500 No\r\n\r\n",
        "HTTP/1.1 500 No\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: many\r\n\r\n",
    ] {
        let mut client = client(sample_request());
        assert!(client.hears(format!("{head}abcde")).is_empty());
        let refusal = refused(client.hears_eof());
        assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcde"[..], false), "{head}");
    }
}

#[test]
fn a_status_without_content_is_not_waited_on() {
    for status in ["204", "304"] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
        assert!(!refused(client(sample_request()).hears(answer)).is_truncated());
    }
}

#[test]
fn a_refusal_cut_anywhere_is_the_same_refusal() {
    let spoilt = CHUNKED.replace("02\r\n", "z\r\n");
    let headless = CHUNKED.replace("02\r\n", "\r\n");
    let unbroken = CHUNKED.replace("abc\r\n", "abcxx");
    let long = CHUNKED.replace("3;x=y", &format!("3;{}", "x".repeat(2000)));
    for answer in [LENGTH, CHUNKED, &spoilt, &headless, &unbroken, &long] {
        let hear = |pieces: &[&[u8]]| {
            let mut client = client(sample_request());
            let mut events = Vec::new();
            for piece in pieces {
                events.extend(client.hears(piece));
            }
            assert_eq!(events.len(), 1);
            assert!(client.machine.is_finished());
            format!("{events:?}")
        };
        let whole = hear(&[answer.as_bytes()]);
        for cut in 0..answer.len() {
            let (front, back) = answer.as_bytes().split_at(cut);
            assert_eq!(hear(&[front, back]), whole, "{answer} cut at {cut}");
        }
        let single: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
        assert_eq!(hear(&single), whole, "{answer}");
    }
}

#[test]
fn a_garbled_chunk_ends_the_body_where_it_is() {
    for (part, by) in [("02\r\n", "z\r\n"), ("02\r\n", "\r\n"), ("abc\r\n", "abcxx")] {
        let refusal = refused(client(sample_request()).hears(CHUNKED.replace(part, by)));
        assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abc"[..], true), "{by}");
    }
}

#[test]
fn the_end_of_the_stream_leaves_a_refusal_with_what_has_come() {
    for answer in [LENGTH, CHUNKED] {
        let body = answer.find("\r\n\r\n").unwrap() + 4;
        for cut in body..answer.len() {
            let mut client = client(sample_request());
            let mut events = client.hears(&answer[..cut]);
            events.extend(client.hears_eof());
            let refusal = refused(events);
            assert!(b"abcde".starts_with(refusal.body()));
            let ended = answer[..cut].contains("0\r\n");
            assert_eq!(refusal.is_truncated(), !ended || answer == LENGTH, "cut at {cut}");
        }
    }
}

#[test]
fn the_deadline_leaves_a_refusal_with_what_has_come() {
    let mut client = client(sample_request());
    assert!(client.hears("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc").is_empty());
    assert!(client.machine.wants_read());
    let refusal = refused(client.waits(10 * SECOND));
    assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abc"[..], true));
}

/// Without a length or chunks only the end of the stream says that the body is complete.
#[test]
fn a_body_that_ends_with_the_stream_is_truncated_without_that_end() {
    let answer = "HTTP/1.1 500 No\r\n\r\nabcd";
    let mut late = client(sample_request());
    assert!(late.hears(answer).is_empty());
    let refusal = refused(late.waits(10 * SECOND));
    assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcd"[..], true));
    // As much as is kept, and nobody looks for more.
    let mut full = client_within(sample_request(), &HandshakeConfig::default().max_refusal_body(4));
    full.says();
    full.input.extend_from_slice(answer.as_bytes());
    let refusal = refused(full.hears_eof());
    assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcd"[..], true));
}

#[test]
fn no_more_of_a_body_is_kept_than_the_limit() {
    let limits = HandshakeConfig::default().max_refusal_body(4);
    for answer in [
        LENGTH,
        CHUNKED,
        "HTTP/1.1 500 No\r\n\r\nabcde",
        "HTTP/1.1 500 No\r\nContent-Length: 18446744073709551615\r\n\r\nabcde",
        "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabcde",
    ] {
        let mut client = client_within(sample_request(), &limits);
        client.says();
        let refusal = refused(client.hears(answer));
        assert_eq!((&refusal.body()[..], refusal.is_truncated()), (&b"abcd"[..], true), "{answer}");
        assert!(client.input.is_empty(), "what follows is discarded");
        assert!(client.machine.is_finished());
    }
    let limits = HandshakeConfig::default().max_refusal_body(5);
    let mut client = client_within(sample_request(), &limits);
    assert!(!refused(client.hears(LENGTH)).is_truncated());
}

/// CVE-2018-1002105: leftover bytes never reach a frame parser.
#[test]
fn what_follows_a_refusal_is_discarded() {
    let mut client = client(sample_request());
    refused(client.hears(format!("{LENGTH}\u{1}\u{2}frames")));
    assert!(client.input.is_empty());
    assert!(!client.machine.wants_read() && client.machine.is_finished());
}

/// A server may refuse before it has read the request.
#[test]
fn a_refusal_before_the_request_is_a_refusal() {
    let mut client = client_within(sample_request(), &HandshakeConfig::default());
    assert_eq!(refused(client.hears(LENGTH)).status(), 401);
    assert_eq!(client.says(), "", "the request is not wanted any more");
}
