//! Connections that are opened to do harm before TLS is established.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Attack, Effect,
    connections::{LATENESS, left_over},
    scene::{HANDSHAKE_LIMIT, MANY, Scene},
};

pub(crate) const ATTACKS: [Attack; 3] = [
    Attack { name: "silent before TLS", connections: MANY, memory_each: 8 << 10, run: silent },
    // A record declares up to 16 KiB and a little, and the handshake at most 64 KiB.
    Attack { name: "slow ClientHello", connections: MANY, memory_each: 24 << 10, run: slow_hello },
    Attack { name: "no TLS at all", connections: 4, memory_each: 64 << 10, run: garbage },
];

/// Nothing is said; the handshake timeout counts from the first byte on.
fn silent(scene: &Scene) -> io::Result<Effect> {
    slowly(scene, &[])
}

/// The header of a ClientHello that declares 16 KiB, and then a byte every 50 ms.
fn slow_hello(scene: &Scene) -> io::Result<Effect> {
    let hello = [b"\x16\x03\x01\x40\x00\x01\x00\x3F\xFC\x03\x03".as_slice(), &[7; 1000]].concat();
    slowly(scene, &hello)
}

fn slowly(scene: &Scene, bytes: &[u8]) -> io::Result<Effect> {
    let begun = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..scene.many {
        let stream = scene.target.connect()?;
        stream.set_nonblocking(true)?;
        streams.push(stream);
    }
    let mut bytes = bytes.iter();
    while !streams.is_empty() && begun.elapsed() < HANDSHAKE_LIMIT + LATENESS {
        let next = bytes.next();
        streams.retain_mut(|stream| {
            next.is_none_or(|byte| stream.write(&[*byte]).is_ok()) && !is_over(stream)
        });
        thread::sleep(Duration::from_millis(50));
    }
    Ok(Effect {
        sent: format!("{} connections", scene.many),
        broken: left_over(streams.len(), "the handshake timeout"),
    })
}

fn is_over(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 512]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// Bytes that are no record, an alert where there is nothing yet, an empty record, and one that is too long.
fn garbage(scene: &Scene) -> io::Result<Effect> {
    let scripts: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x01\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xFF\xFF\x01\x00\xFF\xFB",
        &[0xFF; 20_000],
    ];
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < scene.duration {
        for script in scripts {
            let mut stream = scene.target.connect()?;
            // It may be over before all is said, and an end or a reset is what is wanted.
            let _ = stream.write_all(script);
            stream.shutdown(std::net::Shutdown::Write).or_else(is_gone)?;
            match stream.read_to_end(&mut Vec::new()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let broken = Some(format!("{} bytes had no end", script.len()));
                    return Ok(Effect { sent: format!("{count} connections"), broken });
                }
                _ => count += 1,
            }
        }
    }
    Ok(Effect::harmless(format!("{count} connections")))
}

fn is_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}
