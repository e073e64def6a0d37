//! The report as Markdown: a table for each group of workloads, what is missed, and on request every reading.

use std::fmt::{self, Write};

use crate::{
    contestant::{Contestant, Role, Runtime},
    reading::Reading,
    report::{Machine, Outcome, Report, Row, Verdict},
    target::Whose,
    workload::{Figure, Group},
};

/// The tables that compare, fit for a page of documentation.
pub fn tables(report: &Report) -> String {
    let mut document = String::new();
    // Writing into a `String` cannot fail.
    let _ = Tables(report).write(&mut document);
    document
}

/// A table for each workload, with the throughput and the latency of every echo.
pub fn details(report: &Report) -> String {
    let mut document = String::new();
    let _ = Tables(report).write_details(&mut document);
    document
}

struct Tables<'r>(&'r Report);

impl Tables<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let Report { date, machine, repetitions, pace, .. } = self.0;
        let Machine { processor, kernel, compiler } = machine;
        writeln!(out, "# WebSocket libraries compared\n")?;
        writeln!(out, "{date} · {processor} · Linux {kernel} · {compiler}\n")?;
        writeln!(
            out,
            "Processor time of the echo's process per message in µs, or resident memory per idle connection in bytes. Each figure is \
             the median of {repetitions} readings in turn, of {} s after {} s of warm-up. One process and one core for the \
             echo, another core for the load. *raw* is an echo on bare TCP with tokio.\n",
            pace.measured, pace.warm_up
        )?;
        self.write_contestants(out)?;
        self.write_missed(out)?;
        for group in Group::ALL {
            self.write_group(out, group)?;
        }
        self.write_async_std(out)
    }

    fn write_contestants(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "| echo | measured | version |\n|---|---|---|")?;
        let mut last = "";
        for Contestant { name, crate_name, version, .. } in &self.0.contestants {
            if name != last {
                writeln!(out, "| {name} | {crate_name} | {version} |")?;
            }
            last = name;
        }
        writeln!(out)
    }

    fn write_missed(&self, out: &mut String) -> fmt::Result {
        let mut verdicts = Vec::new();
        for row in &self.0.rows {
            for (value, contestant) in self.0.figures(row).filter(|(_, one)| self.speaks(row, one))
            {
                let of_one = self.0.verdicts(row, contestant, value);
                verdicts.extend(of_one.into_iter().map(|verdict| (row, contestant, verdict)));
            }
        }
        let missed = verdicts.iter().filter(|(_, _, verdict)| !verdict.is_met());
        let missed: Vec<_> = missed.collect();
        let (count, all) = (missed.len(), verdicts.len());
        writeln!(out, "## Targets\n\n{} of {all} targets are met.\n", all - count)?;
        if missed.is_empty() {
            return Ok(());
        }
        writeln!(out, "| missed in | by | target | found |\n|---|---|---|--:|")?;
        for (row, contestant, Verdict { target, found }) in missed {
            writeln!(out, "| {} | {contestant} | {target} | {found:.2} |", row.title)?;
        }
        writeln!(out)
    }

    /// Of the two styles on async-std the better one counts.
    fn speaks(&self, row: &Row, contestant: &Contestant) -> bool {
        let better = self.0.best(row, |one| Whose::AsyncStd.is(one));
        contestant.runtime != Runtime::AsyncStd
            || better.is_some_and(|(_, best)| std::ptr::eq(best, contestant))
    }

    fn write_group(&self, out: &mut String, group: Group) -> fmt::Result {
        let rows: Vec<_> = self.0.rows.iter().filter(|row| row.workload.group == group).collect();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out, "## {}\n", title(group))?;
        if let Some(note) = note(group) {
            writeln!(out, "{note}\n")?;
        }
        let unit = if group == Group::Idle { "bytes" } else { "µs" };
        writeln!(
            out,
            "| workload | Squall | {unit} | raw | ÷ raw | best peer | {unit} | ÷ best peer | targets | met |"
        )?;
        writeln!(out, "|---|---|--:|--:|--:|---|--:|--:|---|---|")?;
        for row in &rows {
            for (value, contestant) in self.0.figures(row) {
                let is_here = contestant.runtime == Runtime::Tokio || group == Group::Idle;
                if contestant.role == Role::Ours && is_here && self.speaks(row, contestant) {
                    self.write_ours(out, row, value, contestant)?;
                }
            }
        }
        writeln!(out)?;
        self.write_everyone(out, &rows)?;
        write_failures(out, self.0, &rows)
    }

    fn write_ours(
        &self,
        out: &mut String,
        row: &Row,
        value: f64,
        contestant: &Contestant,
    ) -> fmt::Result {
        let (raw, peer) = (self.0.raw(row), self.0.best_peer(row));
        let (peer_value, peer_name) =
            (peer.map(|best| best.0), peer.map(|(_, peer)| peer.to_string()).unwrap_or_default());
        let (targets, met) = judged(&self.0.verdicts(row, contestant, value));
        writeln!(
            out,
            "| {} | {contestant} | {} | {} | {} | {peer_name} | {} | {} | {targets} | {met} |",
            row.title,
            figure(Some(value)),
            figure(raw),
            ratio(Some(value), raw),
            figure(peer_value),
            ratio(Some(value), peer_value),
        )
    }

    /// Everybody's figures side by side, each with its ratio to raw.
    fn write_everyone(&self, out: &mut String, rows: &[&Row]) -> fmt::Result {
        writeln!(out, "<details><summary>Everyone</summary>\n")?;
        write!(out, "| |")?;
        rows.iter().try_for_each(|row| write!(out, " {} |", row.title))?;
        write!(out, "\n|---|")?;
        rows.iter().try_for_each(|_| write!(out, "--:|"))?;
        writeln!(out)?;
        for (index, contestant) in self.0.contestants.iter().enumerate() {
            let cells: Vec<_> = rows
                .iter()
                .map(|row| row.results.iter().find(|outcome| outcome.contestant == index))
                .collect();
            if cells.iter().all(Option::is_none) {
                continue;
            }
            write!(out, "| {contestant} |")?;
            for (row, cell) in rows.iter().zip(cells) {
                match cell.map(Outcome::value) {
                    None => write!(out, " |")?,
                    Some(None) => write!(out, " failed |")?,
                    Some(value) => match self.0.raw(row) {
                        None => write!(out, " {} |", figure(value))?,
                        raw => write!(out, " {} ({}) |", figure(value), ratio(value, raw))?,
                    },
                }
            }
            writeln!(out)?;
        }
        writeln!(out, "\n</details>\n")
    }

    /// What async-std costs over tokio, with and without a library on it.
    fn write_async_std(&self, out: &mut String) -> fmt::Result {
        let best = |row, who: fn(&Contestant) -> bool| self.0.best(row, who);
        let ours = |row| best(row, |one| Whose::AsyncStd.is(one));
        let rows = self.0.rows.iter().filter(|row| row.workload.figure == Figure::Time);
        let rows: Vec<_> = rows.filter_map(|row| Some((row, ours(row)?))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out, "## async-std\n")?;
        writeln!(
            out,
            "The better style of each. *raw* is the echo on bare TCP of either runtime.\n"
        )?;
        writeln!(
            out,
            "| workload | raw on tokio | raw on async-std | ÷ | Squall | ÷ raw on async-std | Squall on tokio | ÷ | peer | Squall ÷ peer | targets | met |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|")?;
        for (row, (value, contestant)) in rows {
            let value_of = |who| best(row, who).map(|best| best.0);
            let raw = value_of(|one| one.role == Role::Limit && one.runtime == Runtime::AsyncStd);
            let on_tokio = value_of(|one| Whose::Tokio.is(one));
            let peer = value_of(|one| one.role == Role::Peer && one.runtime == Runtime::AsyncStd);
            let (targets, met) = judged(&self.0.verdicts(row, contestant, value));
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {targets} | {met} |",
                row.title,
                figure(self.0.raw(row)),
                figure(raw),
                ratio(raw, self.0.raw(row)),
                figure(Some(value)),
                ratio(Some(value), raw),
                figure(on_tokio),
                ratio(Some(value), on_tokio),
                figure(peer),
                ratio(Some(value), peer),
            )?;
        }
        writeln!(out)
    }

    fn write_details(&self, out: &mut String) -> fmt::Result {
        for row in &self.0.rows {
            let time = row.workload.figure == Figure::Time;
            writeln!(out, "## {}\n", row.title)?;
            let unit = if time { "µs/message" } else { "bytes/connection" };
            let more = if time { " messages/s | MB/s | p50 µs | p99 µs |" } else { "" };
            writeln!(out, "| echo | {unit} | min | ÷ raw | ÷ best peer |{more}")?;
            writeln!(out, "|---|--:|--:|--:|--:|{}", if time { "--:|--:|--:|--:|" } else { "" })?;
            let raw = self.0.raw(row);
            let peer = self.0.best_peer(row).map(|best| best.0);
            let mut outcomes: Vec<_> =
                row.results.iter().filter(|one| one.value().is_some()).collect();
            outcomes.sort_by(|a, b| a.median(Reading::value).total_cmp(&b.median(Reading::value)));
            for outcome in outcomes {
                let Some(contestant) = self.0.contestants.get(outcome.contestant) else { continue };
                let value = outcome.value();
                writeln!(
                    out,
                    "| {contestant} | {} | {} | {} | {} |{}",
                    figure(value),
                    figure(Some(outcome.min())),
                    ratio(value, raw),
                    ratio(value, peer),
                    if time { timing(outcome, row.workload.size) } else { String::new() },
                )?;
            }
            writeln!(out)?;
            write_failures(out, self.0, &[row])?;
        }
        Ok(())
    }
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Small => "Small messages",
        Group::Large => "Large messages",
        Group::Text => "Text",
        Group::Fragmented => "Fragmented messages",
        Group::Deflate => "permessage-deflate",
        Group::Idle => "Idle connections",
        Group::Client => "Client role",
        Group::Tls => "TLS",
        Group::Threads => "Two threads",
    }
}

