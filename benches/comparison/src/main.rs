//! Compares WebSocket libraries by the processor time that a message costs them.
//!
//! One command builds an echo for every package under `servers/`, starts each pinned to one core, puts load on it from
//! another, and writes tables: `cargo run --release --manifest-path benches/comparison/Cargo.toml`.

mod certificate;
mod contestant;
mod frame;
mod handshake;
mod load;
mod markdown;
mod process;
mod reading;
mod reply;
mod report;
mod stream;
mod target;
mod traffic;
mod workload;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    certificate::Certificate,
    contestant::{Contestant, Executables},
    process::Cores,
    reading::{Bench, Pace},
    report::{Machine, Outcome, Report, Row},
    traffic::Traffic,
    workload::Workload,
};

/// Compares WebSocket libraries by the processor time that a message costs them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Short readings, for a first impression.
    #[arg(long)]
    quick: bool,
    /// Only echoes with one of these in their names, such as `raw,yawc`.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Only workloads with one of these in their titles, such as `32 B,deflate`.
    #[arg(long, value_delimiter = ';', value_name = "TITLE")]
    workloads: Vec<String>,
    /// How often each reading is taken; the median counts.
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
    /// The core of the echoes.
    #[arg(long, default_value_t = 0)]
    echo_core: usize,
    /// The core of the load generator, which an echo with two threads has as well.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Where to write the tables, beside the standard output.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Where to write a table for each workload, with throughput and latency.
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Where to write every reading.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say who and what there is, and end.
    #[arg(long)]
    list: bool,
}

const UNHURRIED: Pace =
    Pace { warm_up: 0.15, measured: 0.5, max_messages: 20_000_000, settle: 0.5 };
const QUICK: Pace = Pace { warm_up: 0.05, measured: 0.15, max_messages: 5_000_000, settle: 0.2 };

/// Beside the connections: what both processes have open anyway.
const SPARE_DESCRIPTORS: u64 = 200;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let manifest_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let contestants = selected(&arguments, Contestant::all(&manifest_path)?);
    let workloads: Vec<_> = workload::ALL
        .iter()
        .filter(|workload| is_named(&arguments.workloads, &workload.to_string()))
        .collect();
    ensure!(!contestants.is_empty() && !workloads.is_empty(), "nothing to do");
    if arguments.list {
        contestants.iter().for_each(|contestant| println!("{contestant}"));
        workloads.iter().for_each(|workload| println!("{workload}"));
        return Ok(());
    }
    raise_descriptor_limit(&workloads)?;
    let executables = build(&manifest_path, &contestants)?;
    let rows = measure(&arguments, &contestants, &workloads, &executables)?;
    let report = Report {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        machine: machine()?,
        pace: pace(&arguments),
        repetitions: arguments.repetitions,
        contestants,
        rows,
    };
    let tables = markdown::tables(&report);
    println!("{tables}");
    write(arguments.markdown.as_deref(), || Ok(tables))?;
    write(arguments.details.as_deref(), || Ok(markdown::details(&report)))?;
    write(arguments.json.as_deref(), || Ok(serde_json::to_string_pretty(&report)?))
}

fn write(path: Option<&Path>, text: impl FnOnce() -> Result<String>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    fs::write(path, text()?).with_context(|| format!("cannot write {}", path.display()))
}

fn pace(arguments: &Arguments) -> Pace {
    if arguments.quick { QUICK } else { UNHURRIED }
}

fn selected(arguments: &Arguments, contestants: Vec<Contestant>) -> Vec<Contestant> {
    contestants
        .into_iter()
        .filter(|contestant| is_named(&arguments.only, &contestant.to_string()))
        .collect()
}

fn is_named(names: &[String], title: &str) -> bool {
    names.is_empty() || names.iter().any(|name| title.contains(name.as_str()))
}

fn build(manifest_path: &Path, contestants: &[Contestant]) -> Result<Executables> {
    let mut packages: Vec<_> = contestants.iter().map(Contestant::package).collect();
    packages.dedup();
    let bar = progress_bar(packages.len() as u64)?;
    let mut executables = Executables::new();
    for package in packages {
        bar.set_message(format!("building {package}"));
        executables.insert(package.to_owned(), contestant::build(manifest_path, package)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(executables)
}

/// Takes every reading: for each workload, all echoes in turn, then all of them again.
fn measure(
    arguments: &Arguments,
    contestants: &[Contestant],
    workloads: &[&Workload],
    executables: &Executables,
) -> Result<Vec<Row>> {
    let cores = Cores { echo: arguments.echo_core, load: arguments.load_core };
    cores.pin_load()?;
    let bench = Bench { pace: pace(arguments), cores, certificate: Certificate::new()? };
    let mut rows: Vec<Row> = workloads.iter().map(|workload| row(contestants, workload)).collect();
    let total: usize = rows.iter().map(|row| row.results.len() * arguments.repetitions).sum();
    let bar = progress_bar(total as u64)?;
    for row in &mut rows {
        let traffic = Traffic::new(&row.workload)?;
        for _ in 0..arguments.repetitions {
            for outcome in &mut row.results {
                let Some(contestant) = contestants.get(outcome.contestant) else { continue };
                bar.set_message(format!("{}: {contestant}", row.title));
                bar.inc(1);
                if outcome.failure.is_some() {
                    continue;
                }
                let executable =
                    executables.get(contestant.package()).context("an echo that was not built")?;
                match bench.take(contestant, executable, &row.workload, &traffic) {
                    Ok(reading) => outcome.readings.push(reading),
                    Err(error) => outcome.failure = Some(format!("{error:#}")),
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok(rows)
}

fn row(contestants: &[Contestant], workload: &Workload) -> Row {
    let participants =
        contestants.iter().enumerate().filter(|(_, contestant)| contestant.takes_part(workload));
    let results = participants
        .map(|(contestant, _)| Outcome { contestant, readings: Vec::new(), failure: None })
        .collect();
    Row { title: workload.to_string(), workload: *workload, results }
}

fn progress_bar(len: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (left {eta}) {msg}")?;
    Ok(ProgressBar::new(len).with_style(style))
}

fn raise_descriptor_limit(workloads: &[&Workload]) -> Result<()> {
    let connections =
        workloads.iter().map(|workload| workload.connections as u64).max().unwrap_or(0);
    let needed = connections + SPARE_DESCRIPTORS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(hard >= needed, "{needed} open files are needed and {hard} allowed (ulimit -Hn)");
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard)?;
    Ok(())
}

fn machine() -> Result<Machine> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let processor =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let compiler = Command::new("rustc").arg("--version").output()?.stdout;
    Ok(Machine {
        processor: processor.map_or("unknown processor", |(_, name)| name).to_owned(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        compiler: String::from_utf8_lossy(&compiler).trim().to_owned(),
    })
}
