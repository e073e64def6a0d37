//! A connection as a stream and a sink of the futures crates.

use std::{
    pin::Pin,
    task::{Context, Waker},
};

use futures::{Sink, SinkExt, StreamExt, stream::FusedStream};
use squall_io::Error;
use squall_proto::{Closed, Config, Message, SendError, WriteMarks};
use squall_testkit::{
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, pair, server};

#[test]
fn a_stream_forwarded_to_its_sink_is_an_echo() {
    let Scene { simulation, socket, own, peer } = server();
    let (sink, stream) = StreamExt::split(socket);
    let done = simulation.start(stream.forward(sink));
    peer.say(from_client(0x81, "hello").repeat(5));
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x81, "hello").repeat(5));
    // The futures crate's sink half keeps one message back until it is flushed.
    assert_eq!(own.counts().successful_writes, 2);
    peer.say(from_client(0x88, b""));
    peer.end();
    simulation.run();
    assert!(matches!(done.take(), Some(Ok(()))));
}

#[test]
fn our_own_halves_forward_too() {
    let Scene { simulation, socket, peer, .. } = server();
    let (receiver, sender) = socket.split();
    let done = simulation.start(receiver.forward(sender));
    peer.say(from_client(0x82, [7; 200_000]));
    let mut heard = Vec::new();
    for _ in 0..10 {
        simulation.run();
        heard.extend(peer.hear());
    }
    assert_eq!(heard, from_server(0x82, [7; 200_000]));
    peer.end();
    simulation.run();
    assert!(matches!(done.take(), Some(Err(Error::Eof))));
}

#[test]
fn a_stream_ends_once_and_knows_it() {
    let Scene { simulation, mut socket, peer, .. } = server();
    peer.say(from_client(0x81, "one"));
    peer.say(from_client(0x88, b""));
    peer.end();
    simulation.block_on(async {
        assert!(!socket.is_terminated());
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("one"));
        assert!(socket.next().await.is_none());
        assert!(socket.is_terminated());
        assert!(socket.next().await.is_none());
    });
}

#[test]
fn send_all_waits_for_room() {
    let simulation = Simulation::new();
    let config = Config::default().write_marks(WriteMarks::new(50, 20));
    let (server, mut client) = pair(&simulation, &config, 9);
    let sent = simulation.start(async move {
        let messages = (0..50_u8).map(|index| Ok(Message::from(vec![index; 30])));
        client.send_all(&mut futures::stream::iter(messages)).await.unwrap();
        client
    });
    let received: Vec<_> = simulation.block_on(server.take(50).collect());
    for (index, message) in (0..50_u8).zip(received) {
        assert_eq!(message.unwrap(), Message::from(vec![index; 30]));
    }
    simulation.run();
    assert!(sent.take().is_some());
}

#[test]
fn closing_the_sink_of_a_whole_connection_waits_for_the_end() {
    let Scene { simulation, mut socket, peer, .. } = server();
    let done = simulation.start(async move { (SinkExt::close(&mut socket).await, socket) });
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x88, b""));
    assert!(done.take().is_none());
    peer.say(from_client(0x81, "dropped"));
    peer.say(from_client(0x88, b""));
    peer.end();
    simulation.run();
    let (closed, mut socket) = done.take().unwrap();
    assert!(closed.is_ok());
    assert_eq!(socket.closed(), Some(Closed::Clean(None)));
    let sent = simulation.block_on(SinkExt::send(&mut socket, Message::text("late")));
    assert!(matches!(sent, Err(Error::Send(SendError::Closed))));
}

/// The receiving half completes the closing handshake.
#[test]
fn closing_the_sink_of_a_sender_says_close_and_waits_for_nobody() {
    let Scene { simulation, socket, peer, .. } = server();
    let mut sender = socket.sender();
    assert!(simulation.block_on(SinkExt::close(&mut sender)).is_ok());
    assert_eq!(peer.hear(), from_server(0x88, b""));
    let sent = simulation.block_on(SinkExt::send(&mut sender, Message::text("late")));
    assert!(matches!(sent, Err(Error::Send(SendError::Closed))));
}

/// A task that looks at its sink for another reason than a wake-up of ours is not woken for having looked.
#[test]
fn a_sink_that_is_closing_wakes_nobody_by_being_polled() {
    let Scene { simulation, mut socket, peer: _silent, .. } = server();
    let sleeper = simulation.clone();
    let done = simulation.start(async move {
        let ticks = async {
            for _ in 0..10 {
                sleeper.sleep(SECOND / 10).await;
            }
        };
        futures::future::join(SinkExt::close(&mut socket), ticks).await.0
    });
    simulation.pass(6 * SECOND);
    let closed = done.take();
    assert!(matches!(closed, Some(Err(Error::TimedOut(_)))), "{closed:?}");
    assert!(simulation.polls() < 40, "{}", simulation.polls());
}

#[test]
fn a_sink_that_is_full_is_not_ready() {
    let config = Config::default().write_marks(WriteMarks::new(10, 5));
    let Scene { mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 4);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut sink = Pin::new(&mut socket);
    assert!(sink.as_mut().poll_ready(cx).is_ready());
    sink.as_mut().start_send(Message::from(vec![7; 12])).unwrap();
    assert!(sink.as_mut().poll_ready(cx).is_pending());
    for _ in 0..3 {
        peer.hear();
        let _ = sink.as_mut().poll_ready(cx);
    }
    assert!(sink.as_mut().poll_ready(cx).is_ready());
}
