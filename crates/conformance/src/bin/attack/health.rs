//! The honest clients beside an attack.

use std::{
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::wire::{PATIENCE, PING, PONG, Peer, TEXT};

const INTERVAL: Duration = Duration::from_millis(50);

/// After how many echoes a new client comes.
const NEWCOMERS: usize = 10;

/// What honest clients saw.
#[derive(Default)]
pub(crate) struct Health {
    pub(crate) echoes: usize,
    /// The time that the slowest echo took, a handshake before it included.
    pub(crate) slowest: Duration,
    pub(crate) failures: Vec<String>,
}

/// Asks for an echo every 50 ms on one connection, and now and then on a new one. An answer that takes longer than two seconds is a
/// failure, and so is a connection that ends.
pub(crate) fn ask_until(server: SocketAddr, is_over: &dyn Fn() -> bool) -> Health {
    let mut health = Health::default();
    let mut resident = None;
    let mut next = Instant::now();
    for count in 0.. {
        let begun = Instant::now();
        let asked = if count % NEWCOMERS == NEWCOMERS - 1 {
            Peer::connect(server).and_then(|mut newcomer| ask(&mut newcomer, count))
        } else {
            ask_resident(&mut resident, server, count)
        };
        match asked {
            Ok(()) if begun.elapsed() <= PATIENCE => health.echoes += 1,
            Ok(()) => health.failures.push(format!("an echo took {:?}", begun.elapsed())),
            Err(error) => {
                resident = None;
                health.failures.push(error.to_string());
            }
        }
        health.slowest = health.slowest.max(begun.elapsed());
        if is_over() {
            break;
        }
        next = Instant::now().max(next + INTERVAL);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    health
}

fn ask_resident(resident: &mut Option<Peer>, server: SocketAddr, count: usize) -> io::Result<()> {
    let mut peer = match resident.take() {
        Some(peer) => peer,
        None => Peer::connect(server)?,
    };
    ask(&mut peer, count)?;
    *resident = Some(peer);
    Ok(())
}

fn ask(peer: &mut Peer, count: usize) -> io::Result<()> {
    let question = format!("are you there? {count}");
    peer.send(TEXT, question.as_bytes())?;
    loop {
        match peer.receive()? {
            (TEXT, answer) if answer == question.as_bytes() => return Ok(()),
            (PING, payload) => peer.send(PONG, &payload)?,
            (first, _) => return Err(io::Error::other(format!("a frame {first:#04X}"))),
        }
    }
}
