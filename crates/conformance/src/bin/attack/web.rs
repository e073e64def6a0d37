//! Attacks on the chat room, behind which is the web layer: pages, sessions, handlers.

use std::{
    io::{self, ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Attack, Effect, MIB, connections,
    connections::open,
    floods,
    scene::Scene,
    wire::{BINARY, PING, PONG, Peer, TEXT, frame, head},
};

/// The largest message of the chat room.
const MESSAGE_LIMIT: usize = 32 << 10;

const MANY: u64 = 100;

pub(crate) const ATTACKS: [Attack; 9] = [
    Attack { name: "ping flood, never read", connections: 4, memory_each: MIB, run: ping },
    Attack { name: "fragments of one byte", connections: 4, memory_each: MIB, run: fragments },
    Attack {
        name: "empty fragments",
        connections: 4,
        memory_each: MIB,
        run: floods::empty_fragments,
    },
    Attack {
        name: "declared lengths",
        connections: MANY,
        memory_each: 32 << 10,
        run: declared_lengths,
    },
    // What waits for each up to the high mark, and the lines that the room keeps: 200 times 4,000 characters.
    Attack { name: "lines that nobody reads", connections: 16, memory_each: MIB, run: lines },
    Attack {
        name: "churn of handshakes",
        connections: 64,
        memory_each: 64 << 10,
        run: connections::churn,
    },
    Attack { name: "requests, never read", connections: 16, memory_each: MIB, run: requests },
    Attack { name: "bodies without end", connections: 16, memory_each: 2 * MIB, run: bodies },
    Attack { name: "heads without end", connections: MANY, memory_each: 64 << 10, run: heads },
];

fn ping(scene: &Scene) -> io::Result<Effect> {
    floods::flood(scene, &[frame(PING, &[b'p'; 125]), frame(PONG, b"")].concat())
}

/// The limit of the message comes before the one of its fragments.
fn fragments(scene: &Scene) -> io::Result<Effect> {
    floods::too_many(scene, b"x", 1009)
}

/// Each declares the largest message that is taken and sends half of it; then one that is not taken.
fn declared_lengths(scene: &Scene) -> io::Result<Effect> {
    let mut peers = open(scene, MANY)?;
    for peer in &mut peers {
        peer.stream.write_all(&head(BINARY, MESSAGE_LIMIT))?;
        peer.stream.write_all(&vec![7; MESSAGE_LIMIT / 2])?;
    }
    let mut greedy = Peer::connect(&scene.target)?;
    greedy.stream.write_all(&head(BINARY, MESSAGE_LIMIT + 1))?;
    let code = greedy.close_code()?;
    Ok(Effect {
        sent: format!("{MANY} times {} KiB declared", MESSAGE_LIMIT >> 10),
        broken: (code != Some(1009)).then(|| format!("closed with {code:?} and not with 1009")),
    })
}

/// One talks, and the others do not read what they are told.
fn lines(scene: &Scene) -> io::Result<Effect> {
    let listeners = open(scene, 15)?;
    let mut talker = Peer::connect(&scene.target)?;
    talker.stream.tcp().set_read_timeout(Some(Duration::from_millis(1)))?;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < scene.duration {
        let line = format!(r#"{{"type":"say","text":"{}","key":"{count}"}}"#, "x".repeat(500));
        talker.send(TEXT, line.as_bytes())?;
        count += 1;
        drain(&mut talker)?;
    }
    drop(listeners);
    Ok(Effect::harmless(format!("{count} lines")))
}

fn drain(peer: &mut Peer) -> io::Result<()> {
    match peer.stream.read(&mut [0; 64 << 10]) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// Pages are asked for one after the other on each connection, and no answer is read.
fn requests(scene: &Scene) -> io::Result<Effect> {
    let request = format!("GET /chat.js HTTP/1.1\r\nHost: {}\r\n\r\n", scene.target.address);
    let sent = without_reading(scene, "", request.repeat(20).as_bytes())?;
    Ok(Effect::harmless(format!("{} requests", sent / request.len())))
}

/// A body that is too large, or has no end.
fn bodies(scene: &Scene) -> io::Result<Effect> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        scene.target.address
    );
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let sent = without_reading(scene, &request, chunk.as_bytes())?;
    Ok(Effect::harmless(format!("{} MiB taken", sent as u64 / MIB)))
}

/// Each says this, and then that again and again for as long as anybody listens; how much of it was taken.
fn without_reading(scene: &Scene, first: &str, again: &[u8]) -> io::Result<usize> {
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = scene.target.connect()?;
        stream.write_all(first.as_bytes())?;
        stream.set_nonblocking(true)?;
        streams.push((stream, 0));
    }
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < scene.duration {
        streams.retain_mut(|(stream, place)| {
            match stream.write(again.get(*place..).unwrap_or_default()) {
                Ok(count) => {
                    sent += count;
                    *place = (*place + count) % again.len();
                    true
                }
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            }
        });
        thread::sleep(Duration::from_millis(1));
    }
    Ok(sent)
}

/// Each has a head of sixteen kibibytes less one, and then a byte too many: it has to be told so.
fn heads(scene: &Scene) -> io::Result<Effect> {
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = scene.target.connect()?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n")?;
        stream.write_all("X-Long: yes, very\r\n".repeat(80).as_bytes())?;
        streams.push(stream);
    }
    thread::sleep(Duration::from_millis(300));
    let mut broken = None;
    for stream in &mut streams {
        // It may be over before all is said.
        let _ = stream.write_all("X-Long: yes, very\r\n".repeat(2000).as_bytes());
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() && !answer.starts_with(b"HTTP/1.1 431") {
            broken = Some(String::from_utf8_lossy(&answer).into_owned());
        }
    }
    Ok(Effect { sent: format!("{MANY} heads"), broken })
}
