//! How a server accepts and rejects (RFC 6455 §4.2.2).

use http::{HeaderName, HeaderValue, StatusCode, header};
use squall_proto::{
    Event, Machine, Message,
    handshake::{Accept, AcceptError, Rejection, UpgradeRequest},
};

use crate::talk::{REQUEST, header, request_with, server, status};

fn request(line: &str) -> UpgradeRequest {
    server().hears_request(request_with(line))
}

const fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

/// HS11.
#[test]
fn subprotocols_are_offered_in_the_clients_order() {
    let request = request("Sec-WebSocket-Protocol: c,b , a\r\nSec-WebSocket-Protocol: ,d");
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["c", "b", "a", "d"]);
    assert_eq!(request.select_subprotocol(&["d", "a", "b"]).as_deref(), Some("b"));
    assert_eq!(request.select_subprotocol(&["B", "x"]), None);
    assert_eq!(request.select_subprotocol::<&str>(&[]), None);
}

/// HS11.
#[test]
fn a_selected_subprotocol_is_in_the_answer() {
    let request = request("Sec-WebSocket-Protocol: b, a");
    let acceptance = request.accept(Accept::new().subprotocol("a".to_owned())).unwrap();
    assert_eq!(acceptance.subprotocol(), Some("a"));
    assert_eq!(acceptance.response().headers()["Sec-WebSocket-Protocol"], "a");
}

/// HS11, CVE-2026-1527.
#[test]
fn a_subprotocol_that_was_not_offered_is_the_servers_mistake() {
    let request = request("Sec-WebSocket-Protocol: b, a");
    let controls = (0..32).chain([127]).map(|byte| format!("a{}", char::from(byte)));
    for wrong in
        controls.chain(["c", "A", "", "b, a", "a\r\nSet-Cookie: x", "\u{e4}"].map(str::to_owned))
    {
        let refused = request.accept(Accept::new().subprotocol(wrong.clone())).unwrap_err();
        assert_eq!(refused, AcceptError::UnofferedSubprotocol(wrong));
    }
}

/// HS11, HS12: nothing that was not offered.
#[test]
fn nothing_is_selected_unless_the_server_does() {
    let request =
        request("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: permessage-deflate, foo");
    let acceptance = request.accept(Accept::new()).unwrap();
    assert_eq!(acceptance.subprotocol(), None);
    let names: Vec<_> = acceptance.response().headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["upgrade", "connection", "sec-websocket-accept"]);
}

#[test]
fn further_headers_follow_those_of_the_handshake() {
    let mut server = server();
    let request = server.hears_request(REQUEST);
    let accept = Accept::new()
        .header(header::SET_COOKIE, value("a=b"))
        .header(header::SET_COOKIE, value("c=d"));
    let acceptance = request.accept(accept).unwrap();
    let mut connection = server.machine.accept(acceptance, std::sync::Arc::default(), server.now);
    let said = bytes::Buf::chunk(connection.transmit()).to_vec();
    assert!(
        String::from_utf8(said).unwrap().ends_with("Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n")
    );
}

#[test]
fn a_header_of_the_handshake_is_not_the_servers_to_set() {
    for name in [
        "Upgrade",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Future",
    ] {
        let name: HeaderName = name.parse().unwrap();
        let accept = Accept::new().header(name.clone(), value("x"));
        let refused = request("X: y").accept(accept).unwrap_err();
        assert_eq!(refused, AcceptError::ReservedHeader(name));
    }
}

/// Frames in the segment of the request are the connection's, behind the answer.
#[test]
fn frames_behind_the_request_are_not_lost() {
    let mut server = server();
    let mut bytes = REQUEST.as_bytes().to_vec();
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0hi");
    let request = server.hears_request(bytes);
    let mut connection = server.accepts(&request);
    assert_eq!(connection.events(), [Event::Message(Message::Text("hi".into()))]);
    connection.machine.send(connection.now, Message::Text("ho".into())).unwrap();
    let said = connection.says();
    assert!(
        said.starts_with("HTTP/1.1 101 ") && !said.ends_with("\r\n\r\n"),
        "the answer is first"
    );
}

