//! What a run of a scenario found: what one process writes down, and what
//! several have found together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use super::distribution::Latency;
use super::sample::Samples;
use crate::circumstances::Circumstances;

/// Milliseconds of Unix time. Unlike the monotonic clock, several machines have it.
pub type UnixMs = u64;

/// The time.
pub fn unix_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// What a run of a scenario found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The scenario's name.
    pub scenario: String,
    /// What was measured: Causerie, a floor or a peer.
    pub subject: String,
    /// How the scenario was set, by the names of its flags.
    pub parameters: BTreeMap<String, String>,
    /// Commit, machine, date and command.
    pub circumstances: Circumstances,
    /// How many processes of clients found this together.
    pub processes: u32,
    /// The stretch for which figures are given.
    pub stretch: Stretch,
    /// What happened, in the whole run.
    pub counts: Counts,
    /// How long things took that were to happen within the stretch.
    pub latencies: BTreeMap<Measure, Latency>,
    /// What happened in each second of Unix time.
    pub seconds: BTreeMap<u64, Second>,
    /// What processes, Redis and machines had to do meanwhile.
    #[serde(default)]
    pub samples: Samples,
    /// How figures compare to those of a floor or a peer.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
}

/// The stretch for which figures are given: after all are there, before they leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its begin.
    pub from: UnixMs,
    /// Its end.
    pub until: UnixMs,
    /// Deliveries within.
    pub deliveries: u64,
}

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

/// What took time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// From when a client was to connect until it was in all its rooms.
    Connect,
    /// From when a message was to be sent until somebody heard it.
    Delivery,
    /// How much later the first piece of a reply came than the backend said it.
    FirstDelta,
    /// How much later a piece of a reply came than the backend said it.
    Delta,
    /// From when a question was to be sent until its reply was whole.
    Reply,
    /// From the end of a connection until its client had caught up on another.
    Return,
}

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// Clients that were in at its end.
    pub connections: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages heard, and pieces of replies.
    pub deliveries: u64,
    /// What was refused, and connections that ended.
    pub errors: u64,
}

impl Results {
    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// There is no such file, or it holds something else.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} holds no results", file.display()))
    }

    /// Writes a JSON file, and the folders above it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        write_file(file, &serde_json::to_string(self)?)
    }

    /// Adds what another process found in the same run, maybe on another machine.
    ///
    /// # Errors
    /// That is another scenario, or another server; or its latencies cannot be read.
    pub fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        let [mine, others] =
            [&*self, &other].map(|of| format!("{} of {}", of.scenario, of.subject));
        ensure!(mine == others, "{mine} and {others} are not one run");
        for (name, value) in other.parameters {
            let mine = self.parameters.entry(name).or_insert_with(|| value.clone());
            if mine.split(", ").all(|mine| mine != value) {
                *mine = format!("{mine}, {value}");
            }
        }
        self.processes += other.processes;
        self.stretch.merge(other.stretch);
        self.counts.merge(other.counts);
        for (measure, latency) in other.latencies {
            self.latencies.entry(measure).or_default().merge(&latency)?;
        }
        for (second, of) in other.seconds {
            self.seconds.entry(second).or_default().merge(of);
        }
        self.samples.merge(other.samples);
        self.comparisons.extend(other.comparisons);
        Ok(())
    }
}

impl Stretch {
    /// How long it is, in seconds.
    pub fn seconds(&self) -> f64 {
        self.until.saturating_sub(self.from) as f64 / 1e3
    }

    fn merge(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.deliveries += other.deliveries;
    }
}

impl Counts {
    /// Deliveries that were to be made and were not. Who hears a message may be a
    /// client of another process: known only of all of them together.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// What no server may do, and how often it was done.
    pub fn faults(&self) -> Vec<(&str, u64)> {
        let faults = [
            ("lost", self.lost()),
            ("duplicated", self.duplicated),
            ("out of order", self.reordered),
            ("wrong replies", self.wrong_replies),
            ("pieces of replies astray", self.astray),
        ];
        let errors = self.errors.iter().map(|(code, n)| (code.as_str(), *n));
        let all = faults.into_iter().chain(errors);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Adds what others counted.
    pub(super) fn merge(&mut self, other: Self) {
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

impl Measure {
    /// What it is called in a report.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connect => "Connect and join",
            Self::Delivery => "Delivery",
            Self::FirstDelta => "First piece of a reply, later than the AI said it",
            Self::Delta => "Piece of a reply, later than the AI said it",
            Self::Reply => "Whole reply",
            Self::Return => "Back and caught up",
        }
    }
}

impl Second {
    fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.sent += other.sent;
        self.deliveries += other.deliveries;
        self.errors += other.errors;
    }
}

/// Writes a file, and makes the folders above it.
pub(super) fn write_file(file: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)
    };
    write().with_context(|| format!("writing {}", file.display()))
}
