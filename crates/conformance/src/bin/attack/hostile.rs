//! Servers that attack their clients.

use std::{
    io::{self, ErrorKind, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Attack, Effect, MIB,
    client::CONNECTIONS,
    connections::{LATENESS, is_over},
    messages::bomb,
    scene::{HANDSHAKE_LIMIT, MESSAGE_LIMIT, SILENCE_LIMIT, Scene},
    wire::{BINARY, COMPRESSED, PATIENCE, PING, PONG, Peer, Stream, TEXT, read_head},
};

pub(crate) const ATTACKS: [Attack; 11] = [
    attack("no answer", 24 << 10, |scene| each(scene, silent)),
    attack("an answer without end", 64 << 10, |scene| each(scene, endless_head)),
    attack("informational answers without end", 64 << 10, |scene| each(scene, informational)),
    attack("a refusal without end", 256 << 10, |scene| each(scene, endless_refusal)),
    attack("ping flood, never read", MIB, |scene| each(scene, pings)),
    attack("empty fragments", MIB, |scene| each(scene, empty_fragments)),
    attack("compression bombs", 2 * MESSAGE_LIMIT as u64 + MIB, |scene| each(scene, bombs)),
    attack("declared lengths", 64 << 10, |scene| each(scene, declared)),
    // One that waits to be written, one that waits for room, and one that arrives, in a buffer that grows.
    attack("messages, no echo read", 5 * MESSAGE_LIMIT as u64, |scene| each(scene, slow_reader)),
    attack("masked frames", 64 << 10, |scene| each(scene, masked)),
    attack("half-open", 64 << 10, |scene| each(scene, half_open)),
];

const fn attack(
    name: &'static str,
    memory_each: u64,
    run: fn(&Scene) -> io::Result<Effect>,
) -> Attack {
    Attack { name, connections: CONNECTIONS, memory_each, run }
}

/// What a hostile server does with one connection; what it found that should not be.
type Does = fn(&Scene, TcpStream) -> io::Result<Option<String>>;

/// Lets the client come, and does the same to each of its connections.
fn each(scene: &Scene, does: Does) -> io::Result<Effect> {
    let listener = scene.listener.as_ref().ok_or_else(|| io::Error::other("no client"))?;
    listener.set_nonblocking(true)?;
    scene.process.tell("go")?;
    let begun = Instant::now();
    let (mut count, mut broken) = (0, None);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        while begun.elapsed() < scene.duration {
            match listener.accept() {
                Ok((stream, _)) => {
                    count += 1;
                    threads.push(scope.spawn(move || {
                        stream.set_nonblocking(false)?;
                        stream.set_write_timeout(Some(PATIENCE))?;
                        stream.set_read_timeout(Some(PATIENCE))?;
                        does(scene, stream)
                    }));
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        scene.process.tell("stop")?;
        for thread in threads {
            let found = thread.join().map_err(|_| io::Error::other("a server panicked"))?;
            broken = broken.take().or(found.unwrap_or_else(|error| Some(error.to_string())));
        }
        refuse_the_last(listener)?;
        Ok(Effect { sent: format!("{count} connections"), broken })
    })
}

/// Those that came in between.
fn refuse_the_last(listener: &TcpListener) -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(100) {
        match listener.accept() {
            Ok((stream, _)) => drop(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until the client has ended the connection; it has so long and a little.
fn ends_within(stream: &mut Stream, limit: Duration) -> io::Result<Option<String>> {
    stream.tcp().set_nonblocking(true)?;
    let begun = Instant::now();
    while begun.elapsed() < limit + LATENESS {
        if is_over(stream) {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(format!("the client did not end it within {limit:?}")))
}

/// Writes the same for as long as the client takes it; whether it stopped by itself, before the flood was over.
fn floods(scene: &Scene, stream: &mut impl Write, bytes: &[u8]) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < scene.duration {
        if stream.write_all(bytes).is_err() {
            return true;
        }
    }
    false
}

fn silent(_: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    ends_within(&mut Stream::Plain(stream), HANDSHAKE_LIMIT)
}

/// 101, and headers for ever.
fn endless_head(scene: &Scene, mut stream: TcpStream) -> io::Result<Option<String>> {
    read_head(&mut stream)?;
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n")?;
    let is_over = floods(scene, &mut stream, &b"X-More: and more\r\n".repeat(100));
    Ok((!is_over).then(|| "an endless head was read to no end".to_owned()))
}

fn informational(scene: &Scene, mut stream: TcpStream) -> io::Result<Option<String>> {
    read_head(&mut stream)?;
    let is_over = floods(scene, &mut stream, &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100));
    Ok((!is_over).then(|| "informational answers were read to no end".to_owned()))
}

/// A body of half the number line.
fn endless_refusal(scene: &Scene, mut stream: TcpStream) -> io::Result<Option<String>> {
    read_head(&mut stream)?;
    stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9223372036854775807\r\n\r\n")?;
    let is_over = floods(scene, &mut stream, &[b'x'; 64 << 10]);
    Ok((!is_over).then(|| "an endless body was read to no end".to_owned()))
}

fn pings(scene: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, false)?;
    let batch = [peer.frame(PING, &[b'p'; 125]), peer.frame(PONG, b"")].concat().repeat(200);
    // Whoever is not read for long may go.
    floods(scene, &mut peer.stream, &batch);
    Ok(None)
}

fn empty_fragments(_: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, false)?;
    let message = [peer.frame(0x02, b""), peer.frame(0x00, b"").repeat(65_536)].concat();
    // The client may have had enough before the end.
    let _ = peer.stream.write_all(&message);
    Ok(unless(peer.close_code()?, 1008))
}

fn bombs(_: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, true)?;
    peer.send(COMPRESSED, &bomb()?)?;
    Ok(unless(peer.close_code()?, 1009))
}

/// A length that is allowed, of which one byte comes, and then a sign of life where one is asked for: nothing ends this, and it costs
/// next to nothing.
fn declared(scene: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, false)?;
    let frame = peer.frame(BINARY, &vec![7; MESSAGE_LIMIT]);
    peer.stream.write_all(frame.get(..11).unwrap_or_default())?;
    thread::sleep(scene.duration);
    Ok(None)
}

fn slow_reader(scene: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, false)?;
    let message = peer.frame(BINARY, &vec![7; MESSAGE_LIMIT]);
    peer.stream.tcp().set_write_timeout(Some(scene.duration))?;
    floods(scene, &mut peer.stream, &message);
    Ok(None)
}

fn masked(_: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    let mut peer = Peer::accept(stream, false)?;
    peer.stream.write_all(&crate::wire::frame(TEXT, b"masked"))?;
    Ok(unless(peer.close_code()?, 1002))
}

fn half_open(_: &Scene, stream: TcpStream) -> io::Result<Option<String>> {
    ends_within(&mut Peer::accept(stream, false)?.stream, SILENCE_LIMIT)
}

fn unless(code: Option<u16>, expected: u16) -> Option<String> {
    (code != Some(expected)).then(|| format!("closed with {code:?} and not with {expected}"))
}
