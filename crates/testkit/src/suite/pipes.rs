//! The adapter's transport over streams in memory that stall, fail and end as they are told.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use futures::future::{join, join_all};
use squall_io::{
    Error, WebSocket,
    client::Connector,
    server::{ServerConfig, accept},
};
use squall_proto::{Config, Connection, Message, WriteMarks};

use super::{Adapter, echo, run, spawn};
use crate::{
    pipe::{End, Fault, Operation, Probe, pipe, pipe_of},
    wire::{from_client, from_server},
};

type Socket<A> = WebSocket<<A as Adapter>::Pipe, <A as Adapter>::Runtime>;

/// A server's connection on one end of a pipe.
fn server<A: Adapter>(end: End) -> Socket<A> {
    let now = squall_io::Timer::now(&squall_io::Runtime::timer(&A::Runtime::default()));
    let config = Config::default().write_marks(WriteMarks::new(300, 100));
    let config = config.close_timeout(Duration::from_millis(100));
    let connection = Connection::server(Arc::new(config), now);
    WebSocket::from_connection(connection, A::pipe(end), A::Runtime::default())
}

/// Both handshakes over one pipe.
async fn connected<A: Adapter>(ends: (End, End)) -> (Socket<A>, Socket<A>) {
    let config = ServerConfig::default();
    let accepting = accept(A::pipe(ends.0), A::Runtime::default(), &config);
    let connector = Connector::<A::Runtime>::default();
    let connecting = connector.handshake_on(A::pipe(ends.1), "ws://example.com/");
    let (server, client) = join(accepting, connecting).await;
    (server.unwrap(), client.unwrap())
}

/// Handshake, messages and closing handshake, one byte after the other.
pub fn an_echo_through_a_pipe_of_one_byte<A: Adapter>() {
    run::<A>(async {
        let (server, mut client) = connected::<A>(pipe_of(1)).await;
        let echoing = spawn::<A, _>(echo(server));
        client.send("one byte after the other").await.unwrap();
        let message = client.recv().await.unwrap();
        assert_eq!(message, Some(Message::text("one byte after the other")));
        client.close(None).await.unwrap();
        echoing.await.unwrap();
    });
}

/// Both sides send more than the pipe holds before either has received anything.
pub fn messages_pass_both_ways_through_a_tiny_pipe<A: Adapter>() {
    run::<A>(async {
        let (server, client) = connected::<A>(pipe_of(64)).await;
        let (mut sending, mut receiving) = (Vec::new(), Vec::new());
        for socket in [server, client] {
            let (mut receiver, sender) = socket.split();
            sending.push(spawn::<A, _>(async move {
                for index in 0..100_u8 {
                    sender.send(vec![index; 2000]).await.unwrap();
                }
            }));
            receiving.push(spawn::<A, _>(async move {
                for index in 0..100_u8 {
                    let message = receiver.recv().await.unwrap();
                    assert_eq!(message, Some(Message::from(vec![index; 2000])));
                }
                receiver
            }));
        }
        let sent = join_all(sending).await;
        // None is dropped before all have received everything.
        let received = join_all(receiving).await;
        assert!(sent.iter().all(Option::is_some) && received.iter().all(Option::is_some));
    });
}

fn session() -> Vec<u8> {
    let (message, ping) = (from_client(0x81, "hello"), from_client(0x89, "ping"));
    [message.clone(), ping, message, from_client(0x88, b"\x03\xE8")].concat()
}

fn answers() -> Vec<u8> {
    let (message, pong) = (from_server(0x81, "hello"), from_server(0x8A, "ping"));
    [message.clone(), pong, message, from_server(0x88, b"\x03\xE8")].concat()
}

/// CL08.
pub fn the_stream_ends_at_every_byte_of_a_session<A: Adapter>() {
    run::<A>(async {
        let session = session();
        for cut in 0..=session.len() {
            let (end, peer) = pipe();
            let mut socket = server::<A>(end);
            peer.probe().say(&session[..cut]);
            peer.probe().end();
            let ending = loop {
                match socket.recv().await {
                    Ok(Some(_)) => {}
                    ending => break ending,
                }
            };
            let clean = cut == session.len();
            assert!(if clean { ending.is_ok() } else { matches!(ending, Err(Error::Eof)) });
            assert!(peer.probe().peer_ended());
        }
    });
}

/// Runs an echo on a pipe with something wrong with it; what the client heard.
async fn echoes<A: Adapter>(prepare: impl FnOnce(&Probe)) -> Vec<u8> {
    let (end, peer) = pipe();
    let probe = peer.probe();
    end.probe().limit(2, 3);
    prepare(&end.probe());
    probe.say(session());
    probe.end();
    echo(server::<A>(end)).await;
    assert!(probe.peer_ended());
    probe.hear()
}

/// The n-th read, write or flush fails, or moves nothing.
pub fn every_operation_of_a_session_fails_in_turn<A: Adapter>() {
    run::<A>(async {
        for operation in [Operation::Read, Operation::Write, Operation::Flush] {
            for fault in [Fault::Error(ErrorKind::ConnectionReset), Fault::Zero] {
                for nth in 0..20 {
                    if (operation, fault) == (Operation::Flush, Fault::Zero) {
                        continue;
                    }
                    let heard = echoes::<A>(|probe| probe.fail(operation, nth, fault)).await;
                    // A connection that can still write says that it goes away.
                    let heard = heard.strip_suffix(b"\x88\x02\x03\xE9").unwrap_or(&heard);
                    assert!(answers().starts_with(heard), "{operation:?} {fault:?} {nth}");
                }
            }
        }
    });
}

/// The n-th operation has to wait, is interrupted or moves one byte: nobody can tell from the outside.
pub fn every_operation_of_a_session_is_a_nuisance_in_turn<A: Adapter>() {
    run::<A>(async {
        for operation in [Operation::Read, Operation::Write, Operation::Flush] {
            for fault in [Fault::Pending, Fault::Short, Fault::Error(ErrorKind::Interrupted)] {
                for nth in 0..20 {
                    let heard = echoes::<A>(|probe| probe.fail(operation, nth, fault)).await;
                    assert_eq!(heard, answers(), "{operation:?} {fault:?} {nth}");
                }
            }
        }
    });
}

/// Requests and answers that are written and not flushed would wait for ever.
pub fn a_handshake_passes_a_stream_that_sends_on_flush_only<A: Adapter>() {
    run::<A>(async {
        let ends = pipe();
        ends.0.probe().send_on_flush_only();
        ends.1.probe().send_on_flush_only();
        let (server, mut client) = connected::<A>(ends).await;
        let echoing = spawn::<A, _>(echo(server));
        client.send("flushed").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some(Message::text("flushed")));
        client.close(None).await.unwrap();
        echoing.await.unwrap();
    });
}
