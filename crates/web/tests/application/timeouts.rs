//! How long an application waits for its clients, to the millisecond, and what becomes of those that it gives up.

use std::{sync::Arc, time::Duration};

use squall_tokio::web::{
    Application, Failure, Handler, Handshake, Message, Refusal, Request, Response, Session,
};
use tokio::sync::Notify;

use crate::{
    scene::{MOMENT, Scene, answer},
    upgrade,
};

/// What is given up says so, literally.
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(2);

/// The length of the page `/large`.
const LARGE: usize = 1 << 20;

fn pages() -> Scene {
    let application = Application::new()
        .get("/", async |_| "home")
        .unwrap()
        .get("/large", async |_| Response::bytes(vec![b'x'; LARGE], "text/plain"))
        .unwrap()
        .post("/", async |request: Request| Response::text(String::from_utf8_lossy(request.body())))
        .unwrap();
    Scene::new(application)
}

/// A connection whose only request is answered, and that is over for the application but for what the client may still send.
fn lingering() -> Scene {
    let mut scene = pages();
    let heard = scene.say("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    assert_eq!(answer(&heard), (200, "home"));
    assert!(scene.client.peer_ended() && !scene.is_dropped());
    scene
}

#[test]
fn a_head_may_come_until_the_last_moment() {
    let scene = pages();
    assert_eq!(scene.say("GET / HT"), b"");
    assert_eq!(scene.pass(HEAD_TIMEOUT - MOMENT), b"");
    assert_eq!(answer(&scene.say("TP/1.1\r\nHost: a.test\r\n\r\n")), (200, "home"));
}

#[test]
fn a_head_that_is_late_is_told_so_and_then_has_two_seconds_to_end() {
    let mut scene = pages();
    scene.say("GET / HT");
    scene.pass(HEAD_TIMEOUT - MOMENT);
    assert_eq!(scene.pass(MOMENT), TOO_SLOW);
    assert!(scene.client.peer_ended());
    assert_eq!(scene.pass(LINGER - MOMENT), b"");
    assert!(!scene.is_dropped());
    assert_eq!(scene.pass(MOMENT), b"");
    assert!(scene.is_dropped());
}

#[test]
fn a_late_head_that_came_with_the_request_before_it_is_told_so_too() {
    let scene = pages();
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_eq!(answer(&scene.say([request, "GET / HT"].concat())), (200, "home"));
    scene.pass(HEAD_TIMEOUT - MOMENT);
    assert_eq!(scene.pass(MOMENT), TOO_SLOW);
    // An empty line between requests begins none (RFC 9112 §2.2).
    for before in [request, ""] {
        let scene = pages();
        scene.say([before, "\r\n"].concat());
        assert_eq!(scene.pass(HEAD_TIMEOUT), b"");
        assert!(scene.client.peer_ended());
    }
}

#[test]
fn a_connection_that_has_nothing_to_ask_ends_without_a_word() {
    let mut scene = pages();
    assert_eq!(scene.pass(HEAD_TIMEOUT), b"");
    assert!(scene.is_dropped());
    // Nor has one anything to ask whose request is answered.
    let mut scene = pages();
    assert_eq!(answer(&scene.say("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")), (200, "home"));
    assert_eq!(scene.pass(HEAD_TIMEOUT - MOMENT), b"");
    assert!(!scene.is_dropped());
    assert_eq!(scene.pass(MOMENT), b"");
    assert!(scene.is_dropped());
}

#[test]
fn a_client_that_ends_within_its_request_is_told_nothing() {
    let scene = pages();
    assert_eq!(scene.say("GET / HT"), b"");
    scene.client.end();
    assert_eq!(scene.pass(Duration::ZERO), b"");
    assert!(scene.client.peer_ended());
}

#[test]
fn a_body_may_come_until_the_last_moment() {
    let scene = pages();
    assert_eq!(scene.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhel"), b"");
    assert_eq!(scene.pass(BODY_TIMEOUT - MOMENT), b"");
    assert_eq!(answer(&scene.say("lo")), (200, "hello"));
}

#[test]
fn a_body_that_is_late_is_408_and_the_last_answer() {
    let scene = pages();
    scene.say("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhel");
    scene.pass(BODY_TIMEOUT - MOMENT);
    let heard = scene.pass(MOMENT);
    assert_eq!(answer(&heard), (408, "Request Timeout"));
    assert!(String::from_utf8(heard).unwrap().contains("\r\nConnection: close\r\n"));
    assert!(scene.client.peer_ended());
}

#[test]
fn a_client_may_take_the_next_bytes_until_the_last_moment() {
    let scene = pages();
    let mut heard = scene.say("GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n");
    while answer(&heard).1.len() < LARGE {
        scene.simulation.pass(WRITE_TIMEOUT - MOMENT);
        let next = scene.client.hear();
        assert!(!next.is_empty());
        heard.extend(next);
    }
    assert_eq!(answer(&heard).1.len(), LARGE);
}

#[test]
fn a_client_that_takes_nothing_in_time_is_dropped() {
    let mut scene = pages();
    scene.client.say("GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n");
    scene.simulation.pass(WRITE_TIMEOUT - MOMENT);
    assert!(!scene.is_dropped());
    scene.simulation.pass(MOMENT);
    assert!(scene.is_dropped());
    assert!(scene.client.hear().len() < LARGE);
}

#[test]
fn what_a_client_sends_behind_the_last_answer_is_read_for_two_seconds() {
    let mut scene = lingering();
    assert_eq!(scene.pass(LINGER - MOMENT), b"");
    assert_eq!(scene.say("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), b"");
    assert!(!scene.is_dropped());
    assert_eq!(scene.pass(MOMENT), b"");
    assert!(scene.is_dropped());
    assert_eq!(scene.own.counts().shutdowns, 1);
}

#[test]
fn of_what_a_client_sends_behind_the_last_answer_a_mebibyte_is_read() {
    let mut scene = lingering();
    scene.say(vec![b'x'; (1 << 20) - 1]);
    assert!(!scene.is_dropped());
    scene.say("x");
    assert!(scene.is_dropped());
}

#[test]
fn a_client_that_ends_after_the_last_answer_is_not_waited_for() {
    assert!(!lingering().ends_at_once());
    let scene = lingering();
    scene.client.end();
    assert!(scene.ends_at_once());
}

/// Lets nobody in before it is told to.
struct Patient(Arc<Notify>);

impl Handler for Patient {
    async fn prepare(&mut self, _: &mut Handshake) -> Result<(), Refusal> {
        self.0.notified().await;
        Ok(())
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

/// A handler that prepares until just before its limit, and the switch that lets it go on.
fn preparing() -> (Scene, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let application =
        Application::new().websocket("/", move |_| Patient(Arc::clone(&told))).unwrap();
    let scene = Scene::new(application);
    assert_eq!(scene.say(upgrade("/", "")), b"");
    assert_eq!(scene.pass(HANDSHAKE_TIMEOUT - MOMENT), b"");
    (scene, go_on)
}

#[test]
fn prepare_may_take_until_the_last_moment() {
    let (scene, go_on) = preparing();
    go_on.notify_one();
    assert_eq!(answer(&scene.pass(Duration::ZERO)), (101, ""));
}

#[test]
fn prepare_that_takes_longer_is_503() {
    let (scene, _go_on) = preparing();
    assert_eq!(answer(&scene.pass(MOMENT)), (503, "Service Unavailable"));
}
