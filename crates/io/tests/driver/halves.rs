//! A connection in the hands of several tasks.

use std::io::ErrorKind;

use squall_io::Error;
use squall_proto::{CloseCode, CloseFrame, Config, Deadline, Message, SendError, WriteMarks};
use squall_testkit::{
    pipe::{Fault, Operation},
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{SECOND, Scene, pair, poll_times, server};

#[test]
fn a_half_that_receives_and_one_that_sends_live_in_two_tasks() {
    let Scene { simulation, socket, peer, .. } = server();
    let (mut receiver, sender) = socket.split();
    let received = simulation.start(async move {
        let message = receiver.recv().await.unwrap();
        (message, receiver.recv().await)
    });
    simulation.run();
    // Nobody but this task writes; the other one waits for the peer.
    let sent = simulation.start(async move { sender.send("from here").await });
    simulation.run();
    assert_eq!(sent.take(), Some(Ok(())));
    assert_eq!(peer.hear(), from_server(0x81, "from here"));
    peer.say(from_client(0x81, "from there"));
    peer.say(from_client(0x88, b""));
    peer.end();
    simulation.run();
    let (message, ending) = received.take().unwrap();
    assert_eq!(message, Some(Message::text("from there")));
    assert!(matches!(ending, Ok(None)));
}

/// Nothing is waited for, so it can be called where there is no task: in the handler of a signal for example.
#[test]
fn a_close_that_does_not_wait_leaves_at_once_and_wakes_the_receiving_half() {
    let Scene { simulation, socket, peer, .. } = server();
    let (mut receiver, sender) = socket.split();
    let received = simulation.start(async move { receiver.recv().await });
    simulation.run();
    sender.start_close(CloseFrame::from(CloseCode::NORMAL)).unwrap();
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x88, b"\x03\xE8"));
    // The receiving half minds the close timeout from now on.
    simulation.pass(5 * SECOND);
    assert!(matches!(received.take(), Some(Err(Error::TimedOut(Deadline::Close)))));
}

/// A sender that waits does not take the wake-ups of the receiver, and the other way round.
#[test]
fn either_half_is_woken_whichever_polled_last() {
    for receiver_polls_last in [false, true] {
        let config = Config::default().write_marks(WriteMarks::new(10, 5));
        let Scene { simulation, socket, peer, .. } = Scene::server(&Simulation::new(), config, 8);
        let (mut receiver, sender) = socket.split();
        let receive = async move { (receiver.recv().await.unwrap(), receiver) };
        let send = async move { sender.send(vec![7; 30]).await };
        let (received, sent) = if receiver_polls_last {
            let sent = simulation.start(send);
            (simulation.start(receive), sent)
        } else {
            let received = simulation.start(receive);
            (received, simulation.start(send))
        };
        simulation.run();
        peer.say(from_client(0x81, "hi"));
        simulation.run();
        let (message, _receiver) = received.take().expect("the receiver is woken");
        assert_eq!(message, Some(Message::text("hi")));
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.extend(peer.hear());
            simulation.run();
        }
        heard.extend(peer.hear());
        assert_eq!(heard, from_server(0x82, [7; 30]));
        assert_eq!(sent.take(), Some(Ok(())));
    }
}

#[test]
fn clones_of_a_sender_send_whole_messages() {
    let simulation = Simulation::new();
    let config = Config::default().write_marks(WriteMarks::new(50, 20));
    let (mut server, client) = pair(&simulation, &config, 7);
    let (client, sender) = client.split();
    let tasks: Vec<_> = (0..8_u8)
        .map(|index| {
            let sender = sender.clone();
            simulation.start(async move {
                for _ in 0..10 {
                    sender.send(vec![index; 20 + usize::from(index)]).await.unwrap();
                }
            })
        })
        .collect();
    let mut counts = [0; 8];
    simulation.block_on(async {
        for _ in 0..80 {
            let message = server.recv().await.unwrap().unwrap().into_bytes();
            assert!(message.iter().all(|byte| *byte == message[0]));
            assert_eq!(message.len(), 20 + usize::from(message[0]));
            counts[usize::from(message[0])] += 1;
        }
    });
    assert_eq!(counts, [10; 8]);
    simulation.run();
    assert!(tasks.iter().all(|task| task.take().is_some()));
    drop(client);
}

