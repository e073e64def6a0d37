//! What a connection holds in memory; measured by an allocator that counts.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocation_counter::measure;
use bytes::BytesMut;
use squall_io::{Error, Shutdown, WebSocket};
use squall_proto::{Config, Connection};
use squall_testkit::{
    pipe::{End, Probe, pipe},
    simulation::Simulation,
    wire::{declares, from_client, from_server},
};

const KIB: isize = 1 << 10;

/// How many connections are measured together.
const MANY: usize = 100;

/// How many bytes more are live after `work` than before, and at most meanwhile; its result is still alive.
#[expect(clippy::unwrap_used, reason = "a measurement that is lost fails its test")]
fn grows<T>(work: impl FnOnce() -> T) -> (T, isize, isize) {
    let mut result = None;
    let grown = measure(|| result = Some(work()));
    let [live, peak] = [grown.bytes_current, grown.bytes_max.cast_signed()];
    (result.unwrap(), live.try_into().unwrap(), peak.try_into().unwrap())
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

type Socket = WebSocket<End, Simulation>;

/// Servers' connections, and their clients' ends.
fn servers(config: Config) -> (Vec<Socket>, Vec<(Probe, End)>) {
    let (simulation, config) = (Simulation::new(), Arc::new(config));
    let connect = |_| {
        let (end, peer) = pipe();
        let connection = Connection::server(Arc::clone(&config), simulation.now());
        let socket = WebSocket::from_connection(connection, end, simulation.clone());
        (socket, (peer.probe(), peer))
    };
    (0..MANY).map(connect).unzip()
}

/// How many bytes each connection holds more once it has read what its client says and waits for more.
fn costs(config: Config, says: &[u8]) -> isize {
    let (mut sockets, peers) = servers(config);
    for (peer, _) in &peers {
        peer.say(says);
    }
    let ((), live, _) = grows(|| {
        for socket in &mut sockets {
            assert!(poll_once(socket.recv()).is_none());
        }
    });
    // What the thread keeps for all of them is not theirs.
    (live - 2 * 64 * KIB).max(0) / MANY.cast_signed()
}

/// The whole of a connection above its stream, while it waits.
#[test]
fn an_idle_connection_holds_eight_hundred_bytes() {
    let (simulation, config) = (Simulation::new(), Arc::new(Config::default()));
    let ends: Vec<_> = (0..MANY).map(|_| pipe()).collect();
    let (sockets, live, _) = grows(|| {
        let connect = |(end, peer): (End, End)| {
            let connection = Connection::server(Arc::clone(&config), simulation.now());
            let mut socket = WebSocket::from_connection(connection, end, simulation.clone());
            assert!(poll_once(socket.recv()).is_none());
            (socket, peer)
        };
        ends.into_iter().map(connect).collect::<Vec<_>>()
    });
    let each = (live - 64 * KIB) / MANY.cast_signed();
    println!("{each} bytes for each idle connection, its clock's alarm included");
    assert!(each <= 800, "{each}");
    drop(sockets);
}

/// All are pinged every 20 s, all answer, and it costs them nothing that stays.
#[test]
fn ten_thousand_idle_connections_are_kept_alive_in_the_memory_that_they_have() {
    const COUNT: usize = 10_000;
    const INTERVAL: Duration = Duration::from_secs(20);
    let (simulation, config) = (Simulation::new(), Arc::new(Config::default()));
    let (ends, peers): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| pipe()).unzip();
    let serve = |end| {
        let connection = Connection::server(Arc::clone(&config), simulation.now());
        let mut socket = WebSocket::from_connection(connection, end, simulation.clone());
        simulation.start(async move { socket.recv().await })
    };
    let (tasks, live, _) = grows(|| {
        let tasks: Vec<_> = ends.into_iter().map(serve).collect();
        simulation.run();
        tasks
    });
    let each = live / COUNT.cast_signed();
    let interval = |number: u32| {
        simulation.pass(INTERVAL);
        for peer in &peers {
            assert_eq!(peer.probe().hear(), from_server(0x89, number.to_be_bytes()));
            peer.probe().say(from_client(0x8A, number.to_be_bytes()));
        }
        simulation.run();
    };
    // The pipes get their buffers.
    interval(0);
    let polls = simulation.polls();
    let ((), grown, _) = grows(|| (1..=3).for_each(interval));
    let polls = (simulation.polls() - polls) / (3 * COUNT);
    println!(
        "{each} bytes each, its task included, {grown} more for all, {polls} polls an interval"
    );
    assert!(tasks.iter().all(|task| task.take().is_none()));
    assert!(each <= 1_100 && grown <= 0 && polls <= 2, "{each} {grown} {polls}");
}

