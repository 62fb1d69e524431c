//! What clients found, second by second.

use super::distribution::NotADistribution;
use super::results::{Results, Stretch, UnixMs};
use super::talk::Findings;

/// What clients found, second by second.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) results: Results,
}

impl Default for Record {
    fn default() -> Self {
        let results = Results {
            processes: 1,
            ..Results::default()
        };
        Self { results }
    }
}

impl Record {
    /// Takes what was found in a second of Unix time, or in a part of it; at its end
    /// `connections` clients were in.
    ///
    /// # Errors
    /// What was written down before cannot be read: never.
    pub(crate) fn take(
        &mut self,
        second: u64,
        findings: Findings,
        connections: u64,
    ) -> Result<(), NotADistribution> {
        let Findings {
            counts,
            latencies,
            deliveries,
            heard,
            streaming,
        } = findings;
        let of = self.results.seconds.entry(second).or_default();
        of.connections = connections;
        of.streaming = streaming;
        of.sent += counts.sent + counts.questions;
        of.deliveries += heard;
        of.errors += counts.errors.values().sum::<u64>();
        self.results.stretch.deliveries += deliveries;
        self.results.counts.merge(counts);
        for (measure, noted) in &latencies {
            let latency = self.results.latencies.entry(*measure).or_default();
            latency.take(second, noted)?;
        }
        Ok(())
    }

    /// The stretch for which figures are given.
    pub(crate) fn set_stretch(&mut self, from: UnixMs, until: UnixMs) {
        let Stretch { deliveries, .. } = self.results.stretch;
        self.results.stretch = Stretch {
            from,
            until,
            deliveries,
        };
    }

    /// Whether all that was to come has come to all, once and, unless `any_order` will
    /// do, in order; and nobody was refused or sent away.
    pub(crate) fn is_flawless(&self, any_order: bool) -> bool {
        let mut counts = self.results.counts.clone();
        if any_order {
            counts.reordered = 0;
        }
        counts.faults().is_empty()
    }
}