#[test]
fn halves_of_one_connection_go_together_again_and_others_do_not() {
    let (first, second) = (server(), server());
    let (first_receiver, first_sender) = first.socket.split();
    let (second_receiver, second_sender) = second.socket.split();
    let strangers = first_receiver.reunite(second_sender).unwrap_err();
    assert_eq!(strangers.to_string(), "the two halves are not of one connection");
    let mut socket = strangers.receiver.reunite(first_sender).unwrap();
    assert_eq!(poll_times(socket.send("together"), 1), Some(Ok(())));
    assert_eq!(first.peer.hear(), from_server(0x81, "together"));
    assert!(second_receiver.reunite(strangers.sender).is_ok());
}

/// FR06: what waits for room when the connection ends is not sent, and says so.
#[test]
fn senders_that_wait_hear_of_the_end() {
    let config = Config::default().write_marks(WriteMarks::new(10, 5));
    let Scene { simulation, socket, peer, .. } = Scene::server(&Simulation::new(), config, 4);
    let (mut receiver, sender) = socket.split();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let sender = sender.clone();
            simulation.start(async move { sender.send(vec![7; 30]).await })
        })
        .collect();
    let received = simulation.start(async move { receiver.recv().await });
    simulation.run();
    peer.say(from_client(0x88, b""));
    peer.end();
    simulation.pass(5 * SECOND);
    assert!(matches!(received.take(), Some(Ok(None))));
    for sent in waiting {
        assert_eq!(sent.take(), Some(Err(SendError::Closed)));
    }
}

#[test]
fn a_sender_outlives_the_receiving_half_and_only_says_that_it_is_over() {
    let Scene { simulation, socket, peer, .. } = server();
    let (receiver, sender) = socket.split();
    assert!(sender.is_open());
    drop(receiver);
    assert!(!sender.is_open());
    assert_eq!(peer.hear(), from_server(0x88, b"\x03\xE9"));
    assert_eq!(simulation.block_on(sender.send("late")), Err(SendError::Closed));
    assert_eq!(simulation.block_on(sender.close(None)), Ok(()));
    assert!(peer.peer_ended());
}

/// The receiving task has fallen asleep with nothing to time; the close that another begins sets it a deadline.
#[test]
fn a_close_by_the_sending_half_ends_the_receiving_one_in_time() {
    let config = Config::default().keep_alive(None);
    let Scene { simulation, socket, peer, .. } =
        Scene::server(&Simulation::new(), config, 64 << 10);
    let (mut receiver, sender) = socket.split();
    let received = simulation.start(async move { receiver.recv().await });
    simulation.run();
    simulation.block_on(sender.close(CloseCode::NORMAL)).unwrap();
    assert_eq!(peer.hear(), from_server(0x88, b"\x03\xE8"));
    simulation.pass(5 * SECOND);
    assert!(matches!(received.take(), Some(Err(Error::TimedOut(_)))));
}

/// One task comes across the failure of the stream, which nobody else is woken for by the stream.
#[test]
fn everyone_who_waits_hears_of_a_failure_that_one_comes_across() {
    let config = Config::default().write_marks(WriteMarks::new(10, 5)).keep_alive(None);
    let Scene { simulation, socket, own, peer } = Scene::server(&Simulation::new(), config, 4);
    let (mut receiver, sender) = socket.split();
    let other = sender.clone();
    let received = simulation.start(async move { receiver.recv().await });
    let waiting = simulation.start(async move {
        sender.feed(vec![7; 30]).await.unwrap();
        sender.feed(vec![7; 30]).await
    });
    simulation.run();
    assert!(received.take().is_none() && waiting.take().is_none());
    own.reset_counts();
    own.fail(Operation::Write, 0, Fault::Error(ErrorKind::BrokenPipe));
    assert_eq!(poll_times(other.flush(), 1), Some(Err(SendError::Closed)));
    simulation.run();
    assert_eq!(waiting.take(), Some(Err(SendError::Closed)));
    assert!(matches!(received.take(), Some(Err(Error::Io(_)))));
    drop(peer);
}

#[test]
fn an_aborted_connection_says_nothing_more() {
    let Scene { simulation, mut socket, peer, .. } = server();
    simulation.block_on(socket.feed("never")).unwrap();
    let sender = socket.sender();
    socket.abort();
    assert_eq!(peer.hear(), b"");
    assert!(peer.peer_ended());
    assert_eq!(simulation.block_on(sender.send("late")), Err(SendError::Closed));
}
