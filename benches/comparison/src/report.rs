//! What was found, as Markdown for people and as JSON for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::{
    contestant::{Contestant, Role},
    reading::{Pace, Reading},
    workload::{Figure, Workload},
};

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it ended, UTC.
    pub date: String,
    /// Where it ran.
    pub machine: Machine,
    /// How long each reading took.
    pub pace: Pace,
    /// How often each was taken.
    pub repetitions: usize,
    /// Who took part.
    pub contestants: Vec<Contestant>,
    /// What was asked of them.
    pub rows: Vec<Row>,
}

/// Where a run took place.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler's version.
    pub compiler: String,
}

/// One workload, and what every server made of it.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What it is called.
    pub title: String,
    /// What was asked.
    pub workload: Workload,
    /// One for each contestant that was asked, in their order.
    pub results: Vec<Outcome>,
}

/// What one server made of one workload.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The place in [`Report::contestants`].
    pub contestant: usize,
    /// One for each repetition.
    pub readings: Vec<Reading>,
    /// Why there are fewer readings than repetitions.
    pub failure: Option<String>,
}

impl Outcome {
    fn median(&self, value: impl Fn(&Reading) -> f64) -> f64 {
        let mut values: Vec<f64> = self.readings.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values.get(middle).copied().unwrap_or(f64::NAN);
        if values.len() % 2 == 1 {
            return upper;
        }
        let lower = middle.checked_sub(1).and_then(|index| values.get(index)).copied();
        lower.map_or(upper, |lower| (lower + upper) / 2.0)
    }

    fn min(&self) -> f64 {
        self.readings.iter().map(Reading::value).fold(f64::INFINITY, f64::min)
    }
}

impl Report {
    /// The report as a Markdown document.
    pub fn markdown(&self) -> String {
        let mut document = String::new();
        // Writing into a `String` cannot fail.
        let _ = self.write(&mut document);
        document
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Machine { processor, kernel, compiler } = &self.machine;
        writeln!(out, "# Echo servers compared\n")?;
        writeln!(out, "{} · {processor} · Linux {kernel} · {compiler}\n", self.date)?;
        writeln!(
            out,
            "Median of {} readings in turn, {} s each after {} s of warm-up. One process and one core for the server, \
             another core for the load.\n",
            self.repetitions, self.pace.measured, self.pace.warm_up
        )?;
        self.write_contestants(out)?;
        self.write_overview(out)?;
        for row in &self.rows {
            self.write_row(out, row)?;
        }
        Ok(())
    }

