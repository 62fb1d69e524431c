//! What was measured of whom, round by round.

use std::collections::BTreeMap;

use super::contender::Contender;
use super::row::Row;
use crate::load::comparison::Comparison;
use crate::load::figures;
use crate::load::results::Results;

/// What was measured of whom, round by round.
#[derive(Debug, Default)]
pub struct Runs(BTreeMap<(Row, Contender), BTreeMap<u32, Results>>);

impl Runs {
    /// Adds what was measured in a round.
    pub fn add(&mut self, row: Row, contender: Contender, round: u32, results: Results) {
        let rounds = self.0.entry((row, contender)).or_default();
        rounds.insert(round, results);
    }

    /// How many rounds there were.
    pub fn rounds(&self) -> u32 {
        let last = self.0.values().filter_map(BTreeMap::last_key_value);
        last.map(|(round, _)| *round).max().unwrap_or(0)
    }

    /// The rounds of a contender.
    pub fn of(&self, row: Row, contender: Contender) -> impl Iterator<Item = &Results> {
        let rounds = self.0.get(&(row, contender));
        rounds.into_iter().flat_map(BTreeMap::values)
    }

    /// A figure of a contender, in each round in which it has it.
    pub fn figure(&self, row: Row, contender: Contender, name: &str) -> Vec<f64> {
        let of_run = |results: &Results| {
            let mut figures = figures::all(results).into_iter();
            figures.find(|(figure, _)| figure == name)
        };
        let found = self.of(row, contender).filter_map(of_run);
        found.map(|(_, value)| value).collect()
    }

    /// All figures of Causerie compared with another's, where both have rounds.
    pub fn comparisons(&self, row: Row, with: Contender) -> Vec<Comparison> {
        let rounds = |of| self.0.get(&(row, of));
        let (Some(ours), Some(theirs)) = (rounds(Contender::Causerie), rounds(with)) else {
            return Vec::new();
        };
        let both = ours.iter().filter_map(|(round, ours)| {
            let theirs = theirs.get(round)?;
            Some((ours.clone(), theirs.clone()))
        });
        let (ours, theirs): (Vec<_>, Vec<_>) = both.unzip();
        Comparison::of_runs(&ours, &theirs)
    }

    /// Causerie's last run of a row, compared with all others.
    pub fn compared(&self, row: Row) -> Option<Results> {
        let mut results = self.of(row, Contender::Causerie).last()?.clone();
        let others = row.contenders().iter();
        let others = others.filter(|of| **of != Contender::Causerie);
        let comparisons = others.flat_map(|other| self.comparisons(row, *other));
        results.comparisons = comparisons.collect();
        Some(results)
    }

    /// How many times as good Causerie was as another, in each round in which both
    /// were measured, in order of size.
    pub fn times_better(&self, row: Row, than: Contender) -> Vec<f64> {
        let comparisons = self.comparisons(row, than);
        let (figure, more_is_better) = row.figure();
        let compared = comparisons.iter().find(|of| of.figure == figure);
        let mut ratios = compared.map_or_else(Vec::new, Comparison::ratios);
        ratios.retain(|ratio| *ratio > 0.0);
        if more_is_better {
            return ratios;
        }
        ratios.into_iter().rev().map(f64::recip).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::load::results::Stretch;
    use crate::load::sample::{Process, Role, Samples, Use};

    /// One that made a million deliveries in four seconds.
    pub(in super::super) fn results(contender: Contender, cpu_seconds: f64) -> Results {
        let sample = |(at, cpu_seconds)| Use {
            at,
            cpu_seconds,
            rss_bytes: 0,
            threads: 1,
            open_files: 1,
        };
        let process = Process {
            name: "node-1".to_owned(),
            role: Role::Server,
            samples: [(0, 0.0), (4_000, cpu_seconds)].map(sample).to_vec(),
        };
        Results {
            subject: contender.to_string(),
            stretch: Stretch {
                from: 0,
                until: 4_000,
                deliveries: 1_000_000,
            },
            samples: Samples {
                processes: vec![process],
                ..Samples::default()
            },
            ..Results::default()
        }
    }

    #[test]
    fn rounds_are_compared_with_themselves() {
        let mut runs = Runs::default();
        let mut add = |contender, round, cpu| {
            runs.add(Row::BigRoom, contender, round, results(contender, cpu));
        };
        add(Contender::Causerie, 1, 1.0);
        add(Contender::Sockudo, 1, 3.0);
        add(Contender::Causerie, 2, 1.0);
        add(Contender::Sockudo, 3, 3.0);
        add(Contender::Causerie, 4, 2.0);
        add(Contender::Sockudo, 4, 4.0);
        assert_eq!(runs.rounds(), 4);
        let times = runs.times_better(Row::BigRoom, Contender::Sockudo);
        assert_eq!(times, [2.0, 3.0]);
        assert!(
            runs.times_better(Row::BigRoom, Contender::SocketIo)
                .is_empty()
        );
        assert!(
            runs.times_better(Row::Memory, Contender::Sockudo)
                .is_empty()
        );
    }
}
