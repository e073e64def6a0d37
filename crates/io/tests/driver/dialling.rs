//! From a name to a connection, over a network that is slow where it is told to be (RFC 8305).

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use squall_io::{
    Runtime, WebSocket,
    client::{ConnectError, Connector, Dial, Phase},
};
use squall_testkit::{
    pipe::{End, pipe},
    simulation::{Alarm, Simulation, Started},
    wire::answer_to,
};

use crate::{Peer, SECOND};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What becomes of an attempt to connect, and when.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Connects(Duration),
    Refuses(Duration),
    SaysNothing,
}

/// A network of hosts, told apart by their ports from 1.
#[derive(Debug, Clone)]
struct Network {
    simulation: Simulation,
    resolving: Duration,
    hosts: Arc<[Fate]>,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    attempts: Vec<(u16, Instant)>,
    connected: Vec<Peer>,
}

impl Network {
    fn new(simulation: &Simulation, fates: impl IntoIterator<Item = Fate>) -> Self {
        Self {
            simulation: simulation.clone(),
            resolving: Duration::ZERO,
            hosts: fates.into_iter().collect(),
            log: Arc::default(),
        }
    }

    fn connects(&self) -> Started<Result<WebSocket<End, Self>, ConnectError>> {
        let connector = Connector::new(self.clone());
        self.simulation.start(async move { connector.connect("ws://server.example.com/").await })
    }

    /// The hosts that were tried, and when after `start`.
    fn attempts(&self, start: Instant) -> Vec<(u16, Duration)> {
        let log = self.log.lock().unwrap();
        log.attempts.iter().map(|(host, at)| (*host, *at - start)).collect()
    }

    /// The peer of the only stream.
    fn peer(&self) -> Peer {
        let mut log = self.log.lock().unwrap();
        assert_eq!(log.connected.len(), 1);
        log.connected.remove(0)
    }
}

impl Runtime for Network {
    type Timer = Alarm;

    fn timer(&self) -> Alarm {
        self.simulation.timer()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.simulation.spawn(task)
    }
}

impl Dial for Network {
    type Stream = End;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!((host, port), ("server.example.com", 80));
        self.simulation.sleep(self.resolving).await;
        Ok((1..).zip(&*self.hosts).map(|(host, _)| ([127, 0, 0, 1], host).into()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<End> {
        let host = address.port();
        self.log.lock().unwrap().attempts.push((host, self.simulation.now()));
        match *self.hosts.get(usize::from(host) - 1).unwrap() {
            Fate::Connects(after) => {
                self.simulation.sleep(after).await;
                let (end, peer) = pipe();
                self.log.lock().unwrap().connected.push(Peer::new(peer));
                Ok(end)
            }
            Fate::Refuses(after) => {
                self.simulation.sleep(after).await;
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("host {host}")))
            }
            Fate::SaysNothing => std::future::pending().await,
        }
    }
}

#[test]
fn an_address_that_says_nothing_has_a_quarter_of_a_second_for_itself() {
    let simulation = Simulation::new();
    let fates = [Fate::SaysNothing, Fate::SaysNothing, Fate::Connects(ms(100)), Fate::SaysNothing];
    let (network, start) = (Network::new(&simulation, fates), simulation.now());
    let connected = network.connects();
    simulation.pass(SECOND);
    assert_eq!(network.attempts(start), [(1, ms(0)), (2, ms(250)), (3, ms(500))]);
    let peer = network.peer();
    peer.say(answer_to(&String::from_utf8(peer.hear()).unwrap()));
    simulation.run();
    assert!(connected.take().unwrap().is_ok());
}

#[test]
fn the_next_address_is_tried_at_once_where_one_has_failed() {
    let simulation = Simulation::new();
    let fates = [Fate::Refuses(ms(10)), Fate::Refuses(ms(20)), Fate::Connects(ms(0))];
    let (network, start) = (Network::new(&simulation, fates), simulation.now());
    let _connected = network.connects();
    simulation.pass(SECOND);
    assert_eq!(network.attempts(start), [(1, ms(0)), (2, ms(10)), (3, ms(30))]);
    assert!(!network.peer().hear().is_empty());
}

/// One that was tried before goes on beside the others, and may be the first to connect.
#[test]
fn a_slow_address_is_not_given_up_for_the_next() {
    let simulation = Simulation::new();
    let fates = [Fate::Connects(ms(300)), Fate::Refuses(ms(20))];
    let (network, start) = (Network::new(&simulation, fates), simulation.now());
    let _connected = network.connects();
    simulation.pass(ms(280));
    assert!(network.log.lock().unwrap().connected.is_empty());
    simulation.pass(ms(20));
    assert_eq!(network.attempts(start), [(1, ms(0)), (2, ms(250))]);
    assert!(!network.peer().hear().is_empty());
}

#[test]
fn where_all_addresses_fail_the_last_error_is_told() {
    let simulation = Simulation::new();
    let fates = [Fate::Refuses(ms(300)), Fate::Refuses(ms(10))];
    let network = Network::new(&simulation, fates);
    let connected = network.connects();
    simulation.pass(ms(299));
    assert!(connected.take().is_none(), "the first may still connect");
    simulation.pass(ms(1));
    let Some(Err(ConnectError::Connect(error))) = connected.take() else { panic!() };
    assert_eq!(
        (error.kind(), error.to_string()),
        (io::ErrorKind::ConnectionRefused, "host 1".into())
    );
}

#[test]
fn each_phase_has_its_time() {
    let simulation = Simulation::new();
    let mut names_nothing = Network::new(&simulation, []);
    names_nothing.resolving = 3600 * SECOND;
    let says_nothing = Network::new(&simulation, [Fate::SaysNothing]);
    let never_answers = Network::new(&simulation, [Fate::Connects(ms(0))]);
    for (network, phase) in [
        (names_nothing, Phase::Resolve),
        (says_nothing, Phase::Connect),
        (never_answers, Phase::Handshake),
    ] {
        let connected = network.connects();
        simulation.pass(10 * SECOND - ms(1));
        assert!(connected.take().is_none(), "{phase:?}");
        simulation.pass(ms(1));
        let ending = connected.take().unwrap().err();
        assert!(
            matches!(&ending, Some(ConnectError::TimedOut(told)) if *told == phase),
            "{ending:?}"
        );
    }
}

/// Wherever it stands: the attempts are dropped with it, and the stream that there was.
#[test]
fn connecting_may_be_dropped_after_every_poll() {
    let fates = [Fate::Refuses(ms(10)), Fate::SaysNothing, Fate::Connects(ms(10))];
    let mut was_connected = false;
    for polls in 1.. {
        let simulation = Simulation::new();
        let mut network = Network::new(&simulation, fates);
        network.resolving = ms(10);
        let connector = Connector::new(network.clone());
        let mut connecting = Box::pin(connector.connect("ws://server.example.com/"));
        let mut polled = 0;
        let ended = simulation.wait(std::future::poll_fn(|cx| {
            polled += 1;
            let ended = connecting.as_mut().poll(cx);
            if ended.is_pending() && polled == polls {
                return std::task::Poll::Ready(None);
            }
            ended.map(Some)
        }));
        drop(connecting);
        for peer in &network.log.lock().unwrap().connected {
            was_connected = true;
            assert!(peer.peer_ended(), "{polls}");
        }
        if ended.is_some() {
            break;
        }
    }
    assert!(was_connected);
}
