//! The closing handshake, and that closing always ends (RFC 6455 §7).

use squall_io::Error;
use squall_proto::{CloseCode, CloseFrame, Closed, Config, Deadline, Initiator, Message};
use squall_testkit::{
    pipe::{Fault, Operation},
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, client, pair, server};

/// CL01, CL03, CL07: the server closes the stream first, and both sides call it clean.
#[test]
fn a_close_is_answered_and_both_sides_end_clean() {
    let simulation = Simulation::new();
    let (mut server, mut client) = pair(&simulation, &Config::default(), 64);
    let frame = CloseFrame::new(CloseCode::NORMAL, "bye").unwrap();
    let closed = simulation.start(async move { (client.close(frame).await, client) });
    simulation.block_on(async {
        assert!(matches!(server.recv().await, Ok(None)));
        assert!(matches!(server.recv().await, Ok(None)), "and again");
    });
    let (answer, client) = closed.take().expect("both end at once");
    assert_eq!(answer.unwrap(), Some(CloseCode::NORMAL.into()));
    let told = CloseFrame::new(CloseCode::NORMAL, "bye").unwrap();
    assert_eq!(server.closed(), Some(Closed::Clean(Some(told))));
    assert_eq!(
        (server.initiator(), client.initiator()),
        (Some(Initiator::Peer), Some(Initiator::Local))
    );
}

/// CL01, CL03: a server ends its side of the stream as soon as both have said Close; a client waits for that.
#[test]
fn the_server_ends_the_stream_and_the_client_waits_for_it() {
    let mut scene = server();
    scene.peer.say(from_client(0x88, b"\x03\xE8"));
    assert!(crate::poll_times(scene.socket.recv(), 1).is_none(), "it waits for the client's end");
    assert_eq!(scene.peer.hear(), from_server(0x88, b"\x03\xE8"));
    assert!(scene.peer.peer_ended());
    scene.peer.end();
    assert!(matches!(crate::poll_times(scene.socket.recv(), 1), Some(Ok(None))));

    let mut scene = client();
    scene.peer.say(from_server(0x88, b"\x03\xE8"));
    assert!(crate::poll_times(scene.socket.recv(), 1).is_none());
    assert_eq!(scene.peer.hear(), from_client(0x88, b"\x03\xE8"));
    assert!(!scene.peer.peer_ended(), "the server is the one to close");
    scene.peer.end();
    assert!(matches!(crate::poll_times(scene.socket.recv(), 1), Some(Ok(None))));
    assert!(scene.peer.peer_ended());
}

/// CL01: … but not for ever.
#[test]
fn a_client_waits_for_the_server_to_end_the_stream_until_the_close_timeout() {
    let mut scene = client();
    scene.peer.say(from_server(0x88, b""));
    let started = scene.simulation.now();
    let ending = scene.simulation.wait(scene.socket.recv());
    assert!(matches!(ending, Ok(None)), "the closing handshake was complete: {ending:?}");
    assert_eq!(scene.simulation.now() - started, 5 * SECOND);
    assert!(scene.peer.peer_ended());
}

/// Whatever the peer does or does not do, closing is over when the close timeout is.
#[test]
fn close_ends_within_the_close_timeout() {
    type Misbehaviour = fn(&Scene);
    let misbehaviours: [(&str, Misbehaviour); 6] = [
        ("silent", |_| {}),
        ("in mid-message", |scene| scene.peer.say(&from_client(0x82, [7; 5000])[..100])),
        ("in mid-header", |scene| scene.peer.say(b"\x82")),
        ("pings", |scene| scene.peer.say(from_client(0x89, b"hi").repeat(1000))),
        ("floods", |scene| scene.peer.say(from_client(0x82, [7; 60_000]).repeat(10))),
        ("answers and stays", |scene| scene.peer.say(from_client(0x88, b""))),
    ];
    for (name, misbehaves) in misbehaviours {
        for queued in [0, 100, 60_000] {
            let config = Config::default();
            let mut scene = Scene::server(&Simulation::new(), config, 10);
            scene.simulation.block_on(scene.socket.feed(vec![7; queued])).unwrap();
            misbehaves(&scene);
            let started = scene.simulation.now();
            let closed = scene.simulation.wait(scene.socket.close(CloseCode::NORMAL));
            assert_eq!(scene.simulation.now() - started, 5 * SECOND, "{name} {queued}");
            if name == "answers and stays" {
                assert!(closed.is_ok(), "{closed:?}");
            } else {
                let timed_out = matches!(closed, Err(Error::TimedOut(Deadline::Close)));
                assert!(timed_out, "{name} {queued}: {closed:?}");
            }
            assert!(scene.peer.peer_ended());
        }
    }
}

