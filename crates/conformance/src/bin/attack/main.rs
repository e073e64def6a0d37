//! Attacks servers and a client of ours and shows what it costs: `attack target/release/squall`.
//!
//! It starts them on free ports of 127.0.0.1, one after another: `squall echo`, the same with TLS and with few descriptors, `squall
//! chat`, and a client. It runs attackers against each, bounded in count and in time. Beside them an honest peer asks for an
//! answer every 50 ms, and a new one comes every half second. The memory, processor time and descriptors of the process are read
//! from `/proc` before, at their peak and after. The answer is a table for each, and exit status 1 where a bound is broken: of
//! memory, of service, or of what is given back.

mod client;
mod connections;
mod descriptors;
mod floods;
mod health;
mod hostile;
mod messages;
mod process;
mod scene;
mod table;
mod tls_handshakes;
mod web;
mod wire;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    health::Health,
    process::{Peak, Reading},
    scene::{MANY, Scene, Stage},
    table::Row,
};

const MIB: u64 = 1 << 20;

/// What a process may hold beyond what its connections hold: buffers and contexts of threads, and what the allocator keeps.
const SLACK: u64 = 6 * MIB;

/// What the allocator may keep of what was given back to it, beyond what the process uses at rest: some blocks go back to the
/// system only when others are asked for.
const KEPT: u64 = 16 * MIB;

/// What each thread may keep of buffers for what arrives: a mebibyte of those for reads, eight of those for long messages.
const KEPT_BY_THREAD: u64 = 9 * MIB;

/// How much more the process may use after the last round than after any before, and than its threads may keep. What leaks, leaks
/// again.
const LEAK: u64 = 6 * MIB;

/// How long the process may take to give everything back, on a machine with much to do.
const SETTLING: Duration = Duration::from_secs(20);

/// Attacks servers and a client of ours, and exits with 1 where a bound is broken.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program `squall`.
    #[arg(required_unless_present = "echo_client")]
    squall: Option<PathBuf>,
    /// The runtime that everything is to run on: tokio or async-std.
    #[arg(long, default_value = "tokio")]
    runtime: String,
    /// Only the attackers with this in their names.
    #[arg(long, default_value = "")]
    only: String,
    /// Only one of the things that are attacked: echo, tls, descriptors, chat or client.
    #[arg(long, default_value = "")]
    scene: String,
    /// Fewer connections and shorter floods.
    #[arg(long)]
    brief: bool,
    /// How many times everyone attacks. From two on, what leaks shows: it leaks again.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Be the client that is attacked: the honest server, and the hostile one.
    #[arg(long, hide = true, num_args = 2)]
    echo_client: Option<Vec<SocketAddr>>,
}

/// One kind of attacker.
struct Attack {
    name: &'static str,
    /// How many connections are open at a time, at most.
    connections: u64,
    /// What each of them may cost the process, in bytes, TLS aside.
    memory_each: u64,
    run: fn(&Scene) -> io::Result<Effect>,
}

/// Starts what is attacked.
type Start = fn(&Stage) -> io::Result<Scene>;

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
    let arguments = Arguments::parse();
    let result = match arguments.echo_client.as_deref() {
        Some([honest, hostile]) => {
            client::run(&arguments.runtime, [*honest, *hostile]).map(|()| true)
        }
        _ => run(&arguments),
    };
    match result {
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
    let begun = Instant::now();
    let stage = Stage {
        squall: arguments.squall.clone().unwrap_or_default(),
        runtime: arguments.runtime.clone(),
        duration: Duration::from_millis(if arguments.brief { 700 } else { 2000 }),
        many: if arguments.brief { MANY / 4 } else { MANY },
    };
    let scenes: [(&str, Start); 5] = [
        ("echo", Stage::echo),
        ("tls", Stage::secure_echo),
        ("descriptors", Stage::poor_echo),
        ("chat", Stage::chat),
        ("client", Stage::client),
    ];
    let mut holds = true;
    for (_, start) in scenes.iter().filter(|(name, _)| name.contains(&arguments.scene)) {
        holds &= play(&start(&stage)?, arguments)?;
    }
    println!("{} s in all.", begun.elapsed().as_secs());
    Ok(holds)
}

