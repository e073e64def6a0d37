//! Every method of a connection, dropped after every number of polls: nothing is lost and nothing comes twice.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use squall_proto::{
    CloseCode, Closed, Config, ControlPayload, Delivery, Event, Fragment, Message, WriteMarks,
};
use squall_testkit::{
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{Scene, pair};

/// More polls than anything here takes.
const ENOUGH: usize = 60;

/// Polls a future at most so many times, with something happening before each, and drops it.
fn polled<F: Future>(future: F, times: usize, mut between: impl FnMut()) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..times).find_map(|_| {
        between();
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    })
}

fn scene(capacity: usize) -> Scene {
    let config = Config::default().write_marks(WriteMarks::new(30, 10)).keep_alive(None);
    Scene::server(&Simulation::new(), config, capacity)
}

/// The messages `one`, `two` …, long enough for a few reads of four bytes.
fn messages() -> Vec<Message> {
    ["one", "two and more", "", "four"].map(Message::text).to_vec()
}

fn wire(messages: &[Message]) -> Vec<u8> {
    messages.iter().flat_map(|message| from_client(0x81, message.as_bytes())).collect()
}

#[test]
fn recv_loses_no_message() {
    for polls in 1..ENOUGH {
        let Scene { mut socket, own, peer, .. } = scene(64);
        own.limit(4, 64);
        let bytes = wire(&messages());
        let mut arriving = bytes.iter();
        let mut received = Vec::new();
        while received.len() < 4 {
            let between = || arriving.next().into_iter().for_each(|byte| peer.say([*byte]));
            if let Some(message) = polled(socket.recv(), polls, between) {
                received.push(message.unwrap().unwrap());
            }
        }
        assert_eq!(received, messages(), "{polls}");
    }
}

#[test]
fn recv_event_loses_no_event() {
    let events = [
        Event::Message(Message::text("one")),
        Event::Ping(b"ping".as_slice().try_into().unwrap()),
        Event::Message(Message::text("two")),
        Event::Pong(b"pong".as_slice().try_into().unwrap()),
        Event::Closed(Closed::Clean(None)),
    ];
    let frames = [(0x81, "one"), (0x89, "ping"), (0x81, "two"), (0x8A, "pong"), (0x88, "")];
    let bytes: Vec<u8> =
        frames.iter().flat_map(|(first, text)| from_client(*first, text)).collect();
    for polls in 1..ENOUGH {
        let Scene { mut socket, peer, .. } = scene(64);
        let mut arriving = bytes.iter();
        let mut received = Vec::new();
        while received.len() < events.len() {
            let between = || match arriving.next() {
                Some(byte) => peer.say([*byte]),
                None => peer.end(),
            };
            received.extend(polled(socket.recv_event(), polls, between).flatten());
        }
        assert_eq!(received, events, "{polls}");
        assert_eq!(polled(socket.recv_event(), 1, || {}), Some(None));
    }
}

#[test]
fn recv_fragment_loses_no_piece() {
    for polls in 1..ENOUGH {
        let Scene { mut socket, peer, .. } = scene(64);
        let bytes = wire(&messages());
        let mut arriving = bytes.iter();
        let mut received = vec![String::new()];
        while received.len() < 5 {
            let between = || arriving.next().into_iter().for_each(|byte| peer.say([*byte]));
            if let Some(fragment) = polled(socket.recv_fragment(), polls, between) {
                let fragment = fragment.unwrap().unwrap();
                received.last_mut().unwrap().push_str(fragment.payload.as_text().unwrap());
                if fragment.is_final {
                    received.push(String::new());
                }
            }
        }
        assert_eq!(received, ["one", "two and more", "", "four", ""], "{polls}");
    }
}

/// recv and recv_fragment in turn, each dropped while a message is half there: what nobody has seen a piece of is still a message.
#[test]
fn recv_after_a_dropped_recv_fragment_has_the_whole_message() {
    let bytes = from_client(0x81, "hello, world");
    for cut in 0..bytes.len() {
        let Scene { mut socket, peer, .. } = scene(64);
        peer.say(&bytes[..cut.min(6)]);
        assert!(polled(socket.recv_fragment(), 1, || {}).is_none());
        peer.say(&bytes[cut.min(6)..cut]);
        assert!(polled(socket.recv(), 1, || {}).is_none(), "{cut}");
        peer.say(&bytes[cut..]);
        let message = polled(socket.recv(), 1, || {}).unwrap().unwrap();
        assert_eq!(message, Some(Message::text("hello, world")), "{cut}");
    }
}

/// The other way round: what recv has collected and not told comes as a piece.
#[test]
fn recv_fragment_after_a_dropped_recv_has_the_rest_and_what_came_before_it() {
    let bytes = from_client(0x81, "hello, world");
    for cut in 0..bytes.len() {
        let config = Config::default().delivery(Delivery::Fragments);
        let Scene { mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 64);
        peer.say(&bytes[..cut.min(6)]);
        assert!(polled(socket.recv_fragment(), 1, || {}).is_none());
        peer.say(&bytes[cut.min(6)..cut]);
        assert!(polled(socket.recv(), 1, || {}).is_none(), "{cut}");
        peer.say(&bytes[cut..]);
        let mut text = String::new();
        loop {
            let fragment = polled(socket.recv_fragment(), 1, || {}).unwrap().unwrap().unwrap();
            text.push_str(fragment.payload.as_text().unwrap());
            if fragment.is_final {
                break;
            }
        }
        assert_eq!(text, "hello, world", "{cut}");
    }
}

