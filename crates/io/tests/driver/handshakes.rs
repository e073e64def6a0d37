//! Handshakes over streams that are not like sockets, and what lies behind them.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::StatusCode;
use squall_io::{
    Error, Runtime,
    client::{ConnectError, Connector, Dial, Phase},
    server::{ServerConfig, UpgradeError, accept, upgrade},
};
use squall_proto::{
    HandshakeConfig, Message, ProtocolError,
    handshake::{HandshakeError, OriginPolicy, Rejection},
};
use squall_testkit::{
    pipe::{End, Fault, Operation, pipe, pipe_of},
    simulation::{Alarm, Simulation, Started},
    wire::{REQUEST, answer_to, from_client, from_server},
};

use crate::{Peer, SECOND, Socket};

/// A simulation that connects to nothing: clients get their stream from the test.
#[derive(Debug, Clone)]
pub(crate) struct Offline(pub(crate) Simulation);

impl Runtime for Offline {
    type Timer = Alarm;

    fn timer(&self) -> Alarm {
        self.0.timer()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.0.spawn(task)
    }
}

impl Dial for Offline {
    type Stream = End;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<End> {
        std::future::pending().await
    }
}

type Client = squall_io::WebSocket<End, Offline>;

fn starts_client(simulation: &Simulation, end: End) -> Started<Result<Client, ConnectError>> {
    let connector = Connector::new(Offline(simulation.clone()));
    let connecting = async move { connector.handshake_on(end, "ws://server.example.com/").await };
    let connecting = simulation.start(connecting);
    simulation.run();
    connecting
}

fn starts_server(
    simulation: &Simulation,
    end: End,
    config: ServerConfig,
) -> Started<Result<Socket, UpgradeError>> {
    let runtime = simulation.clone();
    let accepting = simulation.start(async move { accept(end, runtime, &config).await });
    simulation.run();
    accepting
}

fn heard_text(peer: &Peer) -> String {
    String::from_utf8(peer.hear()).unwrap()
}

/// The two meet over streams that hold everything back until they are flushed.
#[test]
fn both_sides_flush_what_they_say() {
    let simulation = Simulation::new();
    let (left, right) = pipe();
    left.probe().send_on_flush_only();
    right.probe().send_on_flush_only();
    let server = starts_server(&simulation, left, ServerConfig::default());
    let client = starts_client(&simulation, right);
    let (mut server, mut client) =
        (server.take().unwrap().unwrap(), client.take().unwrap().unwrap());
    simulation.block_on(async {
        client.send("hello").await.unwrap();
        assert_eq!(server.recv().await.unwrap(), Some(Message::text("hello")));
        server.send("you").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some(Message::text("you")));
        let (closed, ending) = futures::future::join(client.close(None), server.recv()).await;
        assert!(closed.is_ok() && matches!(ending, Ok(None)));
    });
}

#[test]
fn both_sides_get_through_a_pipe_of_one_byte() {
    let simulation = Simulation::new();
    let (left, right) = pipe_of(1);
    let server = starts_server(&simulation, left, ServerConfig::default());
    let client = starts_client(&simulation, right);
    assert!(server.take().unwrap().is_ok() && client.take().unwrap().is_ok());
}

/// What a client says right behind its request is kept for the connection.
#[test]
fn messages_behind_the_request_are_received() {
    let simulation = Simulation::new();
    let behind = [from_client(0x81, "early"), from_client(0x81, "bird")].concat();
    for cut in 0..=behind.len() {
        let (end, peer) = pipe();
        let peer = Peer::new(peer);
        peer.say(REQUEST);
        peer.say(&behind[..cut]);
        let mut socket =
            starts_server(&simulation, end, ServerConfig::default()).take().unwrap().unwrap();
        peer.say(&behind[cut..]);
        simulation.block_on(async {
            assert_eq!(socket.recv().await.unwrap(), Some(Message::text("early")));
            assert_eq!(socket.recv().await.unwrap(), Some(Message::text("bird")));
        });
    }
}

