//! Attacks an echo server and shows what it costs: `attack target/release/squall`.
//!
//! It starts `squall echo` on a free port of 127.0.0.1 and runs attackers against it one after another, each bounded in count and
//! in time, and then all of them again. Beside them an honest client asks for an echo every 50 ms, and a new one comes every half
//! second. The server's memory, processor time and descriptors are read from `/proc` before, at their peak and after. The answer
//! is a table, and exit status 1 where a bound is broken: of memory, of service, or of what is given back.

mod connections;
mod floods;
mod health;
mod messages;
mod server;
mod table;
mod wire;

use std::{
    io,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    health::Health,
    server::{Peak, Reading, Server},
    table::Row,
};

const MIB: u64 = 1 << 20;

/// What the server may hold beyond what its connections hold: buffers and contexts of threads, and what the allocator keeps.
const SLACK: u64 = 6 * MIB;

/// What the allocator may keep of what was given back to it, beyond what the server uses at rest: some blocks go back to the
/// system only when others are asked for.
const KEPT: u64 = 32 * MIB;

/// How much more the server may use after the second round than after the first. What leaks, leaks again.
const LEAK: u64 = 6 * MIB;

/// How long the server may take to give everything back.
const SETTLING: Duration = Duration::from_secs(5);

/// Attacks `squall echo` and exits with 1 where a bound is broken.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program `squall`.
    squall: PathBuf,
    /// The runtime that it is to run on: tokio or async-std.
    #[arg(long, default_value = "tokio")]
    runtime: String,
    /// Only the attackers with this in their names.
    #[arg(long, default_value = "")]
    only: String,
}

/// One kind of attacker.
struct Attack {
    name: &'static str,
    /// How many connections are open at a time, at most.
    connections: u64,
    /// What each of them may cost the server, in bytes.
    memory_each: u64,
    run: fn(std::net::SocketAddr) -> io::Result<Effect>,
}

/// What an attacker did, and what it found that should not be.
struct Effect {
    sent: String,
    broken: Option<String>,
}

impl Effect {
    /// Nothing was wrong.
    fn harmless(sent: String) -> Self {
        Self { sent, broken: None }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every bound held.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let server = Server::start(&arguments.squall, &arguments.runtime)?;
    let begun = Instant::now();
    // A server that has served nobody yet has none of its buffers.
    health::ask_until(server.address, &is_past(begun, Duration::from_millis(500)));
    server.settled(&server.reading()?, Duration::from_millis(300))?;
    let baseline = server.reading()?;
    table::print_head(&arguments.runtime, baseline.memory);
    let first = round(&server, &arguments.only, baseline.memory + KEPT)?;
    let between = server.reading()?.memory;
    let second = round(&server, &arguments.only, baseline.memory + KEPT)?;
    let after = server.reading()?.memory;
    let leaks = after.saturating_sub(between) > LEAK;
    table::print_end(begun.elapsed(), [baseline.memory, between, after], leaks);
    Ok(first && second && !leaks)
}

/// Runs all attackers one after another; after each one the server may use so much memory. Whether every bound held.
fn round(server: &Server, only: &str, kept: u64) -> io::Result<bool> {
    let mut holds = true;
    let attacks = floods::ATTACKS.iter().chain(&messages::ATTACKS).chain(&connections::ATTACKS);
    for attack in attacks.filter(|attack| attack.name.contains(only)) {
        let row = observe(server, attack, kept)?;
        holds &= row.broken.is_empty();
        table::print(&row);
    }
    Ok(holds)
}

/// Says whether a time is over, for who asks again and again.
fn is_past(begun: Instant, time: Duration) -> impl Fn() -> bool {
    move || begun.elapsed() >= time
}

/// Runs one attacker, with the health check beside it.
fn observe(server: &Server, attack: &Attack, kept: u64) -> io::Result<Row> {
    let before = server.reading()?;
    let begun = Instant::now();
    let is_over = AtomicBool::new(false);
    let stop = || is_over.load(Ordering::Relaxed);
    let (effect, health, peak) = thread::scope(|scope| {
        let health = scope.spawn(|| health::ask_until(server.address, &stop));
        let peak = scope.spawn(|| server.watch_until(&stop));
        let effect = (attack.run)(server.address);
        is_over.store(true, Ordering::Relaxed);
        (effect, health.join(), peak.join())
    });
    let lost = |_| io::Error::other("a thread of the attack panicked");
    let (health, peak, effect) = (health.map_err(lost)?, peak.map_err(lost)??, effect?);
    let took = begun.elapsed();
    let processor = server.reading()?.processor.saturating_sub(before.processor);
    let after = server.settled(&before, SETTLING)?;
    let allowed = attack.connections * attack.memory_each + SLACK;
    let broken = judge(&effect, &health, &peak, [&before, &after], [allowed, kept]);
    Ok(Row {
        name: attack.name,
        connections: attack.connections,
        sent: effect.sent,
        took,
        processor,
        memory: [before.memory, peak.memory, after.memory],
        allowed,
        descriptors: [before.descriptors, peak.descriptors, after.descriptors],
        health,
        broken,
    })
}

/// Every bound that is broken, in words.
fn judge(
    effect: &Effect,
    health: &Health,
    peak: &Peak,
    [before, after]: [&Reading; 2],
    [allowed, kept]: [u64; 2],
) -> Vec<String> {
    let mut broken: Vec<String> = effect.broken.iter().cloned().collect();
    if peak.memory.saturating_sub(before.memory) > allowed {
        broken.push("more memory than is allowed".to_owned());
    }
    if after.memory > kept {
        broken.push("memory is not given back".to_owned());
    }
    if after.descriptors > before.descriptors {
        broken.push("descriptors are not given back".to_owned());
    }
    if !after.is_idle {
        broken.push("the server is busy with nothing".to_owned());
    }
    broken.extend(health.failures.first().map(|failure| format!("service: {failure}")));
    if health.echoes == 0 {
        broken.push("nobody was served".to_owned());
    }
    broken
}