/// A connection is the waker of what it holds, so it has to let go of that.
#[test]
fn a_connection_that_is_dropped_leaves_nothing_behind() {
    let (simulation, config) = (Simulation::new(), Arc::new(Config::default()));
    let shutdown = Shutdown::new();
    let visit = |ends: bool| {
        let (end, peer) = pipe();
        let connection = Connection::server(Arc::clone(&config), simulation.now());
        let (runtime, input) = (simulation.clone(), BytesMut::new());
        let mut socket = WebSocket::resume(connection, end, runtime, input, Some(&shutdown));
        let sender = socket.sender();
        assert!(poll_once(socket.recv()).is_none());
        if ends {
            drop(peer);
            assert!(matches!(poll_once(socket.recv()), Some(Err(Error::Eof))));
        }
        drop(socket);
        assert!(!sender.is_open());
    };
    for ends in [false, true] {
        visit(ends);
        let ((), live, _) = grows(|| (0..MANY).for_each(|_| visit(ends)));
        assert_eq!(live, 0, "{ends}");
    }
}

#[test]
fn a_connection_that_has_received_and_waits_holds_no_read_buffer() {
    let each = costs(Config::default(), &from_client(0x89, b""));
    assert!(each <= KIB, "{each}");
}

/// CVE-2022-35922, CVE-2021-21419: with every limit off.
#[test]
fn a_declared_length_of_two_to_the_62nd_costs_next_to_nothing() {
    let config = Config::default().max_frame_size(usize::MAX).max_message_size(usize::MAX);
    let each = costs(config.clone(), &declares(1 << 62, true));
    assert!(each <= KIB, "{each}");
    let begun = [declares(1 << 62, true), vec![7; 1000]].concat();
    let each = costs(config, &begun);
    assert!(each <= 3 * KIB, "{each}");
}

/// A peer that says a byte of a frame and no more holds little more than that byte.
#[test]
fn the_beginning_of_a_frame_holds_no_read_buffer() {
    for says in [b"\x82".as_slice(), &from_client(0x82, [7; 3000])[..2000]] {
        let each = costs(Config::default(), says);
        assert!(each <= says.len().cast_signed() + KIB, "{} {each}", says.len());
    }
}

/// However long the message.
#[test]
fn a_message_in_pieces_is_received_in_the_memory_of_a_read() {
    let (mut sockets, peers) = servers(Config::default());
    let (socket, (peer, _)) = (&mut sockets[0], &peers[0]);
    let frames = |first| from_client(first, vec![7; 1 << 20]);
    let (mut received, mut most) = (0, 0);
    for round in 0..15 {
        peer.say(frames(if round == 0 { 0x02 } else { 0x00 }));
        let (bytes, _, peak) = grows(|| {
            let mut bytes = 0;
            // A flood is read in turns of 256 KiB.
            for _ in 0..8 {
                while let Some(fragment) = poll_once(socket.recv_fragment()) {
                    bytes += fragment.unwrap().unwrap().payload.len();
                }
            }
            bytes
        });
        received += bytes;
        most = most.max(peak);
    }
    assert_eq!(received, 15 << 20);
    assert!(most <= 256 * KIB, "{most}");
}

/// Whatever was received, and however long it was.
#[test]
fn nothing_of_a_message_is_held_once_the_application_has_let_go_of_it() {
    for length in [1000, 5000, 60_000, 65_520, 70_000, 200_000, 1 << 20] {
        let (mut sockets, peers) = servers(Config::default());
        let message = from_client(0x82, vec![7; length]);
        for (peer, _) in &peers {
            peer.say(&message);
        }
        let ((), live, _) = grows(|| {
            for socket in &mut sockets {
                // A flood is read in turns of 256 KiB.
                let mut messages = (0..8).filter_map(|_| poll_once(socket.recv()));
                assert_eq!(messages.next().unwrap().unwrap().unwrap().len(), length);
                assert!(messages.next().is_none());
            }
        });
        // What the thread keeps for all of them: buffers for reads, and some for long messages.
        let kept = 2 * 64 * KIB + if length < 60_000 { 0 } else { 8192 * KIB };
        let each = (live - kept).max(0) / MANY.cast_signed();
        assert!(each <= KIB, "{length}: {each}");
    }
}
