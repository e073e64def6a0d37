//! The limits of a request: kept to the byte, noticed as they are passed (RFC 6455 §10.4, RFC 6585 §5).

use squall_proto::{HandshakeConfig, Machine};

use crate::talk::{
    REQUEST, only_failure, request_replacing, request_with, server, server_within, status,
};

#[test]
fn a_head_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let exactly = HandshakeConfig::default().max_head_size(REQUEST.len());
    server_within(&exactly).hears_request(REQUEST);
    let mut server = server_within(&exactly);
    only_failure(server.hears(request_replacing("/chat", "/chats")));
    assert_eq!(status(&server.says()), 431);
}

#[test]
fn a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let line = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let exactly = HandshakeConfig::default().max_line_size(line.len());
    server_within(&exactly).hears_request(REQUEST);
    let target = format!("/{}", "x".repeat(line.len() - 14));
    server_within(&exactly).hears_request(request_replacing("/chat", &target));
    for (request, expected) in [
        (request_with(&format!("X: {}", "x".repeat(line.len() - 2))), 431),
        (request_replacing("/chat", &format!("/{}", "x".repeat(line.len() - 13))), 414),
    ] {
        let mut server = server_within(&exactly);
        only_failure(server.hears(request));
        assert_eq!(status(&server.says()), expected);
    }
}

#[test]
fn as_many_headers_as_the_limit_pass_and_one_more_does_not() {
    let exactly = HandshakeConfig::default().max_headers(5);
    server_within(&exactly).hears_request(REQUEST);
    let mut server = server_within(&exactly);
    only_failure(server.hears(request_with("X: y")));
    assert_eq!(status(&server.says()), 431);
}

/// However many are allowed.
#[test]
fn more_than_256_headers_never_pass() {
    let many = HandshakeConfig::default().max_headers(1000);
    let lines = |count| vec!["X: y"; count].join("\r\n");
    server_within(&many).hears_request(request_with(&lines(251)));
    let mut server = server_within(&many);
    only_failure(server.hears(request_with(&lines(252))));
    assert_eq!(status(&server.says()), 431);
}

/// CVE-2015-1779: 16 KiB, and 8 KiB a line.
#[test]
fn the_defaults_are_finite() {
    let longest = "x".repeat((8 << 10) - 3);
    server().hears_request(request_with(&format!("X: {longest}")));
    for (lines, expected) in
        [(format!("X: {longest}x"), 431), (format!("X: {longest}\r\nY: {longest}"), 431)]
    {
        let mut server = server();
        only_failure(server.hears(request_with(&lines)));
        assert_eq!(status(&server.says()), expected);
    }
}

/// CVE-2025-67725, CVE-2024-37890.
#[test]
fn ten_thousand_headers_are_refused_at_the_hundred_and_first() {
    let mut server = server();
    assert!(server.hears("GET / HTTP/1.1\r\n").is_empty());
    for _ in 0..100 {
        assert!(server.hears("X: y\r\n").is_empty());
    }
    only_failure(server.hears("X"));
    assert_eq!(status(&server.says()), 431);
    for _ in 101..10_000 {
        assert!(server.hears("X: y\r\n").is_empty());
        assert!(server.input.is_empty(), "what follows is not kept");
    }
}

/// CVE-2023-43669, RUSTSEC-2023-0065: who starts again with every byte looks at half a terabyte here, and is never done.
#[test]
fn a_long_head_in_single_bytes_is_looked_at_once() {
    let large = HandshakeConfig::default().max_head_size(2 << 20).max_line_size(2 << 20);
    let request = request_with(&format!("X: {}", "x".repeat(1 << 20)));
    let mut server = server_within(&large);
    let (last, before) = request.as_bytes().split_last().unwrap();
    for byte in before {
        assert!(server.hears([*byte]).is_empty());
    }
    assert_eq!(server.hears_request([*last]).path(), "/chat");
}

#[test]
fn a_limit_shows_before_the_line_or_the_head_is_there() {
    for (piece, expected) in [("GET /xxxxxxx", 414), ("GET / HTTP/1.1\r\nX: xxxxxxx", 431)] {
        let mut server = server();
        while server.hears(piece).is_empty() {
            assert!(server.input.len() < 17 << 10, "nothing more is read than a limit allows");
        }
        assert_eq!(status(&server.says()), expected);
    }
}

/// The same bytes fail in the same way however they arrive.
#[test]
fn a_limit_is_the_same_wherever_the_request_is_cut() {
    let small = HandshakeConfig::default().max_head_size(120).max_line_size(40).max_headers(4);
    let smaller = HandshakeConfig::default().max_head_size(30).max_line_size(40);
    let long = "x".repeat(200);
    for limits in [small, smaller] {
        for request in [
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..26]),
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..27]),
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            format!("GET /{long}\nHost: a\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", &long[..37]),
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", &long[..38]),
            format!("GET / HTTP/1.1\r\nX: {}\n\r\n", &long[..38]),
            "GET / HTTP/1.1\r\n".to_owned() + &"X: y\r\n".repeat(4) + "\r\n",
            "GET / HTTP/1.1\r\n".to_owned() + &"X: y\r\n".repeat(5) + "\r\n",
            "GET / HTTP/1.1\r\n".to_owned() + &"Xx: yyyyy\r\n".repeat(4) + "\n\r\n",
            "GET / HTTP/1.1\r\n".to_owned() + &"X: ".repeat(50),
        ] {
            let hear = |pieces: &[&[u8]]| {
                let mut server = server_within(&limits);
                let mut events = Vec::new();
                for piece in pieces {
                    events.extend(server.hears(piece));
                }
                (format!("{events:?}"), server.says())
            };
            let whole = hear(&[request.as_bytes()]);
            for cut in 0..request.len() {
                let (front, back) = request.as_bytes().split_at(cut);
                assert_eq!(hear(&[front, back]), whole, "{request:?} cut at {cut}");
            }
            let single: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
            assert_eq!(hear(&single), whole, "{request:?}");
        }
    }
}

#[test]
fn a_limit_that_cannot_be_met_refuses_and_does_not_panic() {
    for limits in [
        HandshakeConfig::default().max_head_size(0),
        HandshakeConfig::default().max_line_size(0),
        HandshakeConfig::default().max_headers(0),
    ] {
        let mut server = server_within(&limits);
        only_failure(server.hears(REQUEST));
        assert!([414, 431].contains(&status(&server.says())));
        assert!(server.machine.is_finished());
    }
}