fn note(group: Group) -> Option<&'static str> {
    match group {
        Group::Deflate => {
            Some("*raw* sends the compressed bytes back as they came, with nothing inflated.")
        }
        Group::Idle => Some("After one echo on each of 2,000 connections."),
        Group::Client => Some(
            "The load generator is the server here, and the libraries' clients send its messages back, masked: each with the \
             source of masks that it has by default, tokio-websockets, which has none, with `rand`.",
        ),
        Group::Tls => Some(
            "rustls with ring, TLS 1.3, the same certificate for everyone. *raw* is the raw echo over tokio-rustls.",
        ),
        Group::Threads => Some(
            "tokio's multi-thread runtime with two worker threads on both cores. There are only two, so the load generator shares \
             one of them, and whoever wakes the other thread more often pays for it here.",
        ),
        _ => None,
    }
}

fn judged(verdicts: &[Verdict]) -> (String, &'static str) {
    let texts: Vec<_> =
        verdicts.iter().map(|Verdict { target, found }| format!("{target} ({found:.2})")).collect();
    let met = match verdicts {
        [] => "",
        _ if verdicts.iter().all(Verdict::is_met) => "yes",
        _ => "**no**",
    };
    (texts.join("; "), met)
}

fn write_failures(out: &mut String, report: &Report, rows: &[&Row]) -> fmt::Result {
    let mut any = false;
    for row in rows {
        for outcome in &row.results {
            let (Some(failure), Some(contestant)) =
                (&outcome.failure, report.contestants.get(outcome.contestant))
            else {
                continue;
            };
            any = true;
            writeln!(out, "- {contestant} failed in {}: {failure}", row.title)?;
        }
    }
    if any { writeln!(out) } else { Ok(()) }
}

/// The right half of a line: throughput and latency.
fn timing(outcome: &Outcome, size: usize) -> String {
    let [rate, p50, p99] = [0, 1, 2].map(|index| {
        outcome.median(|reading| match *reading {
            Reading::Time { messages_per_second, p50, p99, .. } => {
                [messages_per_second, p50, p99].get(index).copied().unwrap_or(f64::NAN)
            }
            Reading::Memory { .. } => f64::NAN,
        })
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
