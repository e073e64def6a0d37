//! How many writes it takes to answer, whatever the machine that counts them does besides.

use std::sync::Arc;

use squall_io::{Runtime, WebSocket};
use squall_proto::{Config, Connection, WriteMarks};
use squall_testkit::{
    pipe::pipe,
    simulation::{Alarm, Simulation},
    wire::{from_client, from_server},
};

use crate::{Scene, numbered, server};

#[test]
fn sixteen_messages_in_one_read_are_answered_with_one_write() {
    let (simulation, own, peer) = server().starts_echo();
    let batch = from_client(0x81, "hello").repeat(16);
    peer.say(&batch);
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x81, "hello").repeat(16));
    assert_eq!(own.counts().successful_writes, 1);
    assert_eq!(own.counts().flushes, 1);
    // The next batch goes the same way, with the same task behind it.
    peer.say(&batch);
    simulation.run();
    assert_eq!(peer.hear().len(), 16 * 7);
    assert_eq!((own.counts().successful_writes, simulation.spawned()), (2, 1));
}

#[test]
fn one_message_in_a_read_is_answered_without_a_task() {
    let (simulation, own, peer) = server().starts_echo();
    for _ in 0..10 {
        peer.say(from_client(0x81, "hello"));
        simulation.run();
    }
    assert_eq!(peer.hear(), from_server(0x81, "hello").repeat(10));
    assert_eq!((own.counts().successful_writes, simulation.spawned()), (10, 0));
}

#[test]
fn a_large_message_is_sent_with_one_vectored_write() {
    let mut scene = Scene::server(&Simulation::new(), Config::default(), 4 << 20);
    scene.simulation.block_on(scene.socket.send(numbered(1 << 20))).unwrap();
    let counts = scene.own.counts();
    assert_eq!((counts.writes, counts.vectored_writes, counts.flushes), (1, 1, 1));
    assert_eq!(scene.peer.hear(), from_server(0x82, numbered(1 << 20).as_bytes()));
}

#[test]
fn a_message_outside_of_a_batch_is_written_before_send_returns() {
    let mut scene = server();
    // Polled once and never again: it needs neither the task nor a second look.
    assert_eq!(crate::poll_times(scene.socket.send("hello"), 1), Some(Ok(())));
    assert_eq!(scene.peer.hear(), from_server(0x81, "hello"));
    assert_eq!(scene.simulation.spawned(), 0);
}

#[test]
fn an_answer_inside_a_batch_is_on_the_wire_while_its_task_waits_for_something_else() {
    let Scene { simulation, mut socket, own, peer } = server();
    peer.say(from_client(0x81, "one").repeat(2));
    let sleeper = simulation.clone();
    let done = simulation.start(async move {
        let message = socket.recv().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        sleeper.sleep(crate::SECOND).await;
        socket.recv().await.unwrap().unwrap()
    });
    simulation.run();
    assert!(done.take().is_none(), "it sleeps");
    assert_eq!(peer.hear(), from_server(0x81, "one"));
    assert_eq!(own.counts().successful_writes, 1);
    simulation.pass(crate::SECOND);
    assert!(done.take().is_some());
}

/// The task that writes for it stays, and is woken the next time.
#[test]
fn every_answer_inside_a_batch_is_on_the_wire_while_its_task_waits_for_something_else() {
    let Scene { simulation, mut socket, peer, .. } = server();
    peer.say(from_client(0x81, "hi").repeat(6));
    let sleeper = simulation.clone();
    let _done = simulation.start(async move {
        for _ in 0..6 {
            let message = socket.recv().await.unwrap().unwrap();
            socket.send(message).await.unwrap();
            sleeper.sleep(crate::SECOND).await;
        }
    });
    simulation.run();
    for _ in 0..5 {
        assert_eq!(peer.hear(), from_server(0x81, "hi"));
        simulation.pass(crate::SECOND);
    }
    assert_eq!(simulation.spawned(), 1);
}

/// The peer reads slowly: what the flusher could not write at once it writes when there is room.
#[test]
fn an_answer_that_did_not_fit_follows_while_its_task_waits_for_something_else() {
    let Scene { simulation, mut socket, peer, .. } =
        Scene::server(&Simulation::new(), Config::default(), 4);
    peer.say(from_client(0x81, "hello, world").repeat(2));
    let done = simulation.start(async move {
        let message = socket.recv().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut heard = Vec::new();
    for _ in 0..6 {
        simulation.run();
        heard.extend(peer.hear());
    }
    assert_eq!(heard, from_server(0x81, "hello, world"));
    assert!(done.take().is_none());
}

#[test]
fn without_a_runtime_to_spawn_on_try_send_writes_itself() {
    let Scene { socket, peer, .. } =
        Scene::server(&Simulation::without_tasks(), Config::default(), 64 << 10);
    assert_eq!(socket.sender().try_send("hello"), Ok(()));
    assert_eq!(peer.hear(), from_server(0x81, "hello"));
}

#[test]
fn without_a_runtime_to_spawn_on_send_writes_itself() {
    let scene = Scene::server(&Simulation::without_tasks(), Config::default(), 64 << 10);
    let (simulation, own, peer) = scene.starts_echo();
    assert!(!simulation.spawn(async {}));
    peer.say(from_client(0x81, "hello").repeat(16));
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x81, "hello").repeat(16));
    assert_eq!(own.counts().successful_writes, 16);
}

