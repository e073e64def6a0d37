//! Peers that are slow, or only seem to be there.

use squall_io::Error;
use squall_proto::{Config, Deadline, SendError};
use squall_testkit::{
    simulation::Simulation,
    wire::{declares, from_client},
};

use crate::{SECOND, Scene, server};

#[test]
fn a_peer_that_reads_nothing_is_gone_at_the_write_timeout() {
    for receives in [false, true] {
        let config = Config::default().keep_alive(None);
        let mut scene = Scene::server(&Simulation::new(), config, 10);
        let started = scene.simulation.now();
        let gone = if receives {
            scene.simulation.block_on(scene.socket.feed(vec![7; 100])).unwrap();
            let ending = scene.simulation.wait(scene.socket.recv());
            matches!(ending, Err(Error::TimedOut(Deadline::Write)))
        } else {
            let sent = scene.simulation.wait(scene.socket.send(vec![7; 70_000]));
            sent == Err(SendError::Closed)
        };
        assert!(gone, "{receives}");
        let took = scene.simulation.now() - started;
        // Ten bytes were taken at once; from the next look on nothing was.
        assert!((20 * SECOND..=40 * SECOND).contains(&took), "{receives} {took:?}");
        drop(scene.socket);
        assert!(scene.peer.peer_ended());
    }
}

/// With its messages unanswered in the way: the server's `recv` and `send` loop hangs in `send`.
#[test]
fn an_echo_lets_go_of_a_peer_that_only_talks() {
    let scene = server();
    let (simulation, _, peer) = scene.starts_echo();
    peer.say(from_client(0x82, [7; 1000]).repeat(1000));
    simulation.pass(45 * SECOND);
    assert!(peer.peer_ended());
}

/// One byte a second is a sign of life, but not a message.
#[test]
fn a_dripping_peer_is_gone_at_the_idle_timeout() {
    let config = Config::default().idle_timeout(30 * SECOND);
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), config, 64 << 10);
    let received = simulation.start(async move { socket.recv().await });
    let message = from_client(0x82, [7; 1000]);
    for byte in &message[..40] {
        peer.say([*byte]);
        simulation.pass(SECOND);
    }
    assert!(matches!(received.take(), Some(Err(Error::TimedOut(Deadline::Idle)))));
    assert!(peer.peer_ended());
}

/// What is sent counts when it is sent, though the queue is never empty and nobody receives.
#[test]
fn who_sends_all_the_time_to_a_slow_peer_is_not_idle() {
    let config = Config::default().idle_timeout(30 * SECOND).keep_alive(None);
    let Scene { simulation, mut socket, peer, .. } = Scene::server(&Simulation::new(), config, 10);
    simulation.block_on(socket.feed(vec![7; 20])).unwrap();
    let sender = socket.sender();
    let flushed = simulation.start(async move { sender.flush().await });
    for _ in 0..100 {
        simulation.block_on(socket.feed(vec![7; 20])).unwrap();
        simulation.pass(SECOND);
        assert_eq!(peer.hear().len(), 10);
    }
    assert!(flushed.take().is_none() && socket.closed().is_none());
}

/// … nor, where there is no such timeout, one that may take as long as it likes.
#[test]
fn a_dripping_peer_is_gone_at_the_message_timeout() {
    let config = Config::default().message_timeout(30 * SECOND);
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), config, 64 << 10);
    let received = simulation.start(async move { socket.recv().await });
    let message = from_client(0x82, [7; 1000]);
    // From the end of its header on, and then the close timeout.
    for byte in &message[..8 + 30 + 5] {
        peer.say([*byte]);
        simulation.pass(SECOND);
    }
    assert!(matches!(received.take(), Some(Err(Error::TimedOut(Deadline::Message)))));
    assert!(peer.peer_ended());
}

/// FR10: refused at the header, whatever the time.
#[test]
fn a_length_of_two_to_the_62nd_is_refused_at_its_header() {
    let mut scene = server();
    scene.peer.say(declares(1 << 62, true));
    scene.peer.end();
    let error = scene.simulation.block_on(scene.socket.recv()).unwrap_err();
    assert_eq!(error.to_string(), "frame is too big");
}

/// A peer that floods does not keep other tasks from running.
#[test]
fn a_flood_leaves_other_tasks_their_turn() {
    let Scene { simulation, mut socket, peer, .. } = server();
    peer.say(from_client(0x89, [7; 125]).repeat(48_000));
    let received = simulation.start(async move { socket.recv().await });
    let before = simulation.polls();
    simulation.run();
    // Six MiB in turns of a quarter of a MiB or a little more.
    let polls = simulation.polls() - before;
    assert!((15..30).contains(&polls), "{polls}");
    assert!(received.take().is_none());
}

#[test]
fn each_timeout_has_its_own_words() {
    for (deadline, words) in [
        (Deadline::KeepAlive, "peer gave no sign of life (keepalive timeout)"),
        (Deadline::Message, "a message took too long to arrive (message timeout)"),
        (Deadline::Idle, "no message for too long (idle timeout)"),
        (Deadline::Write, "peer takes nothing that is written (write timeout)"),
        (Deadline::Close, "peer did not answer the close frame in time (close timeout)"),
    ] {
        assert_eq!(Error::TimedOut(deadline).to_string(), words);
    }
}