/// HC16: a client says nothing before the answer; what the server says right behind it is kept.
#[test]
fn messages_behind_the_answer_are_received() {
    let simulation = Simulation::new();
    let behind = [from_server(0x81, "early"), from_server(0x81, "bird")].concat();
    for cut in 0..=behind.len() {
        let (end, peer) = pipe();
        let peer = Peer::new(peer);
        let connecting = starts_client(&simulation, end);
        let request = heard_text(&peer);
        assert!(request.ends_with("\r\n\r\n") && connecting.take().is_none());
        peer.say([answer_to(&request).as_bytes(), &behind[..cut]].concat());
        simulation.run();
        let mut socket = connecting.take().unwrap().unwrap();
        peer.say(&behind[cut..]);
        simulation.block_on(async {
            assert_eq!(socket.recv().await.unwrap(), Some(Message::text("early")));
            assert_eq!(socket.recv().await.unwrap(), Some(Message::text("bird")));
        });
        assert_eq!(peer.hear(), b"");
    }
}

/// HC17, CVE-2018-1002105, CVE-2019-17567: after a refusal nothing is taken for frames, on either side.
#[test]
fn nothing_is_taken_for_frames_after_a_refusal() {
    let simulation = Simulation::new();
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    let connecting = starts_client(&simulation, end);
    peer.hear();
    let body = from_server(0x81, "not a frame");
    peer.say(format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n", body.len()));
    peer.say(&body);
    simulation.run();
    let error = connecting.take().unwrap().unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status(), refusal.body()), (StatusCode::NOT_FOUND, &Bytes::from(body)));

    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    peer.say(REQUEST.replace("Version: 13", "Version: 12"));
    peer.say(from_client(0x89, "ping"));
    let accepting = starts_server(&simulation, end, ServerConfig::default());
    peer.say(from_client(0x89, "ping"));
    simulation.pass(SECOND);
    let answer = heard_text(&peer);
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.ends_with("websocket version is not 13\n"), "{answer}");
    assert!(peer.peer_ended());
    peer.end();
    simulation.run();
    let error = accepting.take().unwrap().unwrap_err();
    assert!(matches!(error, UpgradeError::Handshake(HandshakeError::Version)));
}

#[test]
fn a_rejected_client_reads_the_answer_and_then_the_end() {
    let simulation = Simulation::new();
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    peer.say(REQUEST);
    let runtime = simulation.clone();
    let rejected = simulation.start(async move {
        let upgrade = upgrade(end, runtime, &ServerConfig::default()).await.unwrap();
        assert_eq!(upgrade.request().path(), "/chat");
        upgrade.reject(Rejection::new(StatusCode::NOT_FOUND).body("no such room")).await
    });
    simulation.run();
    let answer = heard_text(&peer);
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("\r\n\r\nno such room"));
    assert!(peer.peer_ended() && rejected.take().is_none());
    peer.end();
    simulation.run();
    assert!(matches!(rejected.take(), Some(UpgradeError::Rejected(StatusCode::NOT_FOUND))));
}

#[test]
fn a_page_from_elsewhere_is_forbidden() {
    let simulation = Simulation::new();
    let request = REQUEST.replace("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n");
    for (policy, status) in [(OriginPolicy::SameAuthority, "403"), (OriginPolicy::Any, "101")] {
        let (end, peer) = pipe();
        let peer = Peer::new(peer);
        peer.say(&request);
        let config = ServerConfig::default().origin(policy);
        let _accepting = starts_server(&simulation, end, config);
        assert_eq!(heard_text(&peer).split(' ').nth(1), Some(status));
    }
}

#[test]
fn a_slow_client_is_answered_with_408_and_a_silent_one_not_at_all() {
    let simulation = Simulation::new();
    for (said, answered) in [(0, false), (1, true), (REQUEST.len() - 1, true)] {
        let (end, peer) = pipe();
        let peer = Peer::new(peer);
        peer.say(&REQUEST[..said]);
        let accepting = starts_server(&simulation, end, ServerConfig::default());
        simulation.pass(10 * SECOND);
        assert_eq!(heard_text(&peer).starts_with("HTTP/1.1 408 "), answered, "{said}");
        simulation.pass(SECOND);
        assert!(peer.peer_ended());
        let error = accepting.take().unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Handshake(HandshakeError::TimedOut)));
    }
}

/// A client that does not even read the answer is not waited for beyond the handshake's time.
#[test]
fn a_client_that_does_not_read_the_answer_is_gone_at_the_handshake_timeout() {
    let simulation = Simulation::new();
    let (end, peer) = pipe_of(10);
    let peer = Peer::new(peer);
    peer.say(REQUEST);
    let accepting = starts_server(&simulation, end, ServerConfig::default());
    assert!(accepting.take().is_none());
    simulation.pass(10 * SECOND);
    let error = accepting.take().expect("it is over").unwrap_err();
    assert!(matches!(error, UpgradeError::Handshake(HandshakeError::TimedOut)), "{error:?}");
    assert!(peer.peer_ended());
}

