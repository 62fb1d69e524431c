//! What was measured of whom, round by round.

use std::collections::BTreeMap;

use super::contender::Contender;
use super::effort::Effort;
use super::row::Row;
use super::run::Run;
use crate::load::comparison::Comparison;
use crate::load::figures;
use crate::load::results::Results;

/// What was measured of whom, round by round.
#[derive(Debug, Default)]
pub struct Runs(BTreeMap<(Row, Contender), BTreeMap<u32, Run>>);

impl Runs {
    /// Adds what was measured in a round.
    pub fn add(&mut self, row: Row, contender: Contender, round: u32, run: Run) {
        let rounds = self.0.entry((row, contender)).or_default();
        rounds.insert(round, run);
    }

    /// How many rounds there were.
    pub fn rounds(&self) -> u32 {
        let last = self.0.values().filter_map(BTreeMap::last_key_value);
        last.map(|(round, _)| *round).max().unwrap_or(0)
    }

    /// All rounds of a contender, those that failed or were disturbed as well.
    pub fn all_of(&self, row: Row, contender: Contender) -> impl Iterator<Item = &Run> {
        let rounds = self.0.get(&(row, contender));
        rounds.into_iter().flat_map(BTreeMap::values)
    }

    /// The rounds of a contender that count.
    pub fn of(&self, row: Row, contender: Contender) -> impl Iterator<Item = &Results> {
        let counting = self.all_of(row, contender).filter(|run| run.counts());
        counting.map(Run::results)
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

    /// Results of a row's subject and of another, of the rounds of both that count.
    pub fn pairs(&self, row: Row, with: Contender) -> Vec<(&Results, &Results)> {
        let rounds = |of| self.0.get(&(row, of));
        let (Some(ours), Some(theirs)) = (rounds(row.subject()), rounds(with)) else {
            return Vec::new();
        };
        let both = ours.iter().filter_map(|(round, ours)| {
            let theirs = theirs.get(round).filter(|run| run.counts())?;
            ours.counts().then(|| (ours.results(), theirs.results()))
        });
        both.collect()
    }

    /// All figures of a row's subject compared with another's.
    pub fn comparisons(&self, row: Row, with: Contender) -> Vec<Comparison> {
        let pairs = self.pairs(row, with).into_iter();
        let pairs = pairs.map(|(ours, theirs)| (ours.clone(), theirs.clone()));
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.unzip();
        Comparison::of_runs(&ours, &theirs)
    }

    /// The last run of a row's subject, compared with all others.
    pub fn compared(&self, row: Row) -> Option<Results> {
        let mut results = self.of(row, row.subject()).last()?.clone();
        let others = row.contenders().iter();
        let others = others.filter(|of| **of != row.subject());
        let comparisons = others.flat_map(|other| self.comparisons(row, *other));
        results.comparisons = comparisons.collect();
        Some(results)
    }

    /// How many times as good a row's subject was as another, in each round in which
    /// both count, in order of size.
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

    /// What was lost, doubled, out of order and so on, in all rounds together.
    pub fn faults(&self, row: Row, contender: Contender) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for run in self.all_of(row, contender) {
            for (what, count) in run.results().counts.faults() {
                *sums.entry(what.to_owned()).or_default() += count;
            }
        }
        sums
    }
}

/// Whether these are enough to say whether a goal is met.
pub(super) fn are_enough<'a>(results: impl IntoIterator<Item = &'a Results>) -> bool {
    /// The middle of fewer may be anything.
    const ENOUGH: usize = 5;
    let (mut count, mut are_full) = (0, true);
    for results in results {
        count += 1;
        are_full &= Effort::of(results).is_some_and(Effort::is_full);
    }
    are_full && count >= ENOUGH
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::load::results::Stretch;
    use crate::load::sample::{Process, Role, Samples, Use};

    /// Results of a full effort: a million deliveries in four seconds.
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
            parameters: Effort::FULL.parameters(),
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
            let run = Run::of(results(contender, cpu));
            runs.add(Row::BigRoom, contender, round, run);
        };
        add(Contender::Causerie, 1, 1.0);
        add(Contender::Sockudo, 1, 3.0);
        add(Contender::Causerie, 2, 1.0);
        add(Contender::Sockudo, 3, 3.0);
        add(Contender::Causerie, 4, 2.0);
        add(Contender::Sockudo, 4, 4.0);
        assert_eq!(runs.rounds(), 4);
        let times = |runs: &Runs, than| runs.times_better(Row::BigRoom, than);
        assert_eq!(times(&runs, Contender::Sockudo), [2.0, 3.0]);
        assert!(times(&runs, Contender::SocketIo).is_empty());
        assert!(
            runs.times_better(Row::Memory, Contender::Sockudo)
                .is_empty()
        );
        let disturbed = Run::of(results(Contender::Sockudo, 9.0));
        let disturbed = disturbed.disturbed("others used 1.0 cores".to_owned());
        runs.add(Row::BigRoom, Contender::Sockudo, 4, disturbed);
        assert_eq!(times(&runs, Contender::Sockudo), [3.0]);
    }

    #[test]
    fn four_runs_are_not_enough_and_neither_is_half_the_effort() {
        let full = results(Contender::Causerie, 1.0);
        let mut half = full.clone();
        half.parameters.insert("seconds".to_owned(), "3".to_owned());
        assert!(!are_enough([]));
        assert!(!are_enough([&full; 4]));
        assert!(are_enough([&full; 5]));
        assert!(!are_enough([&full, &full, &half, &full, &full, &full]));
    }
}
