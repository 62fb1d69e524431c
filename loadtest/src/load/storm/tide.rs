//! How far all are, and what they write down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::ledger::{ClientEvent, ClientNumber, Entry, What};
use crate::load::clock::Nanos;

/// How somebody came back.
#[derive(Debug, Clone, Copy)]
pub struct Return {
    /// From the end of one connection until the next one was ready.
    pub opened: Duration,
    /// From the end of one connection until all was there that was missed.
    pub caught_up: Duration,
    /// When that was, on the machine's monotonic clock.
    pub at: Nanos,
    /// Tries that failed.
    pub failures: u32,
}

/// How far all are.
#[derive(Debug, Default)]
pub(super) struct Tide {
    pub(super) are_in: AtomicUsize,
    pub(super) have_spoken: AtomicUsize,
    pub(super) are_back: AtomicUsize,
    failure: OnceLock<String>,
}

impl Tide {
    pub(super) fn are_in(&self) -> usize {
        self.are_in.load(Ordering::Relaxed)
    }

    pub(super) fn have_spoken(&self) -> usize {
        self.have_spoken.load(Ordering::Relaxed)
    }

    pub(super) fn are_back(&self) -> usize {
        self.are_back.load(Ordering::Relaxed)
    }

    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    pub(super) fn fail(&self, why: String) {
        // The first reason is told.
        let _ = self.failure.set(why);
    }
}

/// What the clients of a thread found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) returns: Vec<Return>,
    /// Their ledger.
    pub(super) entries: Vec<Entry>,
    /// What each lacks who is not back.
    pub(super) absent: Vec<String>,
}

/// Where the clients of a thread write down what they see.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) start: Nanos,
    pub(super) tide: Arc<Tide>,
    pub(super) findings: Findings,
}

impl Notes {
    pub(super) fn write(&mut self, client: ClientNumber, event: ClientEvent, now: Nanos) {
        let at = now.saturating_sub(self.start) / 1_000;
        let what = What::Client { client, event };
        self.findings.entries.push(Entry { at, what });
    }
}