/// The runtime ends before the task that was to write has been polled once: the next answer finds another one.
#[test]
fn a_flusher_that_is_dropped_unpolled_is_not_waited_for() {
    let Scene { simulation, mut socket, peer, .. } = server();
    peer.say(from_client(0x81, "one").repeat(3));
    for round in 1..3 {
        let message = crate::poll_times(socket.recv(), 1).unwrap().unwrap().unwrap();
        assert_eq!(crate::poll_times(socket.send(message), 1), Some(Ok(())));
        assert_eq!((simulation.spawned(), peer.hear()), (round, vec![]));
        if round == 1 {
            simulation.drop_due_tasks();
        }
    }
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x81, "one").repeat(2));
}

/// A runtime that knows how many of the tasks that connections have spawned are not over.
#[derive(Debug, Clone)]
struct Counting(Simulation, Arc<()>);

impl Runtime for Counting {
    type Timer = Alarm;

    fn timer(&self) -> Alarm {
        self.0.timer()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let counted = Arc::clone(&self.1);
        self.0.spawn(async move {
            task.await;
            drop(counted);
        })
    }
}

/// Whoever still holds the connection and asks nothing of it.
#[test]
fn the_flusher_ends_with_the_closing_handshake() {
    let (simulation, tasks) = (Simulation::new(), Arc::new(()));
    let connection = Connection::server(Arc::new(Config::default()), simulation.now());
    let (end, peer) = pipe();
    let runtime = Counting(simulation.clone(), Arc::clone(&tasks));
    let mut socket = WebSocket::from_connection(connection, end, runtime);
    let before = Arc::strong_count(&tasks);
    peer.probe().say(from_client(0x81, "hello").repeat(2));
    for _ in 0..2 {
        let message = simulation.block_on(socket.recv()).unwrap().unwrap();
        assert_eq!(simulation.block_on(socket.send(message)), Ok(()));
        simulation.run();
        assert_eq!(Arc::strong_count(&tasks), before + 1);
    }
    let closed = simulation.start(async move { (socket.recv().await, socket) });
    simulation.run();
    // What wakes the flusher without there being anything to write does not end it, nor let it be forgotten.
    peer.probe().say(from_client(0x8A, b"alive"));
    simulation.run();
    assert_eq!(Arc::strong_count(&tasks), before + 1);
    peer.probe().say(from_client(0x88, b""));
    peer.probe().end();
    simulation.run();
    let (ending, _socket) = closed.take().unwrap();
    assert!(matches!(ending, Ok(None)));
    assert_eq!(Arc::strong_count(&tasks), before);
}

/// A runtime that is ending: it drops every task at once.
#[derive(Debug, Clone)]
struct Ending(Simulation);

impl Runtime for Ending {
    type Timer = Alarm;

    fn timer(&self) -> Alarm {
        self.0.timer()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        drop(task);
        true
    }
}

#[test]
fn on_a_runtime_that_drops_every_task_send_writes_itself() {
    let simulation = Simulation::new();
    let connection = Connection::server(Arc::new(Config::default()), simulation.now());
    let (end, peer) = pipe();
    let mut socket = WebSocket::from_connection(connection, end, Ending(simulation));
    peer.probe().say(from_client(0x81, "hello").repeat(3));
    for _ in 0..2 {
        let message = crate::poll_times(socket.recv(), 1).unwrap().unwrap().unwrap();
        assert_eq!(crate::poll_times(socket.send(message), 1), Some(Ok(())));
        assert_eq!(peer.probe().hear(), from_server(0x81, "hello"));
    }
}

#[test]
fn a_batch_of_answers_is_written_when_the_high_mark_is_queued() {
    let marks = WriteMarks::new(100, 50);
    let config = Config::default().write_marks(marks);
    let scene = Scene::server(&Simulation::new(), config, 64 << 10);
    let (simulation, own, peer) = scene.starts_echo();
    peer.say(from_client(0x82, [7; 38]).repeat(16));
    simulation.run();
    // Three answers of 40 bytes pass the mark.
    assert_eq!(peer.hear().len(), 16 * 40);
    assert_eq!(own.counts().successful_writes, 6);
}

/// The flusher's task ends with its connection, whoever still holds a sender.
#[test]
fn no_task_is_left_behind() {
    let Scene { simulation, mut socket, peer, .. } = server();
    peer.say(from_client(0x81, "one").repeat(2));
    simulation.block_on(async {
        let message = socket.recv().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
    });
    let sender = socket.sender();
    simulation.run();
    let polls = simulation.polls();
    drop(socket);
    simulation.run();
    assert_eq!((simulation.spawned(), simulation.polls()), (1, polls + 1));
    assert!(!sender.is_open());
}