/// What was sent for certain has to arrive, what was not may; all in order, whole and once.
#[test]
fn a_dropped_send_has_sent_the_message_whole_or_not_at_all() {
    for (polls, feeds) in (0..ENOUGH).flat_map(|polls| [(polls, false), (polls, true)]) {
        let Scene { mut socket, peer, .. } = scene(4);
        let mut heard = Vec::new();
        let mut certain = Vec::new();
        for index in 0..12_u8 {
            let message = vec![index; 10];
            let between = || heard.extend(peer.hear_only(2));
            let sent = if feeds {
                polled(socket.feed(message), polls, between)
            } else {
                polled(socket.send(message), polls, between)
            };
            if let Some(sent) = sent {
                sent.unwrap();
                certain.push(index);
            }
        }
        while polled(socket.flush(), 1, || heard.extend(peer.hear())).is_none() {}
        heard.extend(peer.hear());
        let arrived: Vec<u8> = heard.chunks(12).map(|frame| frame[2]).collect();
        let frames = arrived.iter().flat_map(|index| from_server(0x82, [*index; 10]));
        assert_eq!(frames.collect::<Vec<_>>(), heard, "{polls}: whole");
        assert!(arrived.is_sorted_by(|one, next| one < next), "{polls}: in order and once");
        assert!(certain.iter().all(|index| arrived.contains(index)), "{polls}: what was sent");
    }
}

#[test]
fn dropped_pieces_pings_and_pongs_are_sent_whole_or_not_at_all() {
    for polls in 0..ENOUGH {
        let Scene { mut socket, peer, .. } = scene(4);
        let mut heard = Vec::new();
        let payload = ControlPayload::try_from(b"12345678".as_slice()).unwrap();
        for _ in 0..4 {
            polled(socket.ping(payload.clone()), polls, || heard.extend(peer.hear_only(2)));
            polled(socket.pong(payload.clone()), polls, || heard.extend(peer.hear_only(2)));
            let piece = Fragment::more(vec![7; 8]);
            polled(socket.send_fragment(piece), polls, || heard.extend(peer.hear_only(2)));
        }
        while polled(socket.flush(), 1, || heard.extend(peer.hear())).is_none() {}
        heard.extend(peer.hear());
        let mut pieces = 0;
        for frame in heard.chunks(10) {
            let first = if pieces == 0 { 0x02 } else { 0x00 };
            let expected = match frame[0] {
                0x89 | 0x8A => from_server(frame[0], b"12345678"),
                _ => from_server(first, [7; 8]),
            };
            pieces += usize::from(frame[0] & 0x80 == 0);
            assert_eq!(frame, expected, "{polls}");
        }
    }
}

#[test]
fn a_dropped_flush_loses_nothing_of_what_is_queued() {
    for polls in 0..ENOUGH {
        let Scene { mut socket, peer, .. } = scene(4);
        polled(socket.feed(vec![7; 28]), 1, || {}).unwrap().unwrap();
        let mut heard = Vec::new();
        polled(socket.flush(), polls, || heard.extend(peer.hear_only(2)));
        while polled(socket.flush(), 1, || heard.extend(peer.hear())).is_none() {}
        heard.extend(peer.hear());
        assert_eq!(heard, from_server(0x82, [7; 28]), "{polls}");
    }
}

#[test]
fn a_dropped_close_goes_on_with_the_next_call() {
    for polls in 0..ENOUGH {
        let Scene { mut socket, peer, .. } = scene(3);
        let mut heard = Vec::new();
        polled(socket.close(CloseCode::NORMAL), polls, || heard.extend(peer.hear_only(1)));
        peer.say(from_client(0x88, 1000_u16.to_be_bytes()));
        peer.end();
        let closed = loop {
            let closed = polled(socket.close(None), 1, || heard.extend(peer.hear()));
            if let Some(closed) = closed {
                break closed.unwrap();
            }
        };
        heard.extend(peer.hear());
        assert_eq!(closed, Some(CloseCode::NORMAL.into()), "{polls}");
        let first =
            if polls == 0 { from_server(0x88, b"") } else { from_server(0x88, b"\x03\xE8") };
        assert_eq!(heard, first, "{polls}");
        assert!(matches!(socket.closed(), Some(Closed::Clean(_))));
    }
}

/// Two connections, tiny pipes, and on each side recv and send in turn, every call dropped after so many polls.
#[test]
fn a_conversation_of_dropped_calls_keeps_every_message() {
    for polls in 1..20 {
        let simulation = Simulation::new();
        let config = Config::default().write_marks(WriteMarks::new(30, 10));
        let (mut server, mut client) = pair(&simulation, &config, 5);
        let (mut to_send, mut received) = ((0..20_u8).collect::<Vec<_>>(), Vec::new());
        to_send.reverse();
        for _ in 0..10_000 {
            if let Some(index) = to_send.last().copied()
                && polled(client.feed(vec![index; 9]), polls, || {}).is_some()
            {
                to_send.pop();
            }
            let _ = polled(client.recv(), polls, || {});
            if let Some(message) = polled(server.recv(), polls, || {}) {
                received.push(message.unwrap().unwrap());
            }
            if received.len() == 20 {
                break;
            }
        }
        let expected: Vec<_> = (0..20_u8).map(|index| Message::from(vec![index; 9])).collect();
        assert_eq!(received, expected, "{polls}");
    }
}
