//! What a checker found.

use std::collections::BTreeMap;
use std::fmt;

use super::Broken;
use crate::ledger::ClientEvent;

/// What is counted of replies that came to people piece by piece to their end.
pub const SEEN_TO_LAST_WORD: &str = "replies seen to their last word";

/// How often people were told that a reply begins anew.
pub const RESTARTS_SEEN: &str = "restarts seen";

/// What is counted of replies whose last pieces came to people only with the
/// whole.
pub const LAST_WORDS_WITH_END: &str = "replies whose last words came with their end";

/// What a verdict rests on.
const JUDGED: [&str; 6] = [
    "people",
    "messages acknowledged",
    "pieces of replies seen",
    "questions",
    "calls of the AI",
    "faults",
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
        let judged = JUDGED.map(|what| format!("{} {what}", self.counted(what)));
        judged.join(", ")
    }

    /// Of what nothing was there to be judged: then there is no verdict on it.
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = JUDGED.into_iter().filter(|what| self.counted(what) == 0);
        missing.collect()
    }

    fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn count_event(&mut self, event: &ClientEvent) {
        self.count(match event {
            ClientEvent::Opened => "connections",
            ClientEvent::Acked { .. } => "messages acknowledged",
            ClientEvent::Refused { .. } => "errors answered",
            ClientEvent::Durable { .. } => "durable events seen",
            ClientEvent::Delta { .. } => "pieces of replies seen",
            ClientEvent::Snapshot { .. } => "snapshots seen",
            ClientEvent::Restart { .. } => RESTARTS_SEEN,
            ClientEvent::Cancelling { .. } => "replies to be cancelled",
            ClientEvent::NotLetIn { .. } => "handshakes that failed",
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Closed { .. } => return,
        });
    }
}
