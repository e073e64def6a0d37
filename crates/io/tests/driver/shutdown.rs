//! The switch that ends the connections of a server.

use squall_io::{
    Shutdown,
    server::{ServerConfig, accept},
};
use squall_testkit::{
    pipe::pipe,
    simulation::Simulation,
    wire::{REQUEST, from_client, from_server},
};

use crate::{Peer, SECOND, Socket};

fn accepted(simulation: &Simulation, shutdown: &Shutdown) -> (Socket, Peer) {
    let config = ServerConfig::default().shutdown(shutdown.clone());
    let (end, peer) = pipe();
    let peer = Peer::new(peer);
    peer.say(REQUEST);
    let socket = simulation.block_on(accept(end, simulation.clone(), &config)).unwrap();
    assert!(peer.hear().starts_with(b"HTTP/1.1 101 "));
    (socket, peer)
}

#[test]
fn a_connection_that_waits_says_1001_when_the_switch_is_turned() {
    let (simulation, shutdown) = (Simulation::new(), Shutdown::new());
    let (mut socket, peer) = accepted(&simulation, &shutdown);
    let received = simulation.start(async move { socket.recv().await });
    simulation.run();
    assert_eq!(peer.hear(), b"");
    shutdown.start();
    simulation.run();
    assert_eq!(peer.hear(), from_server(0x88, b"\x03\xE9"));
    peer.say(from_client(0x88, b"\x03\xE9"));
    peer.end();
    simulation.run();
    assert!(matches!(received.take(), Some(Ok(None))));
}

#[test]
fn a_connection_that_did_not_wait_says_it_when_it_waits_next() {
    let (simulation, shutdown) = (Simulation::new(), Shutdown::new());
    shutdown.start();
    let (mut socket, peer) = accepted(&simulation, &shutdown);
    assert_eq!(simulation.block_on(socket.send("still open")), Ok(()));
    assert!(crate::poll_times(socket.recv(), 1).is_none());
    let expected = [from_server(0x81, "still open"), from_server(0x88, b"\x03\xE9")].concat();
    assert_eq!(peer.hear(), expected);
}

#[test]
fn a_peer_that_does_not_answer_is_gone_at_the_close_timeout() {
    let (simulation, shutdown) = (Simulation::new(), Shutdown::new());
    let (mut socket, peer) = accepted(&simulation, &shutdown);
    let received = simulation.start(async move { socket.recv().await });
    simulation.run();
    shutdown.start();
    simulation.pass(5 * SECOND);
    assert!(received.take().is_some_and(|ending| ending.is_err()));
    assert!(peer.peer_ended());
}

#[test]
fn a_connection_that_is_closing_already_goes_on_as_it_was() {
    let (simulation, shutdown) = (Simulation::new(), Shutdown::new());
    let (mut socket, peer) = accepted(&simulation, &shutdown);
    socket.begin_close(squall_proto::CloseCode::NORMAL).unwrap();
    shutdown.start();
    assert!(crate::poll_times(socket.recv(), 1).is_none());
    assert_eq!(peer.hear(), from_server(0x88, b"\x03\xE8"));
}
