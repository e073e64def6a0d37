//! Streams that fail, stall and end where it hurts.

use std::{io::ErrorKind, sync::Arc};

use squall_io::{Error, WebSocket};
use squall_proto::{CloseCode, Config, Connection, Deadline, Message, ProtocolError};
use squall_testkit::{
    entropy::FailingKeys,
    pipe::{Fault, Operation, pipe},
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, Socket, poll_times, server};

/// What a client says in a session: two messages, a ping between fragments, a Close.
fn session() -> Vec<u8> {
    [
        from_client(0x81, "hello"),
        from_client(0x01, "frag"),
        from_client(0x89, "ping"),
        from_client(0x80, "ments"),
        from_client(0x88, b"\x03\xE8"),
    ]
    .concat()
}

/// What a server says to it.
fn answers() -> Vec<u8> {
    [
        from_server(0x81, "hello"),
        from_server(0x8A, "ping"),
        from_server(0x81, "fragments"),
        from_server(0x88, b"\x03\xE8"),
    ]
    .concat()
}

/// CL08: the end of the stream at every byte of a session. What came before it is delivered, and it is no clean end unless the Close
/// is complete.
#[test]
fn the_stream_ends_at_every_byte_of_a_session() {
    let bytes = session();
    for cut in 0..=bytes.len() {
        let mut scene = server();
        scene.peer.say(&bytes[..cut]);
        scene.peer.end();
        let (messages, ending) = scene.simulation.block_on(receive_all(&mut scene.socket));
        let whole = usize::from(cut >= 11) + usize::from(cut >= 11 + 10 + 10 + 11);
        assert_eq!(messages, ["hello", "fragments"][..whole], "{cut}");
        if cut == bytes.len() {
            assert!(ending.is_none(), "{ending:?}");
        } else {
            assert!(matches!(ending, Some(Error::Eof)), "{cut}: {ending:?}");
        }
        assert!(scene.peer.peer_ended());
    }
}

/// The peer falls silent at every byte of a session, without an end: it is gone when the stated timeouts say so.
#[test]
fn the_peer_falls_silent_at_every_byte_of_a_session() {
    let bytes = session();
    for cut in 0..=bytes.len() {
        let mut scene = server();
        scene.peer.say(&bytes[..cut]);
        let started = scene.simulation.now();
        let (messages, ending) = scene.simulation.wait(receive_all(&mut scene.socket));
        let took = scene.simulation.now() - started;
        assert!(messages.len() <= 2);
        if cut == bytes.len() {
            assert!(ending.is_none() && took == 5 * SECOND, "{ending:?} {took:?}");
        } else {
            let silent = matches!(ending, Some(Error::TimedOut(Deadline::KeepAlive)));
            assert!(silent && took == 45 * SECOND, "{cut}: {ending:?} {took:?}");
        }
        assert!(scene.peer.peer_ended());
    }
}

async fn receive_all(socket: &mut Socket) -> (Vec<String>, Option<Error>) {
    let mut messages = Vec::new();
    loop {
        match socket.recv().await {
            Ok(Some(message)) => messages.push(message.as_text().unwrap().to_owned()),
            Ok(None) => return (messages, None),
            Err(error) => return (messages, Some(error)),
        }
    }
}

