//! What was found, and what it is to be measured by.

use serde::Serialize;

use crate::{
    contestant::{Contestant, Role, Style},
    reading::{Pace, Reading},
    target::{Of, Target, Whose},
    workload::{Content, Workload},
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

/// One workload, and what every echo made of it.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What it is called.
    pub title: String,
    /// What was asked.
    pub workload: Workload,
    /// One for each contestant that was asked, in their order.
    pub results: Vec<Outcome>,
}

/// What one echo made of one workload.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The place in [`Report::contestants`].
    pub contestant: usize,
    /// One for each repetition.
    pub readings: Vec<Reading>,
    /// Why there are fewer readings than repetitions.
    pub failure: Option<String>,
}

/// A target and what was found instead of it.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// What was to be reached.
    pub target: Target,
    /// The figure as a multiple of what the target is measured by.
    pub found: f64,
}

impl Verdict {
    /// Whether the target is met.
    pub fn is_met(&self) -> bool {
        self.found <= self.target.at_most
    }
}

impl Outcome {
    /// The figure that counts; none where a reading failed.
    pub fn value(&self) -> Option<f64> {
        let is_whole = self.failure.is_none() && !self.readings.is_empty();
        is_whole.then(|| self.median(Reading::value))
    }

    /// The median of something that all readings have.
    pub fn median(&self, value: impl Fn(&Reading) -> f64) -> f64 {
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

    /// The least of the figures.
    pub fn min(&self) -> f64 {
        self.readings.iter().map(Reading::value).fold(f64::INFINITY, f64::min)
    }
}

impl Report {
    /// Every result of a row that is whole, with its figure.
    pub fn figures<'r>(
        &'r self,
        row: &'r Row,
    ) -> impl Iterator<Item = (f64, &'r Contestant)> + use<'r> {
        row.results.iter().filter_map(|outcome| {
            Some((outcome.value()?, self.contestants.get(outcome.contestant)?))
        })
    }

    /// The least figure of those who are asked for.
    pub fn best<'r>(
        &'r self,
        row: &'r Row,
        who: impl Fn(&Contestant) -> bool,
    ) -> Option<(f64, &'r Contestant)> {
        self.figures(row)
            .filter(|(_, contestant)| who(contestant))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The raw echo on tokio.
    pub fn raw(&self, row: &Row) -> Option<f64> {
        let is_raw = |contestant: &Contestant| {
            contestant.role == Role::Limit && contestant.crate_name == "tokio"
        };
        self.best(row, is_raw).map(|best| best.0)
    }

    /// The best peer, and who that is.
    pub fn best_peer<'r>(&'r self, row: &'r Row) -> Option<(f64, &'r Contestant)> {
        self.best(row, |contestant| contestant.role == Role::Peer)
    }

    /// The targets of a row that are about this contestant, as far as what they are measured by was measured.
    pub fn verdicts(&self, row: &Row, contestant: &Contestant, value: f64) -> Vec<Verdict> {
        let about = |target: &&Target| target.whose.is(contestant);
        let verdict = |target: &Target| {
            let found = value / self.yardstick(row, contestant, target.of)?;
            Some(Verdict { target: *target, found })
        };
        row.workload.targets.iter().filter(about).filter_map(verdict).collect()
    }

