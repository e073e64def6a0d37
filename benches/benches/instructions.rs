//! Instructions per message, counted by callgrind, which no noise can move: compared with `benches/instructions.txt`.
//!
//! `cargo bench -p squall-benches --bench instructions` fails where a message costs 5 % more than the table says, or
//! where cost grows faster than size; `-- --bless` writes the table anew, and `-- WORD` takes only what has WORD in its
//! name. The compiler and the processor's vector units move the counts too, so bless where CI runs.

use std::{
    collections::BTreeMap,
    error::Error,
    fs, io,
    process::{Command, ExitCode, Stdio},
};

use squall_benches::{
    echo::{Content, Echo, TRAIN},
    growth,
};
use squall_proto::Role;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// How much more than in the table a message may cost.
const TOLERANCE: f64 = 1.05;

/// How much more than twice the cost twice the size may add.
const NONLINEARITY: f64 = 1.1;

/// Trains of the shorter run; the longer one has twice as many, and the difference has nothing of the setup in it.
const TRAINS: u64 = 16;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

type Growth = (&'static str, fn(usize) -> bool, usize);

/// The name of what grows, the work, and its smallest size.
const GROWTH: [Growth; 5] = [
    ("message size", growth::message_size, 64),
    ("fragments", growth::fragments, 512),
    ("single bytes", growth::single_bytes, 2_048),
    ("connections", growth::connections, 32),
    ("handshake bytes", growth::handshake_bytes, 1_024),
];

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--run-echo", name, trains] => run_echo(name, trains.parse()?),
        ["--run-growth", name, size] => run_growth(name, size.parse()?),
        [] => count(None, false),
        ["--bless"] => count(None, true),
        [word] => count(Some(word), false),
        _ => Err("one word, or --bless".into()),
    }
}

fn count(word: Option<&str>, bless: bool) -> Result<ExitCode> {
    let wanted = |name: &str| word.is_none_or(|word| name.contains(word));
    let mut is_fine = true;
    let table = read_table()?;
    let mut counts = BTreeMap::new();
    for (name, ..) in echoes().filter(|(name, ..)| wanted(name)) {
        let run = |trains: u64| instructions("--run-echo", &name, trains);
        let per_message = (run(2 * TRAINS)? - run(TRAINS)?) as f64 / (TRAINS * TRAIN as u64) as f64;
        let before = table.get(&name).copied();
        let ratio = before.map_or(f64::NAN, |before| per_message / before);
        let verdict = if ratio > TOLERANCE { "FAILED: more than the table" } else { "" };
        println!("{name:36} {per_message:10.1} {ratio:7.3}x {verdict}");
        // A name that the table does not know is a failure as well: it would never be compared.
        is_fine &= ratio <= TOLERANCE;
        counts.insert(name, per_message);
    }
    for (name, _, size) in GROWTH.iter().filter(|(name, ..)| wanted(name)) {
        let run = |size: usize| instructions("--run-growth", name, size as u64);
        let (once, twice, four_times) = (run(*size)?, run(2 * size)?, run(4 * size)?);
        let growth = (four_times - twice) as f64 / (2 * (twice - once)) as f64;
        let verdict = if growth > NONLINEARITY { "FAILED: faster than linear" } else { "" };
        let steps = format!("{size}, {}, {}", 2 * size, 4 * size);
        println!(
            "{name:16} {steps:19} {:10.1} {growth:7.3}x {verdict}",
            (twice - once) as f64 / *size as f64
        );
        is_fine &= growth <= NONLINEARITY;
    }
    if bless {
        write_table(&counts)?;
    }
    Ok(if is_fine || bless { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every echo that is measured, by name.
fn echoes() -> impl Iterator<Item = (String, Role, Content, usize)> {
    let roles = [("server", Role::Server), ("client", Role::Client)];
    let contents = [
        ("binary", Content::Binary),
        ("ASCII", Content::Ascii),
        ("other text", Content::OtherText),
    ];
    roles.into_iter().flat_map(move |(role_name, role)| {
        contents.into_iter().flat_map(move |(content_name, content)| {
            [5, 32, 125, 1 << 10, 16 << 10].map(|size| {
                (format!("{role_name} echoes {size} B of {content_name}"), role, content, size)
            })
        })
    })
}

fn run_echo(name: &str, trains: u64) -> Result<ExitCode> {
    let (_, role, content, size) = echoes().find(|echo| echo.0 == name).ok_or("no such echo")?;
    let mut echo = Echo::new(role, content, size);
    for _ in 0..trains {
        echo.train()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_growth(name: &str, size: usize) -> Result<ExitCode> {
    let (_, work, _) = GROWTH.iter().find(|growth| growth.0 == name).ok_or("no such work")?;
    if work(size) { Ok(ExitCode::SUCCESS) } else { Err("the work was not done".into()) }
}

/// Runs this program under callgrind, and returns how many instructions it executed.
fn instructions(mode: &str, name: &str, amount: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([mode, name, &amount.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!("valgrind, which counts the instructions, did not start: {error}")
        })?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{name} failed under callgrind: {report}").into());
    }
    let count = report
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .ok_or("callgrind counted nothing")?
        .1;
    Ok(count.trim().parse()?)
}

fn read_table() -> Result<BTreeMap<String, f64>> {
    let text = match fs::read_to_string(TABLE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (count, name) = line.trim().split_once(' ').ok_or("a line without a name")?;
            Ok((name.to_owned(), count.parse()?))
        })
        .collect()
}

fn write_table(counts: &BTreeMap<String, f64>) -> Result<()> {
    let mut text = String::from(
        "# Instructions per message; `cargo bench --bench instructions -- --bless` writes this.\n",
    );
    for (name, count) in counts {
        text.push_str(&format!("{count:.1} {name}\n"));
    }
    Ok(fs::write(TABLE, text)?)
}