#[test]
fn an_application_that_takes_too_long_to_decide_answers_503() {
    let simulation = Simulation::new();
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    peer.say(REQUEST);
    let runtime = simulation.clone();
    let accepting = simulation.start(async move {
        let config = HandshakeConfig::default().timeout(2 * SECOND);
        let config = ServerConfig::default().handshake(config);
        let upgrade = upgrade(end, runtime.clone(), &config).await.unwrap();
        runtime.sleep(3 * SECOND).await;
        upgrade.accept_default().await.map(drop)
    });
    simulation.pass(10 * SECOND);
    assert!(heard_text(&peer).starts_with("HTTP/1.1 503 "));
    assert!(accepting.take().unwrap().is_err());
}

#[test]
fn a_server_that_does_not_answer_is_given_up_at_the_handshake_timeout() {
    let simulation = Simulation::new();
    let (end, peer) = pipe();
    let connecting = starts_client(&simulation, end);
    simulation.pass(10 * SECOND);
    let error = connecting.take().unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(Phase::Handshake)));
    assert_eq!(error.to_string(), "timed out during the handshake");
    drop(peer);
}

#[test]
fn a_host_that_cannot_be_found_in_time_is_given_up() {
    let simulation = Simulation::new();
    let connector = Connector::new(Offline(simulation.clone()));
    for (url, phase) in [("ws://example.com/", Phase::Resolve), ("ws://127.0.0.1/", Phase::Connect)]
    {
        let error = simulation.wait(connector.connect(url)).unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut(in_phase) if in_phase == phase));
    }
}

/// HC05, CL08, RUSTSEC-2024-0336: the stream ends or fails at every byte of a handshake.
#[test]
fn the_stream_ends_or_fails_at_every_byte_of_a_handshake() {
    let simulation = Simulation::new();
    for cut in 0..REQUEST.len() {
        let (end, peer) = pipe();
        let (own, peer) = (end.probe(), Peer::new(peer));
        own.limit(cut.max(1), usize::MAX);
        if cut % 2 == 0 {
            peer.end();
        } else {
            own.fail(Operation::Read, 1, Fault::Error(io::ErrorKind::ConnectionReset));
        }
        peer.say(&REQUEST[..cut]);
        let accepting = starts_server(&simulation, end, ServerConfig::default());
        simulation.pass(SECOND);
        let error = accepting.take().unwrap_or_else(|| panic!("{cut}")).unwrap_err();
        match error {
            UpgradeError::Io(error) if cut % 2 == 1 => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            }
            UpgradeError::Handshake(HandshakeError::Eof) if cut % 2 == 0 => {}
            error => panic!("{cut}: {error:?}"),
        }
    }
    let length = answer_to(REQUEST).len();
    for cut in 0..length {
        let (end, peer) = pipe();
        let peer = Peer::new(peer);
        let connecting = starts_client(&simulation, end);
        let answer = answer_to(&heard_text(&peer));
        peer.say(&answer[..cut]);
        peer.end();
        simulation.run();
        let error = connecting.take().unwrap_or_else(|| panic!("{cut}")).unwrap_err();
        assert!(matches!(error, ConnectError::Handshake(HandshakeError::Eof)), "{cut}");
    }
}

#[test]
fn a_connection_has_the_settings_of_its_server_whatever_is_set_after_them() {
    let simulation = Simulation::new();
    let config = ServerConfig::default()
        .subprotocols(["chat"])
        .connection(squall_proto::Config::default().max_message_size(4))
        .handshake(HandshakeConfig::default());
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    peer.say(REQUEST.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"));
    let mut socket = starts_server(&simulation, end, config).take().unwrap().unwrap();
    assert_eq!(socket.subprotocol(), Some("chat"));
    peer.hear();
    peer.say(from_client(0x81, "hello"));
    peer.end();
    let error = simulation.block_on(socket.recv()).unwrap_err();
    assert!(matches!(error, Error::Violation(ProtocolError::MessageTooBig)), "{error:?}");
}
