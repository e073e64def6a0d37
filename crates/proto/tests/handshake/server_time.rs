//! When a server stops waiting, and how it parts (RFC 6455 §7.1.1 for the lingering).

use std::{sync::Arc, time::Duration};

use squall_proto::{
    Config, HandshakeConfig, Machine,
    handshake::{Accept, HandshakeError, Rejection},
};

use crate::talk::{
    REQUEST, SECOND, ServerTalk, client, client_within, header, only_failure, request_replacing,
    sample_request, server, server_within, status,
};

#[test]
fn the_time_for_a_handshake_is_finite_by_default() {
    assert_eq!(HandshakeConfig::default().time_limit(), 10 * SECOND);
    let server = server();
    assert_eq!(server.machine.poll_timeout(), Some(server.now + 10 * SECOND));
}

#[test]
fn the_time_for_a_handshake_can_be_set() {
    for (time, limit) in [(SECOND, SECOND), (Duration::MAX, 100 * 365 * 24 * 60 * 60 * SECOND)] {
        let limits = HandshakeConfig::default().timeout(time);
        assert_eq!(limits.time_limit(), limit);
        let server = server_within(&limits);
        assert_eq!(server.machine.poll_timeout(), Some(server.now + limit));
        let client = client_within(sample_request(), &limits);
        assert_eq!(client.machine.poll_timeout(), Some(client.now + limit));
    }
}

#[test]
fn a_handshake_under_way_is_not_finished_and_hints_at_nothing() {
    let mut server = server();
    assert!(!server.machine.is_finished());
    assert_eq!(server.machine.read_hint(), 0);
    server.hears_request(REQUEST);
    assert!(!server.machine.is_finished());
    let client = client(sample_request());
    assert!(!client.machine.is_finished());
    assert_eq!(client.machine.read_hint(), 0);
}

#[test]
fn a_request_that_does_not_end_is_told_so_at_the_deadline() {
    let mut server = server();
    for byte in REQUEST.bytes().take(9) {
        assert!(server.hears([byte]).is_empty());
        assert!(server.waits(SECOND).is_empty(), "a byte a second moves no deadline");
    }
    let failure = only_failure(server.waits(SECOND));
    assert!(matches!(failure, HandshakeError::TimedOut));
    assert_eq!(status(&server.says()), 408);
}

#[test]
fn a_client_that_asks_for_nothing_is_told_nothing() {
    let mut server = server();
    assert!(matches!(only_failure(server.waits(10 * SECOND)), HandshakeError::TimedOut));
    assert_eq!(server.says(), "");
    assert!(server.machine.is_finished() && !server.machine.wants_read());
}

#[test]
fn a_request_that_the_application_does_not_decide_is_answered_with_503() {
    let mut server = server();
    server.hears_request(REQUEST);
    assert!(!server.machine.wants_read(), "what follows waits for the decision");
    assert!(matches!(only_failure(server.waits(10 * SECOND)), HandshakeError::TimedOut));
    assert_eq!(status(&server.says()), 503);
}

#[test]
fn a_decision_after_the_time_is_up_writes_nothing() {
    let mut server = server();
    let request = server.hears_request(REQUEST);
    only_failure(server.waits(10 * SECOND));
    let mut connection = server.accepts(&request);
    assert_eq!(connection.says(), "");
    assert!(connection.machine.is_finished());
}

#[test]
fn a_decision_after_a_rejection_writes_nothing() {
    let mut server = server();
    let request = server.hears_request(REQUEST);
    server.machine.reject(Rejection::new(http::StatusCode::NOT_FOUND), server.now);
    let mut connection = server.accepts(&request);
    assert_eq!(connection.says(), "");
    assert!(connection.machine.is_finished());
}

#[test]
fn a_timer_that_fires_early_does_nothing() {
    let mut server = server();
    server.hears("GET");
    assert!(server.waits(10 * SECOND - SECOND / 1000).is_empty());
    assert_eq!(server.says(), "");
}

/// A refusal can be read: the rest of what the client sends is taken off its hands for a time that ends.
fn lingers_then_ends(mut server: ServerTalk, limit: std::time::Duration) {
    assert!(!server.machine.is_finished(), "the answer is not written");
    assert!(!server.says().is_empty());
    assert!(server.machine.is_finished(), "nothing more is to be written");
    assert!(server.machine.wants_read(), "but the client may still be sending");
    assert!(server.hears(REQUEST).is_empty());
    assert!(server.input.is_empty(), "which is discarded");
    assert_eq!(server.machine.poll_timeout(), Some(server.now + limit));
    assert!(server.waits(limit).is_empty());
    assert!(!server.machine.wants_read() && server.machine.poll_timeout().is_none());
}

#[test]
fn a_refusal_lingers_until_the_deadline() {
    let mut server = server();
    only_failure(server.hears(request_replacing("GET", "POST")));
    lingers_then_ends(server, 10 * SECOND);
}

#[test]
fn a_refusal_at_the_deadline_lingers_for_a_second() {
    let mut server = server();
    server.hears("GET");
    only_failure(server.waits(10 * SECOND));
    lingers_then_ends(server, SECOND);
}

/// HS09, HS10.
#[test]
fn a_rejection_lingers_and_has_no_event() {
    let mut server = server();
    server.hears_request(REQUEST);
    server.machine.reject(Rejection::new(http::StatusCode::FORBIDDEN), server.now);
    assert!(server.events().is_empty());
    lingers_then_ends(server, 10 * SECOND);
}

#[test]
fn the_end_of_the_stream_ends_the_lingering() {
    let mut server = server();
    only_failure(server.hears("?"));
    assert!(server.hears_eof().is_empty());
    assert!(!server.machine.wants_read() && !server.machine.is_finished());
    server.says();
    assert!(server.machine.is_finished());
}

#[test]
fn a_refusal_that_nobody_reads_is_given_up() {
    let mut server = server();
    only_failure(server.hears("?"));
    assert!(server.waits(10 * SECOND).is_empty());
    assert!(server.machine.is_finished());
    assert_eq!(server.says(), "");
}

#[test]
fn a_failure_that_was_not_taken_is_told_after_the_time_is_up() {
    let mut server = server();
    server.hears("GET");
    server.machine.handle_timeout(server.now + 10 * SECOND);
    server.machine.handle_timeout(server.now + 20 * SECOND);
    assert!(matches!(only_failure(server.events()), HandshakeError::TimedOut));
}

#[test]
fn a_server_that_stops_can_reject_before_there_is_a_request() {
    let mut server = server();
    server.hears("GET /");
    let retry = (http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
    let rejection = Rejection::new(http::StatusCode::SERVICE_UNAVAILABLE).header(retry.0, retry.1);
    server.machine.reject(rejection.clone(), server.now);
    server.machine.reject(rejection, server.now);
    let answer = server.says();
    assert_eq!((status(&answer), header(&answer, "Retry-After")), (503, vec!["5"]));
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "there is one answer");
}

#[test]
fn a_connection_knows_of_an_end_that_the_handshake_saw() {
    let mut server = server();
    let request = server.hears_request(REQUEST);
    assert!(server.hears_eof().is_empty());
    let acceptance = request.accept(Accept::new()).unwrap();
    let connection = server.machine.accept(acceptance, Arc::new(Config::default()), server.now);
    assert!(!connection.wants_read());
}
