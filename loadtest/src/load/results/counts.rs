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
    /// Messages of which the server was to say that it took them.
    pub to_accept: u64,
    /// Messages of which it said so.
    pub accepted: u64,
    /// How many deliveries these messages were to make.
    pub expected: u64,
    /// How many they made.
    pub delivered: u64,
    /// Messages that somebody heard again.
    pub duplicated: u64,
    /// Messages that somebody heard after later ones of their sender.
    pub reordered: u64,
    /// Messages that somebody heard in a room in which they were not said.
    pub misplaced: u64,
    /// Questions asked.
    pub questions: u64,
    /// Replies that came whole.
    pub replies: u64,
    /// Replies that were wrong, or not seen piece by piece to their end.
    pub wrong_replies: u64,
    /// Pieces of replies that came twice, or with others missing before them.
    pub astray: u64,
    /// Pieces of replies that came before the backend can have said them: so its pace
    /// is another than was told, and nobody knows how late they are.
    pub early: u64,
    /// Bytes that clients read from their sockets.
    pub received_bytes: u64,
    /// Refused actions and ended connections, by code or reason.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// Deliveries that were to be made and were not. A room is never shared among
    /// processes: each knows what its own clients were to hear.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// Messages of which the server never said that it took them, though they may
    /// have been heard.
    pub fn unacknowledged(&self) -> u64 {
        self.to_accept.saturating_sub(self.accepted)
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
            ("heard where it was not said", self.misplaced),
            ("never acknowledged", self.unacknowledged()),
            ("unanswered questions", self.unanswered()),
            ("wrong replies", self.wrong_replies),
            ("pieces of replies astray", self.astray),
            (
                "pieces of replies before they can have been said",
                self.early,
            ),
        ];
        let errors = self.errors.iter().map(|(code, n)| (code.as_str(), *n));
        let all = faults.into_iter().chain(errors);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Adds what no server may do however much is sent: to double, to swap, or to bring
    /// to others.
    pub(in crate::load) fn merge_wrongs(&mut self, other: &Self) {
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.misplaced += other.misplaced;
    }

    /// Adds what others counted.
    pub(in crate::load) fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.refused += other.refused;
        self.sent += other.sent;
        self.to_accept += other.to_accept;
        self.accepted += other.accepted;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.misplaced += other.misplaced;
        self.questions += other.questions;
        self.replies += other.replies;
        self.wrong_replies += other.wrong_replies;
        self.astray += other.astray;
        self.early += other.early;
        self.received_bytes += other.received_bytes;
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
    }
}