/// The n-th read fails, for every n of a bytewise session.
#[test]
fn every_read_of_a_session_fails_in_turn() {
    let bytes = session();
    for nth in 0..bytes.len() {
        let mut scene = server();
        scene.own.limit(1, usize::MAX);
        scene.peer.say(&bytes);
        scene.peer.end();
        scene.own.fail(Operation::Read, nth, Fault::Error(ErrorKind::ConnectionReset));
        let (messages, ending) = scene.simulation.block_on(receive_all(&mut scene.socket));
        assert!(messages.len() <= 2);
        let reset =
            matches!(&ending, Some(Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset);
        assert!(reset, "{nth}: {ending:?}");
        assert!(matches!(scene.simulation.block_on(scene.socket.recv()), Ok(None)));
    }
}

/// What is only a nuisance changes nothing: the n-th operation is interrupted, has to wait or moves one byte.
#[test]
fn a_session_is_the_same_whatever_its_stream_is_like() {
    let nuisances = [Fault::Error(ErrorKind::Interrupted), Fault::Pending, Fault::Short];
    for operation in [Operation::Read, Operation::Write, Operation::Flush] {
        for fault in nuisances {
            for nth in 0..60 {
                let scene = server();
                let (own, limits) = (scene.own.clone(), (1, 3));
                own.limit(limits.0, limits.1);
                own.fail(operation, nth, fault);
                let (simulation, _, peer) = scene.starts_echo();
                peer.say(session());
                peer.end();
                simulation.run();
                assert_eq!(peer.hear(), answers(), "{operation:?} {nth} {fault:?}");
                assert!(peer.peer_ended(), "{operation:?} {nth} {fault:?}");
            }
        }
    }
}

/// The n-th write fails: the message is refused or lost, and what the peer said before is still received.
#[test]
fn every_write_of_a_session_fails_in_turn() {
    for fault in [Fault::Error(ErrorKind::BrokenPipe), Fault::Zero] {
        for nth in 0..10 {
            let scene = server();
            scene.own.limit(usize::MAX, 3);
            scene.own.fail(Operation::Write, nth, fault);
            let (simulation, own, peer) = scene.starts_echo();
            peer.say(session());
            simulation.pass(10 * SECOND);
            assert!(peer.peer_ended(), "{nth}");
            assert!(answers().starts_with(&peer.hear()));
            assert_eq!(own.counts().writes, nth + 1, "nothing is written after a failure");
        }
    }
}

#[test]
fn a_failed_write_is_the_error_of_the_connection_and_what_had_arrived_is_received_before() {
    let mut scene = server();
    scene.own.fail(Operation::Write, 0, Fault::Error(ErrorKind::BrokenPipe));
    scene.peer.say(from_client(0x81, "one"));
    scene.simulation.block_on(async {
        assert!(scene.socket.send("lost").await.is_err());
        assert_eq!(scene.socket.recv().await.unwrap(), Some(Message::text("one")));
        let error = scene.socket.recv().await.unwrap_err();
        assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
        assert!(matches!(scene.socket.recv().await, Ok(None)));
    });
}

#[test]
fn a_failed_flush_fails_the_connection() {
    let mut scene = server();
    scene.own.fail(Operation::Flush, 0, Fault::Error(ErrorKind::BrokenPipe));
    assert!(scene.simulation.block_on(scene.socket.send("lost")).is_err());
    assert!(matches!(scene.simulation.block_on(scene.socket.recv()), Err(Error::Io(_))));
}

/// An end that a waiting sender comes across is not forgotten, though the stream tells it once only.
#[test]
fn an_end_that_a_sender_reads_is_told_by_recv() {
    let config = Config::default().close_timeout(SECOND);
    let mut scene = Scene::server(&Simulation::new(), config, 10);
    assert!(poll_times(scene.socket.feed(vec![7; 70_000]), 1).is_some());
    // The deadline of a ping makes the sender look for a sign of life.
    assert!(poll_times(scene.socket.flush(), 1).is_none());
    scene.simulation.pass(20 * SECOND);
    scene.own.reset_counts();
    scene.own.fail(Operation::Read, 0, Fault::Error(ErrorKind::ConnectionReset));
    assert!(poll_times(scene.socket.flush(), 1).is_none());
    assert_eq!(scene.own.counts().reads, 1);
    let ending = poll_times(scene.socket.recv(), 2);
    let next = scene.simulation.wait(scene.socket.recv());
    assert!(
        matches!(ending, Some(Err(Error::Io(_)))) || matches!(next, Err(Error::Io(_))),
        "{ending:?} {next:?}"
    );
}

/// A source of masking keys that fails ends a client's connection where it would have to send without one.
#[test]
fn a_client_without_masking_keys_sends_nothing() {
    for keys in 0..3 {
        let (end, peer) = pipe();
        let simulation = Simulation::new();
        let connection = Connection::client(
            Arc::new(Config::default()),
            FailingKeys::after(keys),
            simulation.now(),
        );
        let mut socket = WebSocket::from_connection(connection, end, simulation.clone());
        for _ in 0..keys {
            assert_eq!(simulation.block_on(socket.send("hi")), Ok(()));
        }
        assert!(simulation.block_on(socket.send("hi")).is_err());
        assert_eq!(peer.probe().hear(), from_client(0x81, "hi").repeat(keys));
        assert!(matches!(simulation.wait(socket.close(None)), Err(Error::Entropy(_))));
    }
}

/// RFC 6455 §7.1.7, §7.1.1: what follows a violation is read and thrown away, so that the farewell survives.
#[test]
fn bytes_behind_a_violation_are_read_to_the_end() {
    let Scene { simulation, mut socket, own, peer, .. } = server();
    let received = simulation.start(async move { socket.recv().await });
    peer.say(b"\xFF\xFF");
    simulation.run();
    let told = peer.hear();
    assert_eq!(told[2..4], CloseCode::PROTOCOL_ERROR.get().to_be_bytes());
    assert!(peer.peer_ended() && received.take().is_none());
    peer.say([0xFF; 10_000]);
    simulation.run();
    assert!(received.take().is_none(), "until the peer ends, or the close timeout does");
    assert_eq!(own.counts().shutdowns, 1);
    peer.end();
    simulation.run();
    let ending = received.take().unwrap();
    assert!(matches!(ending, Err(Error::Violation(ProtocolError::ReservedBits))), "{ending:?}");
}