#[test]
fn what_a_request_says_can_be_asked() {
    let request = request(
        "Cookie: a=1; b = two ;c\r\nCookie: d=\"x=y\"; \u{e4}=\u{f6}\r\nOrigin: https://a.example",
    );
    assert_eq!(request.host(), Some("server.example.com"));
    assert_eq!(request.origin(), Some("https://a.example"));
    let cookies: Vec<_> = request.cookies().collect();
    assert_eq!(cookies, [("a", "1"), ("b", "two"), ("d", "\"x=y\""), ("\u{e4}", "\u{f6}")]);
    assert_eq!(request.request().uri(), "/chat");
}

#[test]
fn a_cookie_that_is_not_utf8_does_not_hide_the_others() {
    let request = request_with("Cookie: a=1; b=?; c=3").replace('?', "\u{1}").into_bytes();
    let request: Vec<u8> =
        request.into_iter().map(|byte| if byte == 1 { 0xE4 } else { byte }).collect();
    let request = server().hears_request(request);
    assert_eq!(request.cookies().collect::<Vec<_>>(), [("a", "1"), ("c", "3")]);
}

/// HS09, HS10, HS16.
#[test]
fn a_rejection_is_what_the_application_makes_it() {
    let mut server = server();
    server.hears_request(REQUEST);
    let rejection = Rejection::new(StatusCode::NOT_FOUND)
        .body("{}")
        .header(header::CONTENT_TYPE, value("application/json"))
        .header(header::CONNECTION, value("keep-alive"))
        .header(header::CONTENT_LENGTH, value("9"))
        .header(header::TRANSFER_ENCODING, value("chunked"));
    server.machine.reject(rejection, server.now);
    assert_eq!(
        server.says(),
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
         Connection: close\r\n\r\n{}"
    );
}

#[test]
fn a_rejection_says_its_status_if_nothing_else() {
    let rejection = Rejection::new(StatusCode::FORBIDDEN);
    assert_eq!(rejection.status(), StatusCode::FORBIDDEN);
    let response = rejection.into_response();
    assert_eq!(response.body(), "Forbidden");
    assert_eq!(response.headers()["Content-Type"], "text/plain; charset=utf-8");
}

/// RFC 9110 §8.6.
#[test]
fn a_rejection_without_content_has_none() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let response = Rejection::new(status).body("x").into_response();
        assert!(response.body().is_empty());
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        assert_eq!(response.headers()["Connection"], "close");
    }
}

#[test]
fn a_rejection_cannot_pass_for_an_acceptance() {
    let mut server = server();
    server.hears_request(REQUEST);
    server.machine.reject(Rejection::new(StatusCode::SWITCHING_PROTOCOLS), server.now);
    let answer = server.says();
    assert_eq!((status(&answer), header(&answer, "Connection")), (500, vec!["close"]));
}

/// The client need not know what the server got wrong.
#[test]
fn a_server_that_cannot_accept_as_it_wanted_says_500_and_no_more() {
    let mistake = AcceptError::UnofferedSubprotocol("secret".to_owned());
    let response = Rejection::from(&mistake).into_response();
    assert_eq!(
        (response.status(), response.body().as_ref()),
        (500.try_into().unwrap(), b"Internal Server Error".as_slice())
    );
}

/// Deployed peers compare names letter by letter.
#[test]
fn header_names_leave_as_people_write_them() {
    let mut server = server();
    server.hears_request(REQUEST);
    let rejection = Rejection::new(StatusCode::NO_CONTENT)
        .header(HeaderName::from_static("sec-websocket-version"), value("13"))
        .header(HeaderName::from_static("x--y-"), value("1"));
    server.machine.reject(rejection, server.now);
    let said = server.says();
    assert!(said.contains("\r\nSec-WebSocket-Version: 13\r\nX--Y-: 1\r\n"), "{said}");
}
