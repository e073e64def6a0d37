//! Which web pages may connect (RFC 6455 §4.2.2, §10.2).

use http::{HeaderMap, HeaderName, HeaderValue};
use squall_proto::handshake::{HandshakeError, OriginPolicy, Rejection};

use crate::talk::{request_with, server};

/// Whether a policy allows a request with these headers, to `a.example:80`.
fn allows(policy: &OriginPolicy, headers: &[(&str, &str)]) -> bool {
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("a.example:80"));
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    policy.allows(&map)
}

fn allows_origin(policy: &OriginPolicy, origin: &str) -> bool {
    allows(policy, &[("origin", origin)])
}

/// HS07.
#[test]
fn a_client_that_is_no_browser_is_allowed() {
    assert!(allows(&OriginPolicy::default(), &[]));
}

#[test]
fn by_default_only_the_authority_of_the_host_is_allowed_whatever_the_scheme() {
    let policy = OriginPolicy::default();
    for origin in [
        "http://a.example:80",
        "https://a.example:80",
        "ws://A.Example:80",
        "HTTP://a.example:80/path?x#y",
    ] {
        assert!(allows_origin(&policy, origin), "{origin}");
    }
    for origin in [
        "http://a.example",
        "http://a.example:8080",
        "http://b.a.example:80",
        "http://a.example.evil.example:80",
        "http://evil.example/://a.example:80",
        "http://evil.example?://a.example:80",
        "http://a.example:80@evil.example",
        "http://user@a.example:80",
        "a.example:80",
        "//a.example:80",
        "://a.example:80",
        "evil,http://a.example:80",
        "null",
        "",
        "http://",
        "\u{e4}",
    ] {
        assert!(!allows_origin(&policy, origin), "{origin}");
    }
}

#[test]
fn what_the_browser_says_of_the_site_comes_first() {
    let policy = OriginPolicy::List(vec!["http://b.example".into()]);
    for (site, origin, expected) in [
        ("same-origin", Some("http://evil.example"), true),
        ("none", Some("http://evil.example"), true),
        ("same-origin", None, true),
        ("none", None, true),
        ("same-site", Some("http://a.example:80"), false),
        ("cross-site", Some("http://a.example:80"), false),
        ("cross-site", Some("http://b.example"), true),
        ("cross-site", None, false),
        ("Same-Origin", None, false),
        ("", None, false),
    ] {
        let mut headers = vec![("sec-fetch-site", site)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        assert_eq!(allows(&policy, &headers), expected, "{site} {origin:?}");
    }
    assert!(!allows(&OriginPolicy::Any, &[("sec-fetch-site", "cross-site")]));
}

#[test]
fn a_list_allows_what_is_in_it_to_the_letter() {
    let policy = OriginPolicy::List(vec!["https://b.example".into(), "http://c.example:81".into()]);
    assert!(allows_origin(&policy, "https://b.example"));
    assert!(allows_origin(&policy, "http://C.example:81"));
    assert!(allows_origin(&policy, "http://a.example:80"), "the server's own is always allowed");
    for origin in ["http://b.example", "https://b.example:443", "https://b.example/", "null"] {
        assert!(!allows_origin(&policy, origin), "{origin}");
    }
}

#[test]
fn subdomains_are_allowed_with_their_domain() {
    let policy = OriginPolicy::Subdomains(vec!["B.example".into(), ".c.example".into(), "".into()]);
    for origin in ["https://b.example", "http://x.y.b.example:81", "http://x.C.example"] {
        assert!(allows_origin(&policy, origin), "{origin}");
    }
    for origin in [
        "https://evilb.example",
        "https://b.example.evil.example",
        "https://b.example@evil.example",
        "https://evil.example/.b.example",
        "b.example",
        "https://example",
        "https://evil.example.",
        "null",
    ] {
        assert!(!allows_origin(&policy, origin), "{origin}");
    }
}

#[test]
fn any_allows_every_origin() {
    for origin in ["http://evil.example", "null", "\u{e4}", ""] {
        assert!(allows_origin(&OriginPolicy::Any, origin), "{origin}");
    }
}

#[test]
fn a_function_sees_the_origin() {
    let policy = OriginPolicy::custom(|origin| origin.ends_with(".example.com"));
    assert!(allows_origin(&policy, "http://x.example.com"));
    assert!(!allows_origin(&policy, "http://x.example.org"));
    assert_eq!(format!("{policy:?}"), "Custom");
}

#[test]
fn a_policy_says_what_it_allows_where_it_is_debugged() {
    for (policy, told) in [
        (OriginPolicy::SameAuthority, "SameAuthority"),
        (OriginPolicy::List(vec!["https://a".into()]), "List([\"https://a\"])"),
        (OriginPolicy::Subdomains(vec!["a".into()]), "Subdomains([\"a\"])"),
        (OriginPolicy::Any, "Any"),
    ] {
        assert_eq!(format!("{policy:?}"), told);
    }
}

/// CVE-2026-55517.
#[test]
fn an_origin_that_cannot_be_read_or_is_repeated_is_opaque() {
    let policy = OriginPolicy::custom(|origin| {
        assert_eq!(origin, "null");
        false
    });
    assert!(!allows_origin(&policy, "http://\u{e4}"));
    assert!(!allows(
        &policy,
        &[("origin", "http://a.example:80"), ("origin", "http://a.example:80")]
    ));
}

#[test]
fn every_byte_of_an_origin_is_survived() {
    let policies = [
        OriginPolicy::SameAuthority,
        OriginPolicy::Subdomains(vec!["example".into()]),
        OriginPolicy::Any,
    ];
    for byte in 0..=u8::MAX {
        let Ok(value) = HeaderValue::from_bytes(&[b"http://a.", &[byte][..], b".x"].concat())
        else {
            assert!(byte < 32 || byte == 127);
            continue;
        };
        let headers = HeaderMap::from_iter([(http::header::ORIGIN, value)]);
        assert!(!policies[0].allows(&headers) && !policies[1].allows(&headers));
        assert!(policies[2].allows(&headers));
    }
}

#[test]
fn without_a_host_no_origin_is_the_servers_own() {
    let headers = HeaderMap::from_iter([(
        http::header::ORIGIN,
        HeaderValue::from_static("http://a.example"),
    )]);
    assert!(!OriginPolicy::default().allows(&headers));
    let empty = [("host", ""), ("origin", "http://")];
    let headers: HeaderMap = empty
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect();
    assert!(!OriginPolicy::default().allows(&headers));
}

#[test]
fn a_request_is_judged_as_its_headers_are() {
    for (origin, expected) in
        [("http://server.example.com", true), ("http://evil.example.com", false)]
    {
        let request = server().hears_request(request_with(&format!("Origin: {origin}")));
        assert_eq!(OriginPolicy::SameAuthority.allows_request(&request), expected, "{origin}");
    }
}

/// HS09.
#[test]
fn an_origin_that_may_not_connect_is_forbidden() {
    let response = Rejection::from(&HandshakeError::Origin).into_response();
    assert_eq!(response.status(), 403);
    assert_eq!(response.body(), "cross-origin connections are not allowed\n");
}
