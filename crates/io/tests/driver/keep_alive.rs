//! Keepalive through the driver: who is dead and who is only not listened to (RFC 6455 §5.5.2).

use squall_io::Error;
use squall_proto::{Config, Deadline, KeepAlive, WriteMarks};
use squall_testkit::{
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, poll_times, server};

#[test]
fn a_silent_peer_is_pinged_and_then_gone() {
    let mut scene = server();
    let started = scene.simulation.now();
    let ending = scene.simulation.wait(scene.socket.recv());
    assert!(matches!(ending, Err(Error::TimedOut(Deadline::KeepAlive))), "{ending:?}");
    // A ping after 20 s, as long again for an answer, and the close timeout for the stream's end.
    assert_eq!(scene.simulation.now() - started, 45 * SECOND);
    let heard = scene.peer.hear();
    let ping = from_server(0x89, [0; 4]);
    assert!(heard.starts_with(&ping), "{heard:?}");
    let farewell = from_server(0x88, b"\x03\xF3keepalive timeout");
    assert!(heard.ends_with(&farewell), "{heard:?}");
}

#[test]
fn a_peer_that_answers_pings_lives_for_ever() {
    let Scene { simulation, mut socket, peer, .. } = server();
    let received = simulation.start(async move { socket.recv().await });
    for count in 0..50_u32 {
        simulation.pass(20 * SECOND);
        assert_eq!(peer.hear(), from_server(0x89, count.to_be_bytes()));
        peer.say(from_client(0x8A, count.to_be_bytes()));
    }
    assert!(received.take().is_none());
}

/// The application does not receive while it sends, so the pong lies unread; the peer is not to blame for that.
#[test]
fn a_peer_whose_pong_lies_unread_is_not_failed_by_a_send_that_waits() {
    let config = Config::default()
        .write_marks(WriteMarks::new(100, 10))
        .keep_alive(KeepAlive::every(5 * SECOND));
    let Scene { simulation, mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 64);
    let sent = simulation.start(async move {
        for _ in 0..10 {
            socket.send(vec![7; 200]).await?;
        }
        Ok::<_, squall_proto::SendError>(socket)
    });
    // The peer reads slowly: pings reach it, and its pongs reach nobody.
    let mut heard = Vec::new();
    for _ in 0..60 {
        simulation.pass(SECOND);
        heard.extend(peer.hear_only(30));
        peer.say(from_client(0x8A, [0; 4]));
    }
    assert!(heard.windows(6).any(|frame| frame == from_server(0x89, [0; 4])));
    assert!(sent.take().is_none(), "it still waits");
    for _ in 0..100 {
        simulation.pass(SECOND / 10);
        peer.hear();
    }
    assert!(sent.take().is_some_and(|sent| sent.is_ok()));
}

/// … nor where the send that waits looks only once the deadline is past.
#[test]
fn a_peer_whose_pong_lies_unread_is_not_failed_by_a_flush_that_was_away() {
    let config = Config::default().keep_alive(KeepAlive::every(5 * SECOND));
    let Scene { simulation, mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 64);
    for _ in 0..2 {
        simulation.block_on(socket.feed(vec![7; 5000])).unwrap();
    }
    assert_eq!(poll_times(socket.flush(), 1), None);
    simulation.pass(5 * SECOND);
    // The ping leaves between the two messages.
    let (ping, mut heard) = (from_server(0x89, [0; 4]), Vec::new());
    while !heard.ends_with(&ping) {
        assert_eq!(poll_times(socket.flush(), 1), None);
        heard.extend(peer.hear_only(1));
    }
    assert_eq!(poll_times(socket.flush(), 1), None);
    simulation.pass(6 * SECOND);
    // This look finds that the ping has left, and the next one that its pong is due.
    assert_eq!(poll_times(socket.flush(), 1), None);
    peer.say(from_client(0x8A, [0; 4]));
    simulation.pass(6 * SECOND);
    assert_eq!(poll_times(socket.flush(), 1), None);
    assert!(socket.sender().is_open());
}

/// … but one that has given no sign of life at all is.
#[test]
fn a_dead_peer_is_failed_by_a_send_that_waits() {
    let config = Config::default()
        .write_marks(WriteMarks::new(100, 10))
        .keep_alive(KeepAlive::every(5 * SECOND));
    let Scene { simulation, mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 64);
    let started = simulation.now();
    let sent = simulation.wait(async {
        loop {
            if let Err(error) = socket.send(vec![7; 200]).await {
                break error;
            }
        }
    });
    assert_eq!(sent, squall_proto::SendError::Closed);
    let took = simulation.now() - started;
    assert!(took <= 20 * SECOND, "{took:?}");
    drop(peer);
}

/// A task that was away for a minute finds the pong that came in time.
#[test]
fn a_task_that_was_away_does_not_blame_the_peer() {
    let Scene { simulation, mut socket, peer, .. } = server();
    assert!(poll_times(socket.recv(), 1).is_none());
    simulation.pass(21 * SECOND);
    assert!(poll_times(socket.recv(), 1).is_none());
    assert_eq!(peer.hear(), from_server(0x89, [0; 4]));
    peer.say(from_client(0x8A, [0; 4]));
    simulation.pass(60 * SECOND);
    assert!(poll_times(socket.recv(), 1).is_none(), "not failed");
    assert!(socket.stats().round_trip.is_some());
}
