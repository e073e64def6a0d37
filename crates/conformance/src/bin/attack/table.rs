//! What is printed.

use std::time::Duration;

use crate::{MIB, health::Health, process::Reading, scene::Scene};

/// What one attacker did, and what it cost.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) connections: u64,
    pub(crate) sent: String,
    pub(crate) took: Duration,
    /// Processor time of the process.
    pub(crate) processor: Duration,
    /// Resident bytes before, at the peak and after.
    pub(crate) memory: [u64; 3],
    /// How far the peak may be from what was before.
    pub(crate) allowed: u64,
    /// Open descriptors before, at the peak and after.
    pub(crate) descriptors: [usize; 3],
    pub(crate) health: Health,
    /// The bounds that are broken.
    pub(crate) broken: Vec<String>,
}

pub(crate) fn print_head(scene: &Scene, baseline: &Reading, calm: &Health) {
    println!(
        "**{}**: {} MiB at rest, and an answer within {} ms without attackers.\n",
        scene.name,
        mebibytes(baseline.memory),
        calm.slowest.as_millis(),
    );
    println!(
        "| attacker | connections | sent | s | CPU s | memory before / peak / after, MiB | growth allowed, MiB | \
         descriptors before / peak / after | answers | slowest, its own part, ms | verdict |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
}

pub(crate) fn print(row: &Row) {
    let verdict = if row.broken.is_empty() {
        "holds".to_owned()
    } else {
        row.broken.join("; ").to_uppercase()
    };
    println!(
        "| {} | {} | {} | {:.1} | {:.2} | {} | {} | {} | {} | {}, {} | {verdict} |",
        row.name,
        row.connections,
        row.sent,
        row.took.as_secs_f64(),
        row.processor.as_secs_f64(),
        row.memory.map(mebibytes).join(" / "),
        mebibytes(row.allowed),
        row.descriptors.map(|count| count.to_string()).join(" / "),
        row.health.answers,
        row.health.slowest.as_millis(),
        row.health.slowest_own.as_millis(),
    );
}

/// The memory at rest and after each round.
pub(crate) fn print_end(took: Duration, memory: &[u64], leaks: bool) {
    let memory: Vec<_> = memory.iter().map(|bytes| mebibytes(*bytes)).collect();
    println!(
        "\nMemory at rest and after each round: {} MiB{}; {} s.\n",
        memory.join(" / "),
        if leaks { ": MEMORY LEAKS" } else { "" },
        took.as_secs(),
    );
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{}", bytes / MIB, bytes % MIB * 10 / MIB)
}
