//! Which URLs a client connects to, and where that is (RFC 6455 §3).

use squall_proto::{
    HandshakeConfig,
    handshake::{ClientRequest, InvalidUrl},
};

use crate::talk::client_within;

/// HC09, HC10; trap 1 of the tutorial: `http://` is a WebSocket URL too.
#[test]
fn a_url_says_where_to_connect_and_what_to_ask() {
    for (url, host, port, secure, target, host_header) in [
        ("ws://a.example", "a.example", 80, false, "/", "a.example"),
        ("wss://a.example", "a.example", 443, true, "/", "a.example"),
        ("http://a.example/b", "a.example", 80, false, "/b", "a.example"),
        ("https://a.example/b?", "a.example", 443, true, "/b?", "a.example"),
        ("WSS://a.example/", "a.example", 443, true, "/", "a.example"),
        ("hTTp://a.example/", "a.example", 80, false, "/", "a.example"),
        ("ws://a.example:80/", "a.example", 80, false, "/", "a.example"),
        ("ws://a.example:443/", "a.example", 443, false, "/", "a.example:443"),
        ("wss://a.example:80/", "a.example", 80, true, "/", "a.example:80"),
        ("ws://a.example?b=/c", "a.example", 80, false, "/?b=/c", "a.example"),
        ("ws://a.example/%20%23?%41", "a.example", 80, false, "/%20%23?%41", "a.example"),
        ("ws://127.0.0.1:8888/", "127.0.0.1", 8888, false, "/", "127.0.0.1:8888"),
        ("ws://[::1]", "::1", 80, false, "/", "[::1]"),
        ("wss://[2001:db8::1]:8443/", "2001:db8::1", 8443, true, "/", "[2001:db8::1]:8443"),
        ("ws://me@[::1]:81/", "::1", 81, false, "/", "[::1]:81"),
    ] {
        let request = ClientRequest::new(url).unwrap();
        assert_eq!(
            (request.host(), request.port(), request.is_secure()),
            (host, port, secure),
            "{url}"
        );
        assert_eq!(request.path_and_query(), target, "{url}");
        let asked = client_within(request, &HandshakeConfig::default()).says();
        let start = format!("GET {target} HTTP/1.1\r\nHost: {host_header}\r\n");
        assert!(asked.starts_with(&start), "{url}: {asked}");
    }
}

/// HC01, HC02.
#[test]
fn a_url_that_is_none_is_refused() {
    for (url, refused) in [
        ("ws://a/#b", InvalidUrl::Fragment),
        ("ws://a#", InvalidUrl::Fragment),
        ("ws://a/?b#c", InvalidUrl::Fragment),
        ("ftp://a/", InvalidUrl::Scheme),
        ("wsss://a/", InvalidUrl::Scheme),
        ("", InvalidUrl::Malformed),
        ("a", InvalidUrl::Malformed),
        ("/a", InvalidUrl::Malformed),
        ("ws:", InvalidUrl::Malformed),
        ("ws:a", InvalidUrl::Malformed),
        ("ws://", InvalidUrl::Malformed),
        ("ws:///a", InvalidUrl::Malformed),
        ("ws://:80/", InvalidUrl::Host),
        ("ws://[me@]a/", InvalidUrl::Host),
        ("ws://me@/", InvalidUrl::Malformed),
        ("ws://[]/", InvalidUrl::Host),
        ("ws://a b/", InvalidUrl::Malformed),
        ("ws://a/b c", InvalidUrl::Malformed),
        ("ws://a:0/", InvalidUrl::Malformed),
        ("ws://a:65536/", InvalidUrl::Malformed),
        ("ws://a:b/", InvalidUrl::Malformed),
        ("ws://a:/", InvalidUrl::Malformed),
        ("ws://a:+80/", InvalidUrl::Malformed),
        ("ws://me@a:+80/", InvalidUrl::Malformed),
        ("ws://a:1[::1]:80/", InvalidUrl::Malformed),
        ("ws://[::1]a:80/", InvalidUrl::Malformed),
        ("ws://[::1/", InvalidUrl::Malformed),
        ("ws://::1/", InvalidUrl::Malformed),
        ("ws://\u{e4}/", InvalidUrl::Malformed),
        ("ws://a/\u{e4}", InvalidUrl::Malformed),
        ("ws://a/%", InvalidUrl::Malformed),
        ("ws://a/%4", InvalidUrl::Malformed),
        ("ws://a/%4g", InvalidUrl::Malformed),
        ("ws://a/?%zz", InvalidUrl::Malformed),
        ("ws://%0a@a/", InvalidUrl::Credentials),
        ("ws://a:%7f@a/", InvalidUrl::Credentials),
        ("ws://a%3ab:c@a/", InvalidUrl::Credentials),
    ] {
        assert_eq!(ClientRequest::new(url).unwrap_err(), refused, "{url}");
    }
}

/// RFC 7617 §2.
#[test]
fn a_user_in_the_url_is_authorization_and_not_in_the_host() {
    for (url, expected) in [
        ("ws://Aladdin:open%20sesame@a/", Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        ("ws://me@a/", Some("bWU6")),
        ("ws://me:@a/", Some("bWU6")),
        ("ws://me:p:w@a/", Some("bWU6cDp3")),
        ("ws://:pw@a/", Some("OnB3")),
        ("ws://%c3%a4:%40@a/", Some("w6Q6QA==")),
        ("ws://@a/", None),
        ("ws://:@a/", None),
    ] {
        let Ok(request) = ClientRequest::new(url) else { panic!("{url}") };
        assert!(!format!("{request:?}").contains("Basic"), "a password is not for logs");
        let asked = client_within(request, &HandshakeConfig::default()).says();
        assert!(asked.contains("\r\nHost: a\r\n"), "{asked}");
        let value = asked.split_once("Authorization: Basic ").map(|(_, rest)| rest.trim_end());
        assert_eq!(value, expected, "{url}");
    }
}
