//! What the clients of a thread found.

use std::collections::BTreeMap;

use super::asking::{Answered, Piece};
use crate::load::clock::Nanos;
use crate::load::distribution::Distribution;
use crate::load::results::{Counts, Measure};

/// What the clients of a thread found since they were asked last.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) counts: Counts,
    /// How long things took that were to happen while it was measured.
    pub(crate) latencies: BTreeMap<Measure, Distribution>,
    /// Messages heard, and pieces of replies, while it was measured.
    pub(crate) deliveries: u64,
    /// And at any time.
    pub(crate) heard: u64,
    /// Replies that have begun and not ended, at the moment.
    pub(crate) streaming: u64,
}

impl Findings {
    /// Takes in what others found.
    pub(crate) fn add(&mut self, other: Self) {
        self.counts.merge(other.counts);
        for (measure, noted) in &other.latencies {
            self.latencies.entry(*measure).or_default().add(noted);
        }
        self.deliveries += other.deliveries;
        self.heard += other.heard;
        self.streaming += other.streaming;
    }

    pub(super) fn on_connected(&mut self, took: Nanos) {
        self.counts.connections += 1;
        self.note(Measure::Connect, took);
    }

    /// Something was heard.
    pub(super) fn on_heard(&mut self, is_measured: bool) {
        self.heard += 1;
        self.deliveries += u64::from(is_measured);
    }

    pub(super) fn on_piece(&mut self, piece: Piece, is_measured: bool) {
        self.counts.astray += u64::from(piece.is_astray);
        self.counts.early += u64::from(piece.is_early);
        if is_measured {
            self.note(Measure::Delta, piece.lateness);
            if piece.is_first {
                self.note(Measure::FirstDelta, piece.lateness);
            }
        }
    }

    pub(super) fn on_reply(&mut self, answered: Answered, is_measured: bool) {
        let counts = &mut self.counts;
        if answered.is_right {
            counts.replies += 1;
        } else {
            counts.wrong_replies += 1;
        }
        if is_measured {
            self.note(Measure::Reply, answered.took);
        }
    }

    pub(super) fn on_error(&mut self, reason: &str) {
        *self.counts.errors.entry(reason.to_owned()).or_default() += 1;
    }

    pub(super) fn note(&mut self, measure: Measure, took: Nanos) {
        self.latencies.entry(measure).or_default().note(took);
    }
}