/// A peer that goes on talking without end does not keep the deadline from being looked at.
#[test]
fn close_ends_though_the_peer_never_pauses() {
    let Scene { simulation, mut socket, peer, .. } = server();
    let talker = simulation.clone();
    simulation.start(async move {
        loop {
            peer.say(from_client(0x82, [7; 60_000]).repeat(5));
            talker.sleep(SECOND / 20).await;
        }
    });
    let started = simulation.now();
    let closed = simulation.wait(socket.close(None));
    assert!(matches!(closed, Err(Error::TimedOut(Deadline::Close))));
    assert_eq!(simulation.now() - started, 5 * SECOND);
}

#[test]
fn a_stream_that_does_not_shut_down_does_not_keep_a_connection() {
    for fault in [Fault::Pending, Fault::Error(std::io::ErrorKind::NotConnected)] {
        let mut scene = server();
        for nth in 0..2 {
            scene.own.fail(Operation::Shutdown, nth, fault);
        }
        scene.peer.say(from_client(0x88, b""));
        scene.peer.end();
        assert!(matches!(scene.simulation.wait(scene.socket.recv()), Ok(None)));
        // One that only has to wait gets its time; one that failed is not asked again.
        let asked = if fault == Fault::Pending { 3 } else { 1 };
        assert_eq!(scene.own.counts().shutdowns, asked);
    }
}

/// … and one that never says whether it has is given up at the close timeout.
#[test]
fn a_stream_that_hangs_in_its_shutdown_is_given_up_at_the_close_timeout() {
    let mut scene = server();
    for nth in 0..100 {
        scene.own.fail(Operation::Shutdown, nth, Fault::Pending);
    }
    scene.peer.say(from_client(0x88, b""));
    scene.peer.end();
    assert!(crate::poll_times(scene.socket.recv(), 3).is_none());
    scene.simulation.pass(5 * SECOND);
    assert!(matches!(crate::poll_times(scene.socket.recv(), 1), Some(Ok(None))));
}

/// Messages that arrive after our Close are for those who receive on.
#[test]
fn messages_before_the_peers_close_are_received() {
    let mut scene = server();
    scene.socket.begin_close(CloseCode::NORMAL).unwrap();
    scene.peer.say(from_client(0x81, "still here"));
    scene.peer.say(from_client(0x88, b"\x03\xE8"));
    scene.peer.end();
    scene.simulation.block_on(async {
        let message = scene.socket.recv().await.unwrap();
        assert_eq!(message, Some(Message::text("still here")));
        assert!(matches!(scene.socket.recv().await, Ok(None)));
    });
    assert_eq!(scene.peer.hear(), from_server(0x88, b"\x03\xE8"));
}

/// CF05: nothing follows our Close.
#[test]
fn what_was_queued_goes_before_the_close_and_nothing_after_it() {
    let mut scene = server();
    scene.peer.say(from_client(0x88, b""));
    scene.peer.end();
    scene.simulation.block_on(async {
        scene.socket.feed("before").await.unwrap();
        scene.socket.close(CloseCode::GOING_AWAY).await.unwrap();
        assert!(scene.socket.send("after").await.is_err());
    });
    let expected = [from_server(0x81, "before"), from_server(0x88, b"\x03\xE9")].concat();
    assert_eq!(scene.peer.hear(), expected);
}

#[test]
fn a_code_that_a_server_may_not_send_is_refused_and_nothing_has_happened() {
    let mut scene = server();
    let closed = scene.simulation.block_on(scene.socket.close(CloseCode::MANDATORY_EXTENSION));
    assert!(matches!(closed, Err(Error::Send(_))));
    assert_eq!(crate::poll_times(scene.socket.send("open"), 1), Some(Ok(())));
}

/// CL04: the violation is told once, and the peer is told why.
#[test]
fn a_violation_is_an_error_once_and_the_peer_is_told() {
    let mut scene = server();
    scene.peer.say(from_client(0x83, b""));
    scene.peer.say(from_client(0x81, "never looked at"));
    scene.peer.end();
    scene.simulation.block_on(async {
        let error = scene.socket.recv().await.unwrap_err();
        assert_eq!(error.to_string(), "reserved opcode 3");
        assert!(matches!(scene.socket.recv().await, Ok(None)));
    });
    assert!(scene.peer.hear().starts_with(b"\x88\x13\x03\xEA"));
}

#[test]
fn a_connection_that_is_dropped_says_that_it_goes_away() {
    let scene = server();
    drop(scene.socket);
    assert_eq!(scene.peer.hear(), from_server(0x88, b"\x03\xE9"));
    assert!(scene.peer.peer_ended());
}

/// … and what it had queued before, as far as the stream takes it at once.
#[test]
fn what_was_queued_is_written_when_a_connection_is_dropped() {
    let mut scene = server();
    scene.simulation.block_on(scene.socket.feed("last words")).unwrap();
    drop(scene.socket);
    let expected = [from_server(0x81, "last words"), from_server(0x88, b"\x03\xE9")].concat();
    assert_eq!(scene.peer.hear(), expected);
}
