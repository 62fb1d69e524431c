//! At which line of the ledger a promise was broken.

use std::collections::HashMap;

use super::Verdict;
use crate::ledger::{Entry, What};

/// When the lines were written that were read so far: what is found only in the
/// end is found by its time.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// By line, in microseconds since the run began; of a call, which is written
    /// down in the end, when it began.
    times: Vec<u64>,
    /// So many violations have their lines.
    named: usize,
}

impl Lines {
    pub(super) fn take(&mut self, entry: &Entry) {
        self.times.push(match &entry.what {
            What::Call(call) => call.began,
            What::Round(_)
            | What::Client { .. }
            | What::Fault(_)
            | What::LossOver
            | What::FaultOver
            | What::UnplannedFailOver { .. }
            | What::GapsRepaired { .. }
            | What::Log(_)
            | What::Counted { .. } => entry.at,
        });
    }

    /// What was found at the last line stands there.
    pub(super) fn name_last(&mut self, verdict: &mut Verdict) {
        for violation in verdict.violations.iter_mut().skip(self.named) {
            violation.line = Some(self.times.len());
        }
        self.named = verdict.violations.len();
    }

    /// What was found after all lines stands where something happened then.
    pub(super) fn name_rest(&self, verdict: &mut Verdict) {
        let found = verdict.violations.iter_mut().skip(self.named);
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            return;
        }
        let mut lines: HashMap<u64, usize> = HashMap::new();
        for (line, at) in self.times.iter().enumerate() {
            lines.entry(*at).or_insert(line + 1);
        }
        for violation in found {
            violation.line = lines.get(&violation.at).copied();
        }
    }
}