    fn yardstick(&self, row: &Row, contestant: &Contestant, of: Of) -> Option<f64> {
        let peer_with = |style| {
            let who = |peer: &Contestant| peer.role == Role::Peer && peer.style == Some(style);
            self.best(row, who).map(|best| best.0)
        };
        let own_in = |workload: Workload| {
            let is_other = |row: &&Row| row.workload.is_the_load_of(&workload);
            let is_self = |other: &Contestant| other.to_string() == contestant.to_string();
            let row = self.rows.iter().find(is_other)?;
            self.best(row, is_self).map(|best| best.0)
        };
        match of {
            Of::Raw => self.raw(row),
            Of::BestPeer => self.best_peer(row).map(|best| best.0),
            Of::BestBatchedPeer => peer_with(Style::Batched),
            Of::BestSendEachPeer => peer_with(Style::SendEach),
            Of::Binary => own_in(Workload { content: Content::Binary, ..row.workload }),
            Of::OneConnection => own_in(Workload { connections: 1, ..row.workload }),
            Of::Tokio => self.best(row, |other| Whose::Tokio.is(other)).map(|best| best.0),
            Of::Bytes => Some(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contestant::Runtime,
        workload::{self, Deflate},
    };

    fn contestant(crate_name: &str, role: Role, style: Option<Style>) -> Contestant {
        Contestant::new(crate_name, role, style, Runtime::Tokio)
    }

    fn report(rows: &[(Workload, &[f64])]) -> Report {
        let contestants = vec![
            contestant("tokio", Role::Limit, None),
            contestant("squall-tokio", Role::Ours, Some(Style::SendEach)),
            contestant("squall-tokio", Role::Ours, Some(Style::Batched)),
            contestant("slow", Role::Peer, Some(Style::SendEach)),
            contestant("quick", Role::Peer, Some(Style::Batched)),
        ];
        let outcome = |(contestant, &value): (usize, &f64)| {
            let readings = vec![Reading::Memory { bytes_per_connection: value }];
            Outcome { contestant, readings, failure: None }
        };
        let row = |(workload, values): &(Workload, &[f64])| Row {
            title: workload.to_string(),
            workload: *workload,
            results: values.iter().enumerate().map(outcome).collect(),
        };
        Report {
            date: String::new(),
            machine: Machine {
                processor: String::new(),
                kernel: String::new(),
                compiler: String::new(),
            },
            pace: Pace { warm_up: 0.0, measured: 0.0, max_messages: 0, settle: 0.0 },
            repetitions: 1,
            contestants,
            rows: rows.iter().map(row).collect(),
        }
    }

    fn found(report: &Report, row: usize, contestant: usize) -> Vec<(Of, f64, bool)> {
        let row = &report.rows[row];
        let value = row.results[contestant].value().unwrap();
        let verdicts = report.verdicts(row, &report.contestants[contestant], value);
        verdicts.iter().map(|v| (v.target.of, v.found, v.is_met())).collect()
    }

    #[test]
    fn a_pipelined_row_is_measured_by_raw_and_by_the_best_peer_of_its_style() {
        let workload = workload::ALL.iter().find(|w| w.window == 16).unwrap();
        let report = report(&[(*workload, &[2.0, 2.5, 2.5, 50.0, 2.5])]);
        assert_eq!(
            found(&report, 0, 1),
            [(Of::Raw, 1.25, true), (Of::BestSendEachPeer, 0.05, true)]
        );
        assert_eq!(
            found(&report, 0, 2),
            [(Of::Raw, 1.25, false), (Of::BestBatchedPeer, 1.0, false)]
        );
    }

    #[test]
    fn text_is_measured_by_binary_of_the_same_load_and_many_connections_by_one() {
        let find = |is: fn(&&Workload) -> bool| *workload::ALL.iter().find(is).unwrap();
        let binary = find(|w| w.size == 16 << 10 && w.window == 1);
        let text = find(|w| w.content == Content::OtherText && w.size == 16 << 10);
        let one = find(|w| w.deflate == Deflate::Default && w.connections == 1);
        let many = find(|w| w.deflate == Deflate::Default && w.connections == 1_000);
        let figures = |own| [1.0, own, own, 9.0, 9.0];
        let (four, five, eight) = (figures(4.0), figures(5.0), figures(8.0));
        let report = report(&[(binary, &four), (text, &five), (one, &four), (many, &eight)]);
        assert_eq!(found(&report, 1, 1), [(Of::Binary, 1.25, false)]);
        assert_eq!(found(&report, 3, 2), [(Of::OneConnection, 2.0, false)]);
    }

    #[test]
    fn a_failed_reading_counts_for_nothing() {
        let workload = workload::ALL[0];
        let mut report = report(&[(workload, &[1.0, 1.0, 1.0, 9.0, 0.5])]);
        report.rows[0].results[4].failure = Some(String::from("closed"));
        assert_eq!(report.best_peer(&report.rows[0]).unwrap().0, 9.0);
    }
}