/// Runs all attackers of a scene, round after round.
fn play(scene: &Scene, arguments: &Arguments) -> io::Result<bool> {
    let begun = Instant::now();
    // A process that has served nobody yet has none of its buffers.
    let warm = is_past(begun, Duration::from_millis(500));
    let calm = health::ask_until(&scene.honest, &scene.process, &warm)?;
    scene.process.settled(&scene.process.reading()?, Duration::from_millis(300))?;
    let baseline = scene.process.reading()?;
    table::print_head(scene, &baseline, &calm);
    let mut holds = calm.failures.is_empty();
    let mut memory = vec![baseline.memory];
    for _ in 0..arguments.rounds {
        holds &= round(scene, arguments, &baseline)?;
        memory.push(scene.process.reading()?.memory);
    }
    let may_keep = baseline.memory + scene.process.threads()? as u64 * KEPT_BY_THREAD;
    let leaks = match memory.as_slice() {
        [_, before @ .., last] if !before.is_empty() => {
            *last > before.iter().copied().fold(may_keep, u64::max) + LEAK
        }
        _ => false,
    };
    table::print_end(begun.elapsed(), &memory, leaks);
    Ok(holds && !leaks)
}

/// Runs all attackers of a scene one after another. Whether every bound held.
fn round(scene: &Scene, arguments: &Arguments, baseline: &Reading) -> io::Result<bool> {
    let mut holds = true;
    for attack in scene.attacks.iter().filter(|attack| attack.name.contains(&arguments.only)) {
        let row = observe(scene, attack, baseline)?;
        holds &= row.broken.is_empty();
        table::print(&row);
    }
    Ok(holds)
}

/// Says whether a time is over, for who asks again and again.
fn is_past(begun: Instant, time: Duration) -> impl Fn() -> bool {
    move || begun.elapsed() >= time
}

/// Runs one attacker, with the honest ones beside it.
fn observe(scene: &Scene, attack: &Attack, baseline: &Reading) -> io::Result<Row> {
    let process = &scene.process;
    let before = process.reading()?;
    let begun = Instant::now();
    let is_over = AtomicBool::new(false);
    let stop = || is_over.load(Ordering::Relaxed);
    let (effect, health, peak) = thread::scope(|scope| {
        let health = scope.spawn(|| health::ask_until(&scene.honest, process, &stop));
        let peak = scope.spawn(|| process.watch_until(&stop));
        let effect = (attack.run)(scene);
        is_over.store(true, Ordering::Relaxed);
        (effect, health.join(), peak.join())
    });
    let lost = |_| io::Error::other("a thread of the attack panicked");
    let (health, peak) = (health.map_err(lost)??, peak.map_err(lost)??);
    let effect = effect.unwrap_or_else(|error| Effect {
        sent: "not to its end".to_owned(),
        broken: Some(format!("the attacker failed: {error}")),
    });
    let took = begun.elapsed();
    let processor = process.processor()?.saturating_sub(before.processor);
    let after = process.settled(&before, SETTLING)?;
    // What it is still working on may take more than what it had done by the end.
    let peak = Peak { memory: peak.memory.max(after.memory), ..peak };
    let connections = attack.connections.min(scene.many);
    let allowed = connections * (attack.memory_each + scene.tls_each) + SLACK;
    let kept = baseline.memory + KEPT + process.threads()? as u64 * KEPT_BY_THREAD;
    let broken = judge(&effect, &health, &peak, [&before, &after], [allowed, kept]);
    Ok(Row {
        name: attack.name,
        connections,
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
        broken.push("it is busy with nothing".to_owned());
    }
    broken.extend(health.failures.first().map(|failure| format!("service: {failure}")));
    if health.answers == 0 {
        broken.push("nobody was served".to_owned());
    }
    broken
}
