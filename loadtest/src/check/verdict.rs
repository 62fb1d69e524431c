//! What a checker found.

use std::collections::BTreeMap;
use std::fmt;

use super::{Broken, Count, counts};
use crate::ledger::ClientEvent;

/// What a verdict rests on.
const JUDGED: [Count; 6] = [
    counts::PEOPLE,
    counts::MESSAGES_ACKED,
    counts::PIECES_SEEN,
    counts::QUESTIONS,
    counts::CALLS,
    counts::FAULTS,
];

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub broken: Broken,
    /// When, in microseconds since the run began.
    pub at: u64,
    /// By what.
    pub says: String,
    /// In which round, counted from 1, where there are several.
    pub round: Option<usize>,
    /// At which line of its ledger, counted from 1, where one is known.
    pub line: Option<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1e6;
        write!(f, "{seconds:.3} s: {:?}: {}", self.broken, self.says)?;
        match (self.round, self.line) {
            (Some(round), Some(line)) => write!(f, " (round {round}, line {line})"),
            (Some(round), None) => write!(f, " (round {round})"),
            (None, Some(line)) => write!(f, " (line {line})"),
            (None, None) => Ok(()),
        }
    }
}

/// What a checker found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Broken promises, in the order in which they were found.
    pub violations: Vec<Violation>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// Adds what was found in a round, which is named in what breaks a promise.
    pub fn add(&mut self, round: usize, other: Self) {
        let violations = other.violations.into_iter();
        self.violations
            .extend(violations.map(|violation| Violation {
                round: Some(round),
                ..violation
            }));
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    pub(super) fn broken(&mut self, broken: Broken, at: u64, says: impl Into<String>) {
        self.violations.push(Violation {
            broken,
            at,
            says: says.into(),
            round: None,
            line: None,
        });
    }

    /// How much was judged, for people to read.
    pub fn extent(&self) -> String {
        let judged = JUDGED.map(|what| format!("{} {}", self.counted(what), what.name()));
        judged.join(", ")
    }

    /// Of what nothing was there to be judged: then there is no verdict on it.
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = JUDGED.into_iter().filter(|what| self.counted(*what) == 0);
        missing.map(Count::name).collect()
    }

    /// What was lost though no fault was there for that; none where nothing was.
    pub fn lost_unplanned(&self) -> Option<String> {
        let lost = self.counted(counts::LOST_UNPLANNED);
        (lost > 0).then(|| format!("{lost} {}", counts::LOST_UNPLANNED.name()))
    }

    /// How often that happened.
    pub fn counted(&self, what: Count) -> u64 {
        self.counts.get(what.name()).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, what: Count) {
        *self.counts.entry(what.name()).or_default() += 1;
    }

    pub(super) fn count_event(&mut self, event: &ClientEvent) {
        self.count(match event {
            ClientEvent::Opened => counts::CONNECTIONS,
            ClientEvent::Acked { .. } => counts::MESSAGES_ACKED,
            ClientEvent::Refused { .. } => counts::ERRORS,
            ClientEvent::Durable { .. } => counts::DURABLE_SEEN,
            ClientEvent::Delta { .. } => counts::PIECES_SEEN,
            ClientEvent::Snapshot { .. } => counts::SNAPSHOTS_SEEN,
            ClientEvent::Restart { .. } => counts::RESTARTS_SEEN,
            ClientEvent::Cancelling { .. } => counts::TO_BE_CANCELLED,
            ClientEvent::NotLetIn { .. } => counts::NOT_LET_IN,
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. }
            | ClientEvent::Closed { .. } => return,
        });
    }
}
