//! What each sending call puts on the wire, of a whole connection and of a sending half.

use std::task::{Context, Waker};

use squall_io::server::{ServerConfig, accept};
use squall_proto::{Config, ControlPayload, SendError, WriteMarks, deflate::DeflateConfig};
use squall_testkit::{
    pipe::{Fault, Operation, pipe},
    simulation::Simulation,
    wire::{REQUEST, from_client, from_server},
};

use crate::{Peer, Scene, poll_times, server};

#[test]
fn a_sender_does_what_its_connection_does() {
    let Scene { simulation, mut socket, peer, .. } = server();
    let payload = ControlPayload::try_from(b"hi".as_slice()).unwrap();
    let sender = socket.sender();
    simulation.block_on(async {
        socket.send_uncompressed("plain").await.unwrap();
        socket.pong(payload.clone()).await.unwrap();
    });
    let said = [from_server(0x81, "plain"), from_server(0x8A, "hi")].concat();
    assert_eq!(peer.hear(), said);
    simulation.block_on(async {
        sender.send_uncompressed("plain").await.unwrap();
        sender.pong(payload).await.unwrap();
    });
    assert_eq!(peer.hear(), said);
    assert_eq!((socket.stats(), sender.stats().messages_sent), (sender.stats(), 2));
    let written = |end: &squall_testkit::pipe::End| end.probe().counts().successful_writes;
    assert_eq!(socket.with_transport(written), Some(4));
    assert_eq!(sender.with_transport(written), Some(4));
    socket.abort();
    assert_eq!(sender.with_transport(written), None);
}

/// PD06: what shall not be compressed is not, before and after what is.
#[test]
fn send_uncompressed_sends_uncompressed_where_compression_was_agreed() {
    let simulation = Simulation::new();
    let config = ServerConfig::default().deflate(DeflateConfig::default().threshold(0));
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    peer.say([&REQUEST[..REQUEST.len() - 2], extension].concat());
    let mut socket = simulation.block_on(accept(end, simulation.clone(), &config)).unwrap();
    assert!(peer.hear().starts_with(b"HTTP/1.1 101 "));
    for _ in 0..2 {
        simulation.block_on(socket.send_uncompressed("secret")).unwrap();
        assert_eq!(peer.hear(), from_server(0x81, "secret"));
        simulation.block_on(socket.send("hello")).unwrap();
        assert!(peer.hear().starts_with(b"\xC1"));
    }
}

/// A pipe that is full from the start takes not a byte, and the stream has nothing to flush either.
#[test]
fn a_flush_waits_while_the_stream_takes_nothing() {
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), Config::default(), 7);
    simulation.block_on(socket.send("hello")).unwrap();
    simulation.block_on(socket.feed("world")).unwrap();
    assert_eq!(poll_times(socket.flush(), 3), None);
    assert_eq!(peer.hear(), from_server(0x81, "hello"));
    assert_eq!(poll_times(socket.flush(), 1), Some(Ok(())));
    assert_eq!(peer.hear(), from_server(0x81, "world"));
}

#[test]
fn a_sender_that_is_full_is_not_ready() {
    let config = Config::default().write_marks(WriteMarks::new(10, 5));
    let Scene { socket, peer, .. } = Scene::server(&Simulation::new(), config, 4);
    let cx = &mut Context::from_waker(Waker::noop());
    let sender = socket.sender();
    assert!(sender.poll_ready(cx).is_ready());
    sender.queue(vec![7; 12]).unwrap();
    assert!(sender.poll_ready(cx).is_pending());
    assert!(sender.poll_sent(cx).is_pending());
    for _ in 0..3 {
        peer.hear();
        let _ = sender.poll_flushed(cx);
    }
    assert!(sender.poll_ready(cx).is_ready());
    assert!(sender.poll_flushed(cx).is_ready());
}

/// One that waits for room hears of an end that somebody else comes across, though the stream wakes nobody for it.
#[test]
fn a_sender_that_waits_hears_of_an_end_that_the_receiving_half_comes_across() {
    let config = Config::default().write_marks(WriteMarks::new(10, 5)).keep_alive(None);
    let Scene { simulation, socket, peer, .. } = Scene::server(&Simulation::new(), config, 4);
    let (mut receiver, sender) = socket.split();
    let waiting = simulation.start(async move {
        sender.feed(vec![7; 30]).await.unwrap();
        sender.feed(vec![7; 30]).await
    });
    simulation.run();
    peer.end();
    simulation.run();
    assert!(waiting.take().is_none(), "nobody has looked");
    assert!(simulation.wait(receiver.recv()).is_err());
    assert_eq!(waiting.take(), Some(Err(SendError::Closed)));
}

/// How long the application took to answer is no part of the time that the peer has to read it.
#[test]
fn an_answer_that_comes_late_has_its_whole_time() {
    let config = Config::default().keep_alive(None);
    let Scene { simulation, mut socket, own, peer } =
        Scene::server(&Simulation::new(), config, 64 << 10);
    peer.say(from_client(0x81, "hello").repeat(3));
    assert!(poll_times(socket.recv(), 1).is_some());
    simulation.pass(60 * crate::SECOND);
    // A call that waits tries twice.
    for nth in 0..4 {
        own.fail(Operation::Write, nth, Fault::Pending);
    }
    simulation.block_on(socket.feed("world")).unwrap();
    assert_eq!(poll_times(socket.flush(), 1), None);
    simulation.pass(19 * crate::SECOND);
    assert_eq!(poll_times(socket.flush(), 1), None);
    assert_eq!(simulation.block_on(socket.flush()), Ok(()));
    assert_eq!(peer.hear(), from_server(0x81, "world"));
}
