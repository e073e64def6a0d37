//! Connections that are opened, kept or ended to do harm.

use std::{
    io::{self, ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Attack, Effect,
    scene::{HANDSHAKE_LIMIT, MANY, SILENCE_LIMIT, Scene},
    wire::{CLOSE, Peer, Stream, read_head},
};

/// How much later than at its deadline a connection may be over, on a machine with much to do.
pub(crate) const LATENESS: Duration = Duration::from_secs(10);

/// Of two connections at a time each is gone when the next one comes, but not for the server.
const CHURNED: usize = 3000;

pub(crate) const ATTACKS: [Attack; 5] = [
    Attack {
        name: "slow handshakes",
        connections: MANY,
        memory_each: 24 << 10,
        run: slow_handshakes,
    },
    Attack { name: "churn of handshakes", connections: 64, memory_each: 24 << 10, run: churn },
    Attack {
        name: "handshakes at once",
        connections: MANY,
        memory_each: 24 << 10,
        run: handshakes_at_once,
    },
    Attack { name: "storm of closes", connections: MANY, memory_each: 8 << 10, run: closes },
    Attack { name: "half-open", connections: MANY, memory_each: 8 << 10, run: half_open },
];

/// Opens connections and shakes hands on each.
pub(crate) fn open(scene: &Scene, count: u64) -> io::Result<Vec<Peer>> {
    (0..count).map(|_| Peer::connect(&scene.target)).collect()
}

/// Each sends its request a byte at a time, too slowly for the handshake timeout, and goes on until it is thrown out.
fn slow_handshakes(scene: &Scene) -> io::Result<Effect> {
    let begun = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..scene.many {
        let stream = scene.target.stream()?;
        stream.tcp().set_nonblocking(true)?;
        streams.push(stream);
    }
    let request = scene.target.request(&format!("X-Slow: {}\r\n", "yes ".repeat(50)));
    // A refusal lingers for a second, so that a client that still sends can read it.
    let deadline = begun + HANDSHAKE_LIMIT + Duration::from_secs(1) + LATENESS;
    for byte in request.bytes() {
        streams.retain_mut(|stream| {
            // One that was thrown out may learn of it here.
            matches!(stream.write(&[byte]), Ok(1)) && !is_over(stream)
        });
        if streams.is_empty() || Instant::now() >= deadline {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(Effect {
        sent: format!("{} requests", scene.many),
        broken: left_over(streams.len(), "the handshake timeout"),
    })
}

/// Connects, shakes hands and goes without a word, as fast as it can.
pub(crate) fn churn(scene: &Scene) -> io::Result<Effect> {
    let begun = Instant::now();
    let mut count = 0;
    while count < CHURNED && begun.elapsed() < 2 * scene.duration {
        drop(Peer::connect(&scene.target)?);
        // And one that is gone before it has asked.
        drop(scene.target.connect()?);
        count += 1;
    }
    Ok(Effect::harmless(format!("{count} handshakes")))
}

/// All are connected before the first one asks, and all ask before the first one listens.
fn handshakes_at_once(scene: &Scene) -> io::Result<Effect> {
    let mut sent = 0;
    for _ in 0..4 {
        let streams: io::Result<Vec<_>> = (0..scene.many).map(|_| scene.target.stream()).collect();
        let mut streams = streams?;
        for stream in &mut streams {
            stream.write_all(scene.target.request("").as_bytes())?;
            sent += 1;
        }
        for stream in &mut streams {
            if !read_head(stream)?.starts_with("HTTP/1.1 101 ") {
                let broken = Some("a handshake was refused".to_owned());
                return Ok(Effect { sent: format!("{sent} handshakes"), broken });
            }
        }
    }
    Ok(Effect::harmless(format!("{sent} handshakes")))
}

/// All say Close at once; each has to be answered and let go.
pub(crate) fn closes(scene: &Scene) -> io::Result<Effect> {
    let mut sent = 0;
    let mut broken = None;
    for _ in 0..4 {
        let mut peers = open(scene, scene.many)?;
        for peer in &mut peers {
            peer.send(CLOSE, &1000_u16.to_be_bytes())?;
            sent += 1;
        }
        for mut peer in peers {
            let code = peer.close_code()?;
            if code != Some(1000) {
                broken = Some(format!("1000 was answered with {code:?}"));
            }
            if peer.stream.read(&mut [0])? != 0 {
                broken = Some("there is more after a Close".to_owned());
            }
        }
    }
    Ok(Effect { sent: format!("{sent} Closes"), broken })
}

/// Each shakes hands and is silent from then on: it reads nothing and answers no ping, as one whose network is gone.
fn half_open(scene: &Scene) -> io::Result<Effect> {
    let mut peers = open(scene, scene.many)?;
    thread::sleep(SILENCE_LIMIT);
    let deadline = Instant::now() + LATENESS;
    for peer in &peers {
        peer.stream.tcp().set_nonblocking(true)?;
    }
    while !peers.is_empty() && Instant::now() < deadline {
        peers.retain_mut(|peer| !is_over(&mut peer.stream));
        thread::sleep(Duration::from_millis(20));
    }
    Ok(Effect {
        sent: format!("{} connections", scene.many),
        broken: left_over(peers.len(), "keepalive and the close timeout"),
    })
}

/// Whether the server has ended this connection; what it said before is dropped.
pub(crate) fn is_over(stream: &mut Stream) -> bool {
    let mut bytes = [0; 512];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

pub(crate) fn left_over(count: usize, limit: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} connections were not ended by {limit}"))
}