    fn write_contestants(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "| server | measured | version |\n|---|---|---|")?;
        let mut last = "";
        for contestant in &self.contestants {
            if contestant.name != last {
                writeln!(
                    out,
                    "| {} | {} | {} |",
                    contestant.name, contestant.crate_name, contestant.version
                )?;
            }
            last = &contestant.name;
        }
        writeln!(out)
    }

    /// Each workload in one line: the limit, the best of ours, the best peer.
    fn write_overview(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "## At a glance\n")?;
        writeln!(
            out,
            "Processor time of the server per message in µs, or memory per idle connection in bytes.\n"
        )?;
        writeln!(
            out,
            "| workload | raw TCP | Squall | ÷ raw | best peer | | ÷ raw | Squall ÷ best peer |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|---|--:|--:|")?;
        for row in &self.rows {
            let (raw, ours, peer) =
                (self.raw(row), self.best(row, Role::Ours), self.best(row, Role::Peer));
            let [raw, ours_value, peer_value] =
                [raw, ours.map(|best| best.0), peer.map(|best| best.0)];
            let name = peer.map(|(_, contestant)| contestant.to_string()).unwrap_or_default();
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {name} | {} | {} |",
                row.title,
                figure(raw),
                figure(ours_value),
                ratio(ours_value, raw),
                figure(peer_value),
                ratio(peer_value, raw),
                ratio(ours_value, peer_value)
            )?;
        }
        writeln!(out)
    }

    fn write_row(&self, out: &mut String, row: &Row) -> fmt::Result {
        writeln!(out, "## {}\n", row.title)?;
        match row.workload.figure {
            Figure::Time => {
                writeln!(
                    out,
                    "| server | µs/message | min | ÷ raw | ÷ best peer | messages/s | MB/s | p50 µs | p99 µs |"
                )?;
                writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
            }
            Figure::Memory => {
                writeln!(
                    out,
                    "| server | bytes/connection | min | ÷ raw | ÷ best peer |\n|---|--:|--:|--:|--:|"
                )?;
            }
        }
        let (raw, peer) = (self.raw(row), self.best(row, Role::Peer).map(|best| best.0));
        let mut outcomes: Vec<_> = row.results.iter().collect();
        outcomes.sort_by(|a, b| a.median(Reading::value).total_cmp(&b.median(Reading::value)));
        for outcome in outcomes {
            let Some(contestant) = self.contestants.get(outcome.contestant) else { continue };
            if let Some(failure) = &outcome.failure {
                writeln!(out, "| {contestant} | failed: {} |", failure.replace('|', "/"))?;
                continue;
            }
            let (value, min) = (Some(outcome.median(Reading::value)), Some(outcome.min()));
            let (to_raw, to_peer) = (ratio(value, raw), ratio(value, peer));
            write!(
                out,
                "| {contestant} | {} | {} | {to_raw} | {to_peer} |",
                figure(value),
                figure(min)
            )?;
            match row.workload.figure {
                Figure::Time => writeln!(out, "{}", timing(outcome, row.workload.size))?,
                Figure::Memory => writeln!(out)?,
            }
        }
        writeln!(out)
    }

    /// The raw echo on tokio.
    fn raw(&self, row: &Row) -> Option<f64> {
        let is_raw = |outcome: &&Outcome| {
            let contestant = self.contestants.get(outcome.contestant);
            contestant.is_some_and(|contestant| {
                contestant.role == Role::Limit && contestant.crate_name == "tokio"
            })
        };
        row.results
            .iter()
            .filter(|outcome| outcome.failure.is_none())
            .find(is_raw)
            .map(|raw| raw.median(Reading::value))
    }

    fn best(&self, row: &Row, role: Role) -> Option<(f64, &Contestant)> {
        let complete = row.results.iter().filter(|outcome| outcome.failure.is_none());
        complete
            .filter_map(|outcome| {
                Some((outcome.median(Reading::value), self.contestants.get(outcome.contestant)?))
            })
            .filter(|(_, contestant)| contestant.role == role)
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }
}

/// The right half of a line: throughput and latency.
fn timing(outcome: &Outcome, size: usize) -> String {
    let median = |value: fn(&Reading) -> f64| outcome.median(value);
    let rate = median(|reading| match *reading {
        Reading::Time { messages_per_second, .. } => messages_per_second,
        Reading::Memory { .. } => f64::NAN,
    });
    let p50 = median(|reading| match *reading {
        Reading::Time { p50, .. } => p50,
        Reading::Memory { .. } => f64::NAN,
    });
    let p99 = median(|reading| match *reading {
        Reading::Time { p99, .. } => p99,
        Reading::Memory { .. } => f64::NAN,
    });
    format!(" {rate:.0} | {:.1} | {p50:.0} | {p99:.0} |", rate * size as f64 / 1e6)
}

/// Three digits, whatever the size.
fn figure(value: Option<f64>) -> String {
    match value {
        None => String::from("–"),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn ratio(value: Option<f64>, to: Option<f64>) -> String {
    match (value, to) {
        (Some(value), Some(to)) if to > 0.0 => format!("{:.2}×", value / to),
        _ => String::from("–"),
    }
}

/// Whether `contestant` can take part in `workload` at all; the memory of a limit, its buffer, would say nothing.
pub fn takes_part(contestant: &Contestant, workload: &Workload) -> bool {
    let is_limit = contestant.role == Role::Limit;
    contestant.can(workload.deflate) && !(workload.figure == Figure::Memory && is_limit)
}
