//! What is printed.

use std::time::Duration;

use crate::{MIB, health::Health};

/// What one attacker did, and what it cost.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) connections: u64,
    pub(crate) sent: String,
    pub(crate) took: Duration,
    /// Processor time of the server.
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

pub(crate) fn print_head(runtime: &str, baseline: u64) {
    println!("`squall echo --runtime {runtime}`, {} MiB at rest.\n", mebibytes(baseline));
    println!(
        "| attacker | connections | sent | s | server, CPU s | memory before / peak / after, MiB | growth allowed, MiB | \
         descriptors before / peak / after | echoes served | slowest, ms | verdict |"
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
        "| {} | {} | {} | {:.1} | {:.2} | {} | {} | {} | {} | {} | {verdict} |",
        row.name,
        row.connections,
        row.sent,
        row.took.as_secs_f64(),
        row.processor.as_secs_f64(),
        row.memory.map(mebibytes).join(" / "),
        mebibytes(row.allowed),
        row.descriptors.map(|count| count.to_string()).join(" / "),
        row.health.echoes,
        row.health.slowest.as_millis(),
    );
}

/// The memory at rest, after the first round and after the second.
pub(crate) fn print_end(took: Duration, memory: [u64; 3], leaks: bool) {
    println!(
        "\nMemory at rest, after the first round and after the second: {} MiB{}; {} s in all.",
        memory.map(mebibytes).join(" / "),
        if leaks { ": MEMORY LEAKS" } else { "" },
        took.as_secs(),
    );
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{}", bytes / MIB, bytes % MIB * 10 / MIB)
}
