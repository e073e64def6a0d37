//! Sending against a peer that reads slowly, or not at all.

use squall_io::TrySendError;
use squall_proto::{Config, Message, SendError, WriteMarks};
use squall_testkit::{
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, numbered, pair, poll_times, server};

fn small_marks() -> Config {
    Config::default().write_marks(WriteMarks::new(100, 50)).keep_alive(None)
}

#[test]
fn a_sender_over_the_high_mark_waits_for_the_low_mark_and_goes_on() {
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), small_marks(), 10);
    let done = simulation.start(async move {
        for _ in 0..10 {
            socket.send(vec![7; 38]).await.unwrap();
        }
        socket
    });
    let mut heard = Vec::new();
    for _ in 0..100 {
        simulation.run();
        heard.extend(peer.hear());
    }
    assert_eq!(heard, from_server(0x82, [7; 38]).repeat(10));
    assert_eq!(done.take().map(|socket| socket.queued()), Some(0));
}

#[test]
fn waiting_for_a_slow_peer_costs_a_poll_for_each_time_it_reads() {
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), small_marks(), 10);
    // Under the high mark, so that nothing but the stream holds it back.
    assert_eq!(simulation.block_on(socket.feed(vec![7; 38])), Ok(()));
    let done = simulation.start(async move { socket.flush().await });
    simulation.run();
    let before = simulation.polls();
    for _ in 0..2 {
        peer.hear();
        simulation.run();
    }
    assert!(simulation.polls() - before <= 4, "{}", simulation.polls() - before);
    peer.hear();
    peer.hear();
    simulation.run();
    assert_eq!(done.take(), Some(Ok(())));
}

/// Two tasks that wait for one queue do not keep waking each other.
#[test]
fn two_senders_that_wait_are_polled_when_the_peer_reads_and_not_in_between() {
    let Scene { simulation, socket, peer, .. } =
        Scene::server(&Simulation::new(), small_marks(), 10);
    let (receiver, sender) = socket.split();
    let other = sender.clone();
    simulation.block_on(sender.feed(vec![7; 38])).unwrap();
    let flushes = [
        simulation.start(async move { sender.flush().await }),
        simulation.start(async move { other.flush().await }),
    ];
    simulation.run();
    let before = simulation.polls();
    peer.hear();
    simulation.run();
    assert!(simulation.polls() - before <= 4, "{}", simulation.polls() - before);
    for _ in 0..5 {
        peer.hear();
        simulation.run();
    }
    assert_eq!(flushes.map(|flush| flush.take()), [Some(Ok(())), Some(Ok(()))]);
    drop(receiver);
}

#[test]
fn flush_returns_when_all_is_passed_on() {
    let mut scene = server();
    scene.own.send_on_flush_only();
    assert_eq!(scene.simulation.block_on(scene.socket.feed("hello")), Ok(()));
    assert_eq!((scene.own.counts().writes, scene.socket.queued()), (0, 7));
    assert_eq!(scene.simulation.block_on(scene.socket.flush()), Ok(()));
    assert_eq!(scene.peer.hear(), from_server(0x81, "hello"));
    assert_eq!(scene.socket.queued(), 0);
}

#[test]
fn what_is_fed_is_written_by_the_next_recv() {
    let mut scene = server();
    scene.simulation.block_on(scene.socket.feed("hello")).unwrap();
    assert!(poll_times(scene.socket.recv(), 1).is_none());
    assert_eq!(scene.peer.hear(), from_server(0x81, "hello"));
}

#[test]
fn try_send_takes_a_message_or_gives_it_back() {
    let Scene { simulation, socket, peer, .. } =
        Scene::server(&Simulation::new(), small_marks(), 10);
    let sender = socket.sender();
    for _ in 0..3 {
        assert_eq!(sender.try_send(vec![7; 38]), Ok(()));
        simulation.run();
    }
    assert!(sender.is_full());
    let message = Message::text("more");
    assert_eq!(sender.try_send(message.clone()), Err(TrySendError::Full(message)));
    // Nobody calls anything: it is written all the same.
    let mut heard = Vec::new();
    for _ in 0..20 {
        heard.extend(peer.hear());
        simulation.run();
    }
    assert_eq!(heard, from_server(0x82, [7; 38]).repeat(3));
    assert!(!sender.is_full());
    drop(socket);
    assert_eq!(sender.try_send("late"), Err(TrySendError::Send(SendError::Closed)));
}

/// Both sides send 2 MiB at once through pipes of 16 bytes, each with one task that sends and one that receives.
#[test]
fn two_sides_that_send_at_once_through_tiny_pipes_both_get_everything() {
    let simulation = Simulation::new();
    let config = Config::default().write_marks(WriteMarks::new(300, 100));
    let (server, client) = pair(&simulation, &config, 16);
    let mut ends = Vec::new();
    for socket in [server, client] {
        let (mut receiver, sender) = socket.split();
        let sent = simulation.start(async move {
            for index in 0..50 {
                sender.send(numbered(index * 17)).await.unwrap();
            }
        });
        let received = simulation.start(async move {
            for index in 0..50 {
                assert_eq!(receiver.recv().await.unwrap(), Some(numbered(index * 17)));
            }
            receiver
        });
        ends.push((sent, received));
    }
    simulation.run();
    for (sent, received) in ends {
        assert!(sent.take().is_some() && received.take().is_some());
    }
}

/// A plain `recv` and `send` loop answers a peer that sends all it has before it reads, as long as that fits the queues between them.
#[test]
fn an_echo_goes_on_when_a_peer_that_did_not_read_reads_again() {
    let scene = Scene::server(&Simulation::new(), small_marks(), 10);
    let (simulation, _, peer) = scene.starts_echo();
    peer.say(from_client(0x81, "hello").repeat(100));
    simulation.pass(10 * SECOND);
    let mut heard = Vec::new();
    for _ in 0..100 {
        heard.extend(peer.hear());
        simulation.pass(SECOND / 10);
    }
    assert_eq!(heard, from_server(0x81, "hello").repeat(100));
}
