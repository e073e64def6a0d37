//! More connections than the server has descriptors for.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use crate::{
    Attack, Effect,
    scene::Scene,
    wire::{Peer, TEXT},
};

/// A server that has none left looks for some ten times a second; more than this is spinning.
const BUSY: Duration = Duration::from_millis(200);

pub(crate) const ATTACKS: [Attack; 1] = [Attack {
    name: "more connections than descriptors",
    connections: 200,
    memory_each: 24 << 10,
    run: exhaust,
}];

/// They ask for nothing, and go only when the handshake timeout throws them out.
fn exhaust(scene: &Scene) -> io::Result<Effect> {
    let streams: io::Result<Vec<_>> = (0..200).map(|_| scene.target.connect()).collect();
    let mut streams = streams?;
    for stream in &mut streams {
        stream.write_all(b"GET / HTTP/1.1\r\n")?;
    }
    thread::sleep(Duration::from_millis(300));
    let before = scene.process.processor()?;
    thread::sleep(Duration::from_secs(1));
    let used = scene.process.processor()?.saturating_sub(before);
    let sent = format!("{} connections", streams.len());
    drop(streams);
    // Who comes later is served as if nothing had been.
    let mut newcomer = Peer::connect(&scene.target)?;
    newcomer.send(TEXT, b"is there room?")?;
    let is_served = newcomer.receive_but_pings()? == (TEXT, b"is there room?".to_vec());
    let broken = if used > BUSY {
        Some(format!("it used {used:?} in a second of nothing to do"))
    } else {
        (!is_served).then(|| "a newcomer was not served".to_owned())
    };
    Ok(Effect { sent, broken })
}
