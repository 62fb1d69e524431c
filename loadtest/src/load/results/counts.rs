//! How often what happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Clients that came in.
    pub connections: u64,
    /// Tries to connect that the server refused.
    pub refused: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that the server says it took.
    pub accepted: u64,
    /// How many deliveries these messages were to make.
    pub expected: u64,
    /// How many they made.
    pub delivered: u64,
    /// Messages that somebody heard again.
    pub duplicated: u64,
    /// Messages that somebody heard after later ones of their sender.
    pub reordered: u64,
    /// Questions asked.
    pub questions: u64,
    /// Replies that came whole.
    pub replies: u64,
    /// Replies that were wrong, or not seen piece by piece to their end.
    pub wrong_replies: u64,
    /// Pieces of replies that came twice, or with others missing before them.
    pub astray: u64,
    /// Bytes that clients read from their sockets.
    pub received_bytes: u64,
    /// Refused actions and ended connections, by code or reason.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// Deliveries that were to be made and were not. Who hears a message may be a
    /// client of another process: known only of all of them together.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// Questions that were refused, or never answered.
    pub fn unanswered(&self) -> u64 {
        let answered = self.replies + self.wrong_replies;
        self.questions.saturating_sub(answered)
    }

    /// What no server may do, and how often it was done.
    pub fn faults(&self) -> Vec<(&str, u64)> {
        let faults = [
            ("lost", self.lost()),
            ("duplicated", self.duplicated),
            ("out of order", self.reordered),
            ("unanswered questions", self.unanswered()),
            ("wrong replies", self.wrong_replies),
            ("pieces of replies astray", self.astray),
        ];
        let errors = self.errors.iter().map(|(code, n)| (code.as_str(), *n));
        let all = faults.into_iter().chain(errors);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Adds what others counted.
    pub(in crate::load) fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.refused += other.refused;
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.questions += other.questions;
        self.replies += other.replies;
        self.wrong_replies += other.wrong_replies;
        self.astray += other.astray;
        self.received_bytes += other.received_bytes;
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
    }
}
