//! Messages that are not what they seem, and peers that are slow with them.

use std::{
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use flate2::{Compress, Compression, FlushCompress};

use crate::{
    Attack, Effect, MIB,
    connections::open,
    server::MESSAGE_LIMIT,
    wire::{BINARY, COMPRESSED, Peer, frame, head},
};

/// How long the slow ones are slow.
const DURATION: Duration = Duration::from_secs(3);

const MANY: u64 = 400;

const SLOW: u64 = 32;

pub(crate) const ATTACKS: [Attack; 4] = [
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
fn declared_lengths(server: SocketAddr) -> io::Result<Effect> {
    let mut peers = open(server, MANY)?;
    for peer in &mut peers {
        peer.stream.write_all(&head(BINARY, MESSAGE_LIMIT))?;
        peer.stream.write_all(b"x")?;
    }
    thread::sleep(Duration::from_millis(500));
    Ok(Effect::harmless(format!("{} MiB declared", MANY)))
}

/// Frames below the limit that inflate to almost a gibibyte (CVE-2016-10544 and many since), one connection after the other.
fn bombs(server: SocketAddr) -> io::Result<Effect> {
    let bomb = frame(COMPRESSED, &bomb()?);
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < DURATION && count < 1000 {
        let mut peer = Peer::connect_with_deflate(server)?;
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
fn bomb() -> io::Result<Vec<u8>> {
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

/// Each sends messages, reads no answer, and sends more for as long as it can.
fn slow_readers(server: SocketAddr) -> io::Result<Effect> {
    let mut peers = open(server, SLOW)?;
    let message = frame(BINARY, &vec![7; 1000 << 10]);
    let begun = Instant::now();
    let mut places = vec![0; peers.len()];
    let mut sent = 0;
    for peer in &peers {
        peer.stream.set_nonblocking(true)?;
    }
    while begun.elapsed() < DURATION {
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
fn slow_writers(server: SocketAddr) -> io::Result<Effect> {
    let mut peers = open(server, SLOW)?;
    for peer in &mut peers {
        peer.stream.write_all(&head(BINARY, MESSAGE_LIMIT))?;
    }
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < DURATION {
        for peer in &mut peers {
            peer.stream.write_all(b"x")?;
            count += 1;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(Effect::harmless(format!("{count} bytes, one at a time")))
}
