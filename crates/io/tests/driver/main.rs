//! The driver, over pipes that stall and fail as they are told and on a clock that is moved by hand.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "helpers of tests are outside of what the lint allows"
)]

mod batching;
mod cancelling;
mod closing;
mod dialling;
mod faults;
mod futures_traits;
mod halves;
mod handshakes;
mod keep_alive;
mod pieces;
mod sending;
mod shutdown;
mod timeouts;
mod whole_sessions;
mod writing;

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use squall_io::WebSocket;
use squall_proto::{Config, Connection, Message};
use squall_testkit::{
    entropy::PlainKeys,
    pipe::{End, Probe, pipe_of},
    simulation::Simulation,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Socket = WebSocket<End, Simulation>;

/// A connection, and the other end of its stream in the hands of the test.
pub(crate) struct Scene {
    pub(crate) simulation: Simulation,
    pub(crate) socket: Socket,
    /// The connection's own end: what it asks of its stream.
    pub(crate) own: Probe,
    pub(crate) peer: Peer,
}

/// The other end of a connection's stream.
#[derive(Debug)]
pub(crate) struct Peer {
    _end: End,
    probe: Probe,
}

impl Peer {
    pub(crate) fn new(end: End) -> Self {
        Self { probe: end.probe(), _end: end }
    }
}

impl std::ops::Deref for Peer {
    type Target = Probe;

    fn deref(&self) -> &Probe {
        &self.probe
    }
}

/// A server's connection with the default settings.
pub(crate) fn server() -> Scene {
    Scene::server(&Simulation::new(), Config::default(), 64 << 10)
}

/// A client's connection with the default settings.
pub(crate) fn client() -> Scene {
    Scene::client(&Simulation::new(), Config::default(), 64 << 10)
}

impl Scene {
    pub(crate) fn server(simulation: &Simulation, config: Config, capacity: usize) -> Self {
        let connection = Connection::server(Arc::new(config), simulation.now());
        Self::new(simulation, connection, capacity)
    }

    pub(crate) fn client(simulation: &Simulation, config: Config, capacity: usize) -> Self {
        let now = simulation.now();
        let connection = Connection::client(Arc::new(config), PlainKeys::boxed(), now);
        Self::new(simulation, connection, capacity)
    }

    fn new(simulation: &Simulation, connection: Connection, capacity: usize) -> Self {
        let (end, peer) = pipe_of(capacity);
        let own = end.probe();
        let socket = WebSocket::from_connection(connection, end, simulation.clone());
        Self { simulation: simulation.clone(), socket, own, peer: Peer::new(peer) }
    }

    /// Starts a task that echoes messages, and after it `work` on the connection.
    pub(crate) fn starts_echo(self) -> (Simulation, Probe, Peer) {
        let Self { simulation, mut socket, own, peer } = self;
        simulation.start(async move {
            while let Ok(Some(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        });
        (simulation, own, peer)
    }
}

/// Two connections with each other over a pipe of `capacity` bytes.
pub(crate) fn pair(simulation: &Simulation, config: &Config, capacity: usize) -> (Socket, Socket) {
    let (left, right) = pipe_of(capacity);
    let (config, now) = (Arc::new(config.clone()), simulation.now());
    let server = Connection::server(Arc::clone(&config), now);
    let client = Connection::client(config, PlainKeys::boxed(), now);
    (
        WebSocket::from_connection(server, left, simulation.clone()),
        WebSocket::from_connection(client, right, simulation.clone()),
    )
}

/// Polls a future so many times and drops it; its output where it was ready by then.
pub(crate) fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..times).find_map(|_| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// A binary message whose bytes tell their place.
pub(crate) fn numbered(length: usize) -> Message {
    Message::from((0..=250).cycle().take(length).collect::<Vec<u8>>())
}
