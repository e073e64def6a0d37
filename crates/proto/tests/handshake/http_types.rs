//! The handshake over `http` types: for hyper and axum, and for HTTP/2 (RFC 8441).

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, Version};
use squall_proto::{
    Config, EntropyError, HandshakeConfig, Machine, Role,
    handshake::{
        Accept, ClientHandshake, ClientRequest, HandshakeError, OriginPolicy, Rejection,
        UpgradeRequest,
    },
};

use crate::talk::{NoEntropy, SampleKey, beginning, sample_request};

fn http2() -> http::request::Builder {
    Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri("https://server.example.com/chat?a")
        .header("Sec-WebSocket-Version", "13")
}

/// RFC 8441 §5: no Upgrade, no Connection, no key; success is 200 (H205, H206).
#[test]
fn a_connect_over_http2_is_accepted_with_200() {
    let request = http2()
        .header("Sec-WebSocket-Protocol", "chat")
        .header("Origin", "https://server.example.com")
        .body(())
        .unwrap();
    let request = UpgradeRequest::from_http2(request).unwrap();
    assert_eq!((request.path(), request.query()), ("/chat", Some("a")));
    assert_eq!(request.host(), Some("server.example.com"));
    assert!(OriginPolicy::SameAuthority.allows_request(&request));
    let acceptance = request.accept(Accept::new().subprotocol("chat".to_owned())).unwrap();
    assert_eq!(acceptance.response().status(), StatusCode::OK);
    let headers = acceptance.response().headers();
    assert_eq!((headers.len(), &headers["Sec-WebSocket-Protocol"]), (1, &"chat".parse().unwrap()));
    let connection = acceptance.into_connection(Arc::new(Config::default()), beginning());
    assert_eq!(connection.role(), Role::Server);
}

#[test]
fn a_connect_over_http2_is_checked_too() {
    let check = |request: http::request::Builder| {
        UpgradeRequest::from_http2(request.body(()).unwrap()).unwrap_err().status().as_u16()
    };
    assert_eq!(check(http2().method(Method::GET)), 405);
    assert_eq!(check(http2().version(Version::HTTP_11)), 505);
    assert_eq!(check(http2().uri("server.example.com:443")), 400);
    assert_eq!(check(http2().header("Sec-WebSocket-Version", "13")), 400);
    assert_eq!(check(http2().header("Sec-WebSocket-Protocol", "a b")), 400);
    assert_eq!(check(Request::connect("https://a/").version(Version::HTTP_2)), 426);
}

/// A plain GET, as axum has to survive.
#[test]
fn a_request_for_a_page_is_no_upgrade() {
    let failure = UpgradeRequest::from_http(Request::new(())).unwrap_err();
    assert!(matches!(failure, HandshakeError::Upgrade));
    let response = Rejection::from(&failure).into_response();
    assert_eq!(response.status(), 400);
    assert_eq!(response.body(), "upgrade header does not ask for websocket\n");
}

/// HC17, HC20: over `http` types too.
#[test]
fn a_response_is_judged_without_bytes() {
    let (request, awaiting) = sample_request().begin(Box::new(SampleKey)).unwrap();
    assert_eq!(request.uri(), "/chat");
    let response = Response::builder()
        .status(101)
        .header("Upgrade", "websocket")
        .header("Connection", "upgrade")
        .header("Sec-WebSocket-Accept", " s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\t")
        .body(())
        .unwrap();
    let established = awaiting.check(response).unwrap();
    assert_eq!(established.subprotocol(), None);
    assert_eq!(established.response().status(), 101);
    let connection = established.into_connection(Arc::new(Config::default()), beginning());
    assert_eq!(connection.role(), Role::Client);

    let (_, awaiting) = sample_request().begin(Box::new(SampleKey)).unwrap();
    let not_found = Response::builder().status(404).body(()).unwrap();
    let HandshakeError::Refused(refusal) = awaiting.check(not_found).unwrap_err() else { panic!() };
    assert_eq!(refusal.status(), 404);
    assert!(refusal.is_truncated(), "the body is not known here");
}

/// HC12: no key, no request.
#[test]
fn without_entropy_there_is_no_request() {
    assert_eq!(sample_request().begin(Box::new(NoEntropy)).unwrap_err(), EntropyError::new());
    let limits = HandshakeConfig::default();
    let mut client =
        ClientHandshake::new(sample_request(), &limits, Box::new(NoEntropy), beginning());
    let event = client.poll_event(beginning(), &mut bytes::BytesMut::new());
    assert!(format!("{event:?}").contains("Failed(Entropy"), "{event:?}");
    assert!(!bytes::Buf::has_remaining(client.transmit()));
    assert!(client.is_finished());
}

/// HC10 and the rules of [`ClientRequest::header`] hold for requests of the `http` crate too.
#[test]
fn a_request_of_the_http_crate_becomes_one_for_a_connection() {
    let request = Request::get("wss://server.example.com:8443/chat?a")
        .header("Sec-WebSocket-Protocol", "a, b")
        .header("Origin", "https://a.example")
        .header("X-Test", "1")
        .header("X-Test", "2")
        .body(())
        .unwrap();
    let request = ClientRequest::from_http(request).unwrap();
    assert_eq!(
        (request.host(), request.port(), request.is_secure()),
        ("server.example.com", 8443, true)
    );
    let (request, _) = request.begin(Box::new(SampleKey)).unwrap();
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        [
            ("host", "server.example.com:8443"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "a,b"),
            ("origin", "https://a.example"),
            ("x-test", "1"),
            ("x-test", "2"),
        ]
    );
}

#[test]
fn a_request_of_the_http_crate_is_checked() {
    let refused = |request: http::request::Builder| {
        ClientRequest::from_http(request.body(()).unwrap()).unwrap_err().to_string()
    };
    let get = || Request::get("ws://a/");
    assert_eq!(refused(get().method("POST")), "the method is not GET");
    assert_eq!(refused(get().uri("/")), "the URL is not valid");
    assert_eq!(
        refused(get().uri("ftp://a/")),
        "the scheme of the URL is not ws, wss, http or https"
    );
    assert_eq!(refused(get().header("Host", "a b")), "the host header is not valid");
    assert_eq!(
        refused(get().header("Sec-WebSocket-Key", "x")),
        "the handshake itself sets the header sec-websocket-key"
    );
    assert_eq!(
        refused(get().header("Sec-WebSocket-Protocol", "a b")),
        "the list of subprotocols is not valid"
    );
    assert_eq!(
        refused(get().header("Sec-WebSocket-Protocol", "a, a")),
        "the subprotocol \"a\" is offered twice"
    );
}
