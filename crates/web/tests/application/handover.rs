//! The bytes at the border between a request and its WebSocket.

use squall_testkit::{
    pipe::{Fault, Operation},
    wire::{from_client, from_server},
};
use squall_tokio::web::{Application, Failure, Handler, Message, Session};

use crate::{scene::Scene, upgrade};

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

fn echo() -> Scene {
    Scene::new(Application::new().websocket("/", |_| Echo).unwrap())
}

/// What an application says that is told these bytes, one piece after another.
fn heard(pieces: &[&[u8]]) -> Vec<u8> {
    let scene = echo();
    pieces.iter().flat_map(|piece| scene.say(piece)).collect()
}

#[test]
fn a_request_and_its_first_messages_may_be_cut_anywhere() {
    let request = upgrade("/", "");
    let said = [request.as_bytes(), &from_client(0x81, "one"), &from_client(0x81, "two")].concat();
    let frames = [from_server(0x81, "one"), from_server(0x81, "two")].concat();
    for cut in 0..said.len() {
        let (first, second) = said.split_at(cut);
        let heard = heard(&[first, second]);
        assert!(heard.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"), "cut at {cut}");
        assert!(heard.ends_with(&[b"\r\n\r\n", &frames[..]].concat()), "cut at {cut}");
    }
}

#[test]
fn messages_behind_the_request_keep_their_order_however_many_they_are() {
    // More than hyper takes at once, and more than is read at once for it.
    let numbers = 0..6000_u32;
    let mut said = upgrade("/", "").into_bytes();
    said.extend(numbers.clone().flat_map(|number| from_client(0x82, number.to_be_bytes())));
    let frames: Vec<u8> =
        numbers.flat_map(|number| from_server(0x82, number.to_be_bytes())).collect();
    assert!(heard(&[&said]).ends_with(&frames));
}

#[test]
fn the_answer_is_flushed_before_anything_is_said_on_the_websocket() {
    let scene = echo();
    scene.own.send_on_flush_only();
    let heard = scene.say(upgrade("/", ""));
    assert!(heard.starts_with(b"HTTP/1.1 101 ") && heard.ends_with(b"\r\n\r\n"));
}

#[test]
fn an_answer_that_has_to_wait_comes_before_what_is_said_on_the_websocket() {
    for operation in [Operation::Write, Operation::Flush] {
        let scene = echo();
        scene.own.fail(operation, 0, Fault::Pending);
        let heard = scene.say([upgrade("/", "").as_bytes(), &from_client(0x81, "hello")].concat());
        assert!(heard.starts_with(b"HTTP/1.1 101 "), "{operation:?}");
        assert!(heard.ends_with(b"\r\n\r\n\x81\x05hello"), "{operation:?}");
    }
}
