//! Which requests a server takes, and how it answers the others (RFC 6455 §4.2.1).

use squall_proto::handshake::HandshakeError;

use crate::talk::{
    ANSWER, REQUEST, header, refusal, request_replacing, request_with, server, status,
};

/// HS13, HS14; what deployed clients compare letter by letter.
#[test]
fn the_sample_request_has_exactly_the_sample_answer() {
    let mut server = server();
    let request = server.hears_request(REQUEST);
    assert_eq!(request.path(), "/chat");
    assert_eq!(server.accepts(&request).says(), ANSWER);
}

/// HS14.
#[test]
fn header_names_have_no_case_and_no_order() {
    let request = "GET / HTTP/1.1\r\n\
        sec-websocket-version: 13\r\nSEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        cONNECTION: uPGRADE\r\nupgrade: WebSocket\r\nhOST: a\r\n\r\n";
    server().hears_request(request);
}

/// HS07, HS08.
#[test]
fn unknown_headers_and_a_missing_origin_do_not_matter() {
    let request = server().hears_request(request_with("X-Unknown: anything; goes=\"here"));
    assert_eq!(request.origin(), None);
    assert_eq!(request.headers()["X-Unknown"], "anything; goes=\"here");
}

/// HS03, HS04, HS05, HS06.
#[test]
fn every_header_is_missed_if_it_is_missing() {
    let table = [
        ("Host: server.example.com\r\n", 400, "host header is missing or not valid"),
        ("Upgrade: websocket\r\n", 400, "upgrade header does not ask for websocket"),
        ("Connection: Upgrade\r\n", 400, "connection header does not ask for an upgrade"),
        (
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            400,
            "websocket key is missing or not valid",
        ),
        ("Sec-WebSocket-Version: 13\r\n", 426, "websocket version is not 13"),
    ];
    for (line, expected, cause) in table {
        let (failure, answer) = refusal(request_replacing(line, ""));
        assert_eq!((status(&answer), failure.to_string().as_str()), (expected, cause));
        assert!(answer.ends_with(&format!("\r\n\r\n{cause}\n")), "{answer}");
    }
}

/// HS18.
#[test]
fn a_header_that_may_stand_once_is_refused_twice() {
    for line in [
        "Host: server.example.com",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8",
    ] {
        assert_eq!(status(&refusal(request_with(line)).1), 400, "{line}");
    }
}

/// HS04, HS18.
#[test]
fn upgrade_and_connection_are_lists_in_any_number_of_headers() {
    for (part, by) in [
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: ,\tUPGRADE ,"),
        ("Upgrade: websocket", "Upgrade: h2c, WEBSOCKET"),
    ] {
        server().hears_request(request_replacing(part, by));
    }
    for (part, by) in [
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("Connection: Upgrade", "Connection: Upgrade2"),
        ("Connection: Upgrade", "Connection: Up grade"),
        ("Upgrade: websocket", "Upgrade: websockets"),
        ("Upgrade: websocket", "Upgrade: web socket"),
        ("Upgrade: websocket", "Upgrade:"),
    ] {
        assert_eq!(status(&refusal(request_replacing(part, by)).1), 400, "{by}");
    }
}

/// HS02.
#[test]
fn another_method_than_get_is_told_which_is_allowed() {
    for method in ["POST", "HEAD", "OPTIONS", "CONNECT", "get", "FOO"] {
        let (failure, answer) = refusal(request_replacing("GET", method));
        assert!(matches!(failure, HandshakeError::Method), "{failure:?}");
        assert_eq!((status(&answer), header(&answer, "Allow")), (405, vec!["GET"]), "{method}");
    }
}

