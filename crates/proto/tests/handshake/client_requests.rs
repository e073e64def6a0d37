//! What a client asks for (RFC 6455 §4.1).

use http::{HeaderName, HeaderValue, header};
use squall_proto::{
    Entropy, EntropyError, HandshakeConfig,
    handshake::{ClientRequest, InvalidRequest},
};

use crate::talk::{client_within, sample_request};

fn asks(request: ClientRequest) -> String {
    client_within(request, &HandshakeConfig::default()).says()
}

const fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

/// HC08, HC09, HC10, HC11, HC12, HC14.
#[test]
fn the_plainest_request_is_this() {
    assert_eq!(
        asks(sample_request()),
        "GET /chat HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         \r\n"
    );
}

/// HC13, HC15.
#[test]
fn what_is_added_follows_in_order() {
    let request = ClientRequest::new("http://me:pw@server.example.com:8888/socket?a=b").unwrap();
    let request = request.subprotocol("http-only").unwrap().subprotocol("chat").unwrap();
    let request = request.header(HeaderName::from_static("x-a"), value("1")).unwrap();
    let request = request.header(header::COOKIE, value("c=d")).unwrap();
    assert_eq!(
        asks(request.origin(value("http://a.example"))),
        "GET /socket?a=b HTTP/1.1\r\n\
         Host: server.example.com:8888\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: http-only,chat\r\n\
         Origin: http://a.example\r\n\
         Authorization: Basic bWU6cHc=\r\n\
         X-A: 1\r\n\
         Cookie: c=d\r\n\
         \r\n"
    );
}

/// HC12: sixteen bytes, drawn anew each time, and nothing else of the request draws any.
#[test]
fn each_request_has_a_key_of_sixteen_fresh_bytes() {
    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            for byte in bytes {
                self.0 += 1;
                *byte = self.0;
            }
            Ok(())
        }
    }
    let request = sample_request();
    for (drawn, key) in [(0, "AQIDBAUGBwgJCgsMDQ4PEA=="), (16, "ERITFBUWFxgZGhscHR4fIA==")] {
        let (asked, _) = request.clone().begin(Box::new(Counting(drawn))).unwrap();
        assert_eq!(asked.headers()[header::SEC_WEBSOCKET_KEY], key);
    }
}

#[test]
fn a_header_of_the_handshake_is_not_the_clients_to_set() {
    for name in [
        "Upgrade",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ] {
        let name: HeaderName = name.parse().unwrap();
        let refused = sample_request().header(name.clone(), value("x")).unwrap_err();
        assert_eq!(refused, InvalidRequest::ReservedHeader(name));
    }
}

#[test]
fn host_origin_and_authorization_can_be_replaced_and_others_repeated() {
    let mut request = ClientRequest::new("ws://me:pw@a.example/").unwrap();
    for (name, text) in [
        (header::HOST, "b.example:81"),
        (header::ORIGIN, "http://c.example"),
        (header::ORIGIN, "http://d.example"),
        (header::AUTHORIZATION, "Bearer x"),
        (header::COOKIE, "a=b"),
        (header::COOKIE, "c=d"),
    ] {
        request = request.header(name, value(text)).unwrap();
    }
    assert_eq!(request.host(), "a.example", "that is where it connects to");
    let asked = asks(request);
    assert!(asked.contains("\r\nHost: b.example:81\r\n") && !asked.contains("a.example"));
    assert!(asked.contains(
        "\r\nOrigin: http://d.example\r\nAuthorization: Bearer x\r\nCookie: a=b\r\nCookie: c=d\r\n"
    ));
    assert!(!asked.contains("c.example") && !asked.contains("Basic"));
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in ["", "a b", "http://a", "a/b", "me@a"] {
        let refused = sample_request().header(header::HOST, value(host)).unwrap_err();
        assert_eq!(refused, InvalidRequest::Host, "{host}");
    }
}

#[test]
fn a_header_can_be_taken_out_again_but_for_the_handshakes_own() {
    let mut request = ClientRequest::new("ws://me:pw@server.example.com/chat").unwrap();
    request = request.origin(value("http://a")).header(header::COOKIE, value("a=b")).unwrap();
    for name in [
        header::AUTHORIZATION,
        header::ORIGIN,
        header::COOKIE,
        header::HOST,
        header::UPGRADE,
        header::SEC_WEBSOCKET_KEY,
    ] {
        request = request.without_header(&name);
    }
    assert_eq!(asks(request), asks(sample_request()));
}

/// HC15.
#[test]
fn a_subprotocol_is_a_token_and_offered_once() {
    let separators = "()<>@,;:\\\"/[]?={} \t".chars();
    let others = (0..=32).chain(127..=255).map(char::from);
    for wrong in separators.chain(others).map(|wrong| format!("a{wrong}")).chain([String::new()]) {
        let refused = sample_request().subprotocol(wrong.clone()).unwrap_err();
        assert_eq!(refused, InvalidRequest::InvalidSubprotocol(wrong));
    }
    let twice = sample_request().subprotocol("a").unwrap().subprotocol("a").unwrap_err();
    assert_eq!(twice, InvalidRequest::DuplicateSubprotocol("a".into()));
    assert!(sample_request().subprotocol("a").unwrap().subprotocol("A").is_ok());
}

/// CVE-2026-1527: what the `http` types make impossible.
#[test]
fn no_control_character_gets_into_a_request() {
    for byte in (0..32).chain([127]) {
        let text = format!("a{}b", char::from(byte));
        assert!(byte == b'\t' || HeaderValue::from_str(&text).is_err(), "{byte}");
        assert!(text.parse::<HeaderName>().is_err(), "{byte}");
        for url in [
            format!("ws://a/{text}"),
            format!("ws://a/?{text}"),
            format!("ws://{text}/"),
            format!("ws://{text}@a/"),
            format!("ws://me:{text}@a/"),
            format!("ws://a:8{}0/", char::from(byte)),
            format!("{text}://a/"),
            format!("ws://me:%{byte:02x}@a/"),
        ] {
            assert!(ClientRequest::new(&url).is_err(), "{url:?}");
        }
    }
}
