//! Whole sessions, from the first byte of the handshake to the end of the stream, in both roles: whatever goes wrong with whichever call,
//! after whichever byte, and whenever the future of the session is dropped.

use std::{
    cell::RefCell,
    future::Future,
    io::ErrorKind,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use squall_io::{
    Transport, WebSocket,
    client::Connector,
    server::{ServerConfig, accept},
};
use squall_proto::frame::Header;
use squall_testkit::{
    pipe::{End, Fault, Operation, Probe, pipe, pipe_of},
    simulation::Simulation,
    wire::{REQUEST, answer_to, from_client, from_server},
};

use crate::{Peer, SECOND, handshakes::Offline};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Role {
    /// The handshake, and after it an echo.
    fn session(self, simulation: &Simulation, end: End) -> Session {
        let runtime = simulation.clone();
        match self {
            Self::Server => Box::pin(async move {
                if let Ok(socket) = accept(end, runtime, &ServerConfig::default()).await {
                    echo(socket).await;
                }
            }),
            Self::Client => Box::pin(async move {
                let connector = Connector::new(Offline(runtime));
                let url = "ws://server.example.com/";
                if let Ok(socket) = connector.handshake_on(end, url).await {
                    echo(socket).await;
                }
            }),
        }
    }

    /// What the peer of this role says once it has heard so much; a client is answered when its request is there.
    fn script(self, heard: &[u8]) -> Option<Vec<u8>> {
        let frames = [
            (0x81, b"hello".as_slice()),
            (0x01, b"frag"),
            (0x89, b"ping"),
            (0x80, b"ments"),
            (0x88, b"\x03\xE8"),
        ];
        let head = match self {
            Self::Server => REQUEST.to_owned(),
            Self::Client => {
                answer_to(heard.ends_with(b"\r\n\r\n").then(|| str::from_utf8(heard).unwrap())?)
            }
        };
        let frame = if self == Self::Server { from_client } else { from_server };
        let frames = frames.iter().flat_map(|(first, payload)| frame(*first, payload));
        Some([head.into_bytes(), frames.collect()].concat())
    }
}

async fn echo<T: Transport + Send + 'static, R: squall_io::Runtime>(mut socket: WebSocket<T, R>) {
    while let Ok(Some(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// What a session has said: whether its head is complete, and its frames, the last of which may be cut.
fn said(bytes: &[u8]) -> (bool, Vec<(u8, Vec<u8>)>) {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(mut rest) = head.and_then(|head| bytes.get(head + 4..)) else {
        return (false, vec![]);
    };
    let mut frames = Vec::new();
    while let Ok(Some((header, length))) = Header::parse(rest) {
        let end = length + usize::try_from(header.payload_len).unwrap();
        let (Some(&first), Some(payload)) = (rest.first(), rest.get(length..end)) else { break };
        let key = header.mask.unwrap_or_default();
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        frames.push((first, payload.collect()));
        rest = rest.get(end..).unwrap_or_default();
    }
    (true, frames)
}

/// All that an undisturbed session says.
fn undisturbed() -> Vec<(u8, Vec<u8>)> {
    vec![
        (0x81, b"hello".to_vec()),
        (0x8A, b"ping".to_vec()),
        (0x81, b"fragments".to_vec()),
        (0x88, b"\x03\xE8".to_vec()),
    ]
}

/// Whether it is that, or the beginning of it, and a Close with 1001 where the session was dropped.
fn is_beginning(mut frames: Vec<(u8, Vec<u8>)>) -> bool {
    if frames.last().is_some_and(|last| *last == (0x88, b"\x03\xE9".to_vec())) {
        frames.pop();
    }
    undisturbed().starts_with(&frames)
}

/// Runs a session with something wrong with its end of the stream. What it said, and its own end.
fn runs(role: Role, prepare: impl FnOnce(&Probe)) -> (Vec<u8>, Probe) {
    let simulation = Simulation::new();
    let (end, peer) = pipe();
    let (own, peer) = (end.probe(), Peer::new(peer));
    own.limit(1, 3);
    prepare(&own);
    let done = simulation.start(role.session(&simulation, end));
    simulation.run();
    let mut heard = peer.hear();
    peer.say(role.script(&heard).unwrap_or_default());
    peer.end();
    simulation.pass(30 * SECOND);
    heard.extend(peer.hear());
    assert!(done.take().is_some() && peer.peer_ended(), "it is over, and its stream too");
    (heard, own)
}

fn calls(own: &Probe, operation: Operation) -> usize {
    let counts = own.counts();
    match operation {
        Operation::Read => counts.reads,
        Operation::Write => counts.writes,
        Operation::Flush => counts.flushes,
        Operation::Shutdown => counts.shutdowns,
    }
}

const OPERATIONS: [Operation; 4] =
    [Operation::Read, Operation::Write, Operation::Flush, Operation::Shutdown];

/// CL08: the n-th call fails or moves nothing, for every n that there is. What was said before is whole and in order.
#[test]
fn every_call_of_a_session_fails_in_turn() {
    let mut tried = 0;
    for role in ROLES {
        for operation in OPERATIONS {
            for fault in [Fault::Error(ErrorKind::ConnectionReset), Fault::Zero] {
                for nth in 0.. {
                    let (heard, own) = runs(role, |own| own.fail(operation, nth, fault));
                    if calls(&own, operation) <= nth {
                        break;
                    }
                    tried += 1;
                    let (_, frames) = said(&heard);
                    assert!(is_beginning(frames), "{role:?} {operation:?} {fault:?} {nth}");
                }
            }
        }
    }
    assert!(tried > 700, "{tried}");
}

/// The n-th call is interrupted, has to wait or moves one byte, for every n that there is: nobody can tell.
#[test]
fn every_call_of_a_session_is_a_nuisance_in_turn() {
    let mut tried = 0;
    for role in ROLES {
        for operation in OPERATIONS {
            for fault in [Fault::Error(ErrorKind::Interrupted), Fault::Pending, Fault::Short] {
                for nth in 0.. {
                    let (heard, own) = runs(role, |own| own.fail(operation, nth, fault));
                    if calls(&own, operation) <= nth {
                        break;
                    }
                    tried += 1;
                    let expected = (true, undisturbed());
                    assert_eq!(said(&heard), expected, "{role:?} {operation:?} {fault:?} {nth}");
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// The peer stops after every byte, or half-closes after it: the session is over within the stated times.
#[test]
fn the_peer_stops_or_half_closes_after_every_byte() {
    for role in ROLES {
        for half_closes in [false, true] {
            for cut in 0.. {
                let simulation = Simulation::new();
                let (end, peer) = pipe();
                let peer = Peer::new(peer);
                let done = simulation.start(role.session(&simulation, end));
                simulation.run();
                let mut heard = peer.hear();
                let script = role.script(&heard).unwrap();
                peer.say(&script[..cut]);
                if half_closes {
                    peer.end();
                }
                // Ping, its timeout and the close timeout; an end needs none of them.
                simulation.pass(if half_closes { SECOND / 100 } else { 45 * SECOND });
                heard.extend(peer.hear());
                assert!(done.take().is_some() && peer.peer_ended(), "{role:?} {half_closes} {cut}");
                let (_, mut frames) = said(&heard);
                // The ping that nobody answered, and what that led to.
                frames.retain(|(first, _)| *first != 0x89);
                frames.pop_if(|(first, body)| *first == 0x88 && body.starts_with(b"\x03\xF3"));
                assert!(is_beginning(frames), "{role:?} {half_closes} {cut}");
                if cut == script.len() {
                    break;
                }
            }
        }
    }
}

/// The peer says all it has to say and takes no byte more than so many of the answers.
#[test]
fn the_peer_stops_reading_after_every_byte() {
    for role in ROLES {
        for taken in 0.. {
            let simulation = Simulation::new();
            let (end, peer) = pipe_of(taken);
            let peer = Peer::new(peer);
            let done = simulation.start(role.session(&simulation, end));
            simulation.run();
            // The request of a client has to be taken, or there is nothing to answer.
            let mut request = Vec::new();
            if role == Role::Client {
                while !request.ends_with(b"\r\n\r\n") && taken > 0 {
                    request.extend(peer.hear());
                    simulation.run();
                }
            }
            peer.say(role.script(&request).unwrap_or_default());
            simulation.pass(60 * SECOND);
            assert!(done.take().is_some() && peer.peer_ended(), "{role:?} {taken}");
            let left = peer.hear();
            assert!(left.len() <= taken);
            if left.len() < taken {
                assert!(taken > 28, "all of the answers");
                break;
            }
        }
    }
}

/// The future is dropped after each of its polls, while the peer says a byte before every one: its stream ends.
#[test]
fn a_session_dropped_after_every_poll_ends_its_stream() {
    for role in ROLES {
        for polls in 0.. {
            let simulation = Simulation::new();
            let (end, peer) = pipe();
            let peer = Peer::new(peer);
            let (heard, script) = (RefCell::new(Vec::new()), RefCell::new(Vec::new().into_iter()));
            let mut session = pin!(Some(role.session(&simulation, end)));
            let mut is_done = false;
            for _ in 0..polls {
                heard.borrow_mut().extend(peer.hear());
                if script.borrow().len() == 0 && said(&heard.borrow()).1.is_empty() {
                    let says = role.script(&heard.borrow()).unwrap_or_default();
                    *script.borrow_mut() = says.into_iter();
                }
                match script.borrow_mut().next() {
                    Some(byte) => peer.say([byte]),
                    None if said(&heard.borrow()).1.len() == 4 => peer.end(),
                    None => {}
                }
                let cx = &mut Context::from_waker(Waker::noop());
                if let Some(running) = session.as_mut().get_mut()
                    && let Poll::Ready(()) = running.as_mut().poll(cx)
                {
                    is_done = true;
                    break;
                }
            }
            session.set(None);
            simulation.run();
            heard.borrow_mut().extend(peer.hear());
            assert!(peer.peer_ended(), "{role:?} {polls}");
            let (_, frames) = said(&heard.borrow());
            assert!(is_beginning(frames.clone()), "{role:?} {polls}");
            if is_done {
                assert_eq!(frames, undisturbed(), "{role:?} {polls}");
                break;
            }
        }
    }
}