/// HS02.
#[test]
fn another_version_than_http_1_1_is_not_supported() {
    for version in ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1"] {
        let answer = refusal(request_replacing("HTTP/1.1", version)).1;
        assert_eq!(status(&answer), 505, "{version}");
    }
    assert_eq!(status(&refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").1), 505);
}

/// HS02, HS10: what is not there is for the application to say.
#[test]
fn a_target_is_a_path_or_an_absolute_uri_of_http() {
    for (target, path, query) in [
        ("/", "/", None),
        ("//a", "//a", None),
        ("/a%20b?", "/a%20b", Some("")),
        ("/a?b=/c?d", "/a", Some("b=/c?d")),
        ("http://server.example.com", "/", None),
        ("HTTPS://server.example.com:8080/a?b", "/a", Some("b")),
    ] {
        let request = server().hears_request(request_replacing("/chat", target));
        assert_eq!((request.path(), request.query()), (path, query));
    }
    for target in
        ["*", "chat", "server.example.com:80", "ftp://server.example.com/", "/\u{e4}", "?a"]
    {
        assert_eq!(status(&refusal(request_replacing("/chat", target)).1), 400, "{target}");
    }
}

/// HS03.
#[test]
fn a_host_is_a_name_or_an_address_with_an_optional_port() {
    for host in ["a", "a:80", "my_service:8000", "127.0.0.1:1", "[::1]", "[::1]:65535", "a:"] {
        let request = server().hears_request(request_replacing("server.example.com", host));
        assert_eq!(request.host(), Some(host));
    }
    for host in ["", ":80", "a b", "a/b", "a@b", "a:b", "http://a", "[::1", "\u{e4}"] {
        assert_eq!(
            status(&refusal(request_replacing("server.example.com", host)).1),
            400,
            "{host}"
        );
    }
}

/// HS05; the RFC's own example of a key has padding bits that are not zero (erratum 3150).
#[test]
fn a_key_is_sixteen_bytes_in_base64() {
    let with_key = |key| request_replacing("dGhlIHNhbXBsZSBub25jZQ==", key);
    server().hears_request(with_key("AQIDBAUGBwgJCgsMDQ4PEC=="));
    for key in [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA==, AAAAAAAAAAAAAAAAAAAAAA==",
        "-_AAAAAAAAAAAAAAAAAAAA==",
        "\u{e4}",
    ] {
        let (failure, answer) = refusal(with_key(key));
        assert!(matches!(failure, HandshakeError::Key), "{failure:?}");
        assert_eq!(status(&answer), 400, "{key}");
    }
}

/// HS06, HS15.
#[test]
fn another_version_is_told_which_one_to_speak() {
    for version in ["0", "8", "12", "14", "256", "013", "+13", "13, 8", "13;", "13.0", "", "\u{e4}"]
    {
        let request = request_replacing("Version: 13", &format!("Version: {version}"));
        let (failure, answer) = refusal(request);
        assert!(matches!(failure, HandshakeError::Version), "{failure:?}");
        assert_eq!(status(&answer), 426, "{version}");
        assert_eq!(header(&answer, "Sec-WebSocket-Version"), ["13"]);
        assert_eq!(header(&answer, "Upgrade"), ["websocket"]);
    }
}

#[test]
fn a_request_with_a_body_is_refused() {
    for line in [
        "Content-Length: 5",
        "Content-Length: 0, 5",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: -0",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
    ] {
        let (failure, answer) = refusal(request_with(line));
        assert!(matches!(failure, HandshakeError::Body), "{failure:?}");
        assert_eq!(status(&answer), 400, "{line}");
    }
    server().hears_request(request_with("Content-Length: 0"));
}

/// HS16; CVE-2018-1002105: nothing may follow an answer that is no 101.
#[test]
fn every_refusal_is_a_whole_response_that_ends_the_connection() {
    for request in [
        "GET\r\n\r\n".into(),
        request_replacing("GET", "POST"),
        request_replacing("HTTP/1.1", "HTTP/1.0"),
        request_replacing("Upgrade: websocket", "Upgrade: h2c"),
        request_replacing("Version: 13", "Version: 8"),
        request_replacing("/chat", &"/chat".repeat(2000)),
        request_with(&format!("X: {}", "x".repeat(9000))),
    ] {
        let answer = refusal(request).1;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!body.is_empty());
        assert_eq!(header(&answer, "Content-Length"), [body.len().to_string()]);
        assert_eq!(header(&answer, "Content-Type"), ["text/plain; charset=utf-8"]);
        let connection = if status(&answer) == 426 { "close, upgrade" } else { "close" };
        assert_eq!(header(&answer, "Connection"), [connection]);
    }
}

#[test]
fn the_first_thing_that_is_wrong_decides() {
    // Version and method, Upgrade, Connection, then Host, body, WebSocket version and key.
    let mut request = String::from("POST / HTTP/1.0\r\nContent-Length: 1\r\nX: y\r\n\r\n");
    let mut next = |part: &str, by: &str| {
        let failure = refusal(&request).0.to_string();
        request = request.replace(part, by);
        failure
    };
    assert_eq!(next("HTTP/1.0", "HTTP/1.1"), "HTTP version is not supported");
    assert_eq!(next("POST", "GET"), "method is not GET");
    assert_eq!(
        next("X: y", "X: y\r\nUpgrade: websocket"),
        "upgrade header does not ask for websocket"
    );
    assert_eq!(
        next("X: y", "X: y\r\nConnection: upgrade"),
        "connection header does not ask for an upgrade"
    );
    assert_eq!(next("X: y", "X: y\r\nHost: a"), "host header is missing or not valid");
    assert_eq!(next("Length: 1", "Length: 0"), "upgrade request has a body");
    assert_eq!(next("X: y", "X: y\r\nSec-WebSocket-Version: 13"), "websocket version is not 13");
    assert_eq!(next("X: y", ""), "websocket key is missing or not valid");
}
