//! What a run of a scenario found: what one process writes down, and what
//! several have found together.

mod counts;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

pub use counts::Counts;

use super::comparison::Comparison;
use super::distribution::Latency;
use super::goal::Judged;
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
    /// From when the first client was to connect until the last was in; none where
    /// that was not measured.
    #[serde(default)]
    pub connecting: Option<Span>,
    /// While connections rested on their way in; none where they did not.
    #[serde(default)]
    pub plateau: Option<Span>,
    /// The stretch for which figures are given.
    pub stretch: Stretch,
    /// What happened, in the whole run.
    pub counts: Counts,
    /// The rates that a search has tried, in this order.
    #[serde(default)]
    pub tried: Vec<Try>,
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
    /// What figures were to be, and were: in this run, or in several.
    #[serde(default)]
    pub goals: Vec<Judged>,
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

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its begin.
    pub from: UnixMs,
    /// Its end.
    pub until: UnixMs,
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
    /// From when a message was to be sent until it was: by clients, which is not the
    /// servers' fault.
    Send,
}

/// A rate that was tried in a search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// Messages a second.
    pub rate: f64,
    /// How long 99 of 100 deliveries took at the most, in milliseconds.
    pub p99_ms: f64,
    /// Whether it was borne.
    pub is_borne: bool,
    /// Cores that other machines on the same hardware had meanwhile.
    #[serde(default)]
    pub stolen_cores: f64,
}

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// Clients that were in at its end.
    pub connections: u64,
    /// Replies that had begun at its end, and had not ended.
    pub streaming: u64,
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
        for (name, others) in other.parameters {
            let mine = self.parameters.entry(name).or_default();
            for value in others.split(", ") {
                if mine.split(", ").all(|mine| mine != value) {
                    let comma = if mine.is_empty() { "" } else { ", " };
                    *mine = format!("{mine}{comma}{value}");
                }
            }
        }
        self.processes += other.processes;
        self.connecting = match (self.connecting, other.connecting) {
            (Some(mine), Some(others)) => Some(mine.with(others)),
            (mine, others) => mine.or(others),
        };
        let plateaus = self.plateau.zip(other.plateau);
        self.plateau = plateaus.map(|(mine, others)| mine.shared_with(others));
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
        self.goals.extend(other.goals);
        Ok(())
    }
}

impl Span {
    /// How long it is.
    pub fn seconds(self) -> f64 {
        self.until.saturating_sub(self.from) as f64 / 1e3
    }

    /// From the begin of the first to the end of the last.
    fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }

    /// What belongs to both. Where nothing does it has no length.
    fn shared_with(self, other: Self) -> Self {
        let from = self.from.max(other.from);
        let until = self.until.min(other.until).max(from);
        Self { from, until }
    }
}

impl Stretch {
    /// How long it is.
    pub fn seconds(self) -> f64 {
        let Self { from, until, .. } = self;
        Span { from, until }.seconds()
    }

    fn merge(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.deliveries += other.deliveries;
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
            Self::Send => "Sent, later than it was due",
        }
    }
}

impl Second {
    fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.streaming += other.streaming;
        self.sent += other.sent;
        self.deliveries += other.deliveries;
        self.errors += other.errors;
    }
}

/// Writes a file, and makes the folders above it.
pub(super) fn write_file(file: &Path, text: &str) -> anyhow::Result<()> {
    make_folder_of(file)?;
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// Makes the folders above a file.
pub(super) fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let Some(folder) = file.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::distribution::Distribution;

    /// What one of two processes found.
    fn part(from: UnixMs, connections: u64, expected: u64, delivered: u64) -> Results {
        let mut noted = Distribution::default();
        (0..delivered).for_each(|number| noted.note(number * 1_000_000));
        let mut latency = Latency::default();
        latency.take(from / 1_000, &noted).unwrap();
        let second = Second {
            connections,
            deliveries: delivered,
            ..Second::default()
        };
        Results {
            scenario: "fanout".to_owned(),
            subject: "Causerie".to_owned(),
            parameters: BTreeMap::from([
                ("part".to_owned(), connections.to_string()),
                ("rate".to_owned(), "50".to_owned()),
                ("target".to_owned(), "ws://a, ws://b".to_owned()),
            ]),
            processes: 1,
            connecting: Some(Span {
                from: from - 500,
                until: from,
            }),
            stretch: Stretch {
                from,
                until: from + 2_000,
                deliveries: delivered,
            },
            counts: Counts {
                connections,
                expected,
                delivered,
                errors: BTreeMap::from([("4008".to_owned(), 1)]),
                ..Counts::default()
            },
            latencies: BTreeMap::from([(Measure::Delivery, latency)]),
            seconds: BTreeMap::from([(from / 1_000, second)]),
            ..Results::default()
        }
    }

    #[test]
    fn two_processes_find_as_much_as_one() {
        let mut both = part(10_000, 3, 20, 20);
        both.merge(part(10_500, 4, 30, 30)).unwrap();
        assert_eq!((both.processes, both.counts.connections), (2, 7));
        assert_eq!(both.counts.lost(), 0);
        assert_eq!(both.counts.faults(), [("4008", 2)]);
        assert_eq!((both.stretch.from, both.stretch.until), (10_000, 12_500));
        assert_eq!(both.stretch.deliveries, 50);
        assert_eq!(both.connecting.unwrap().seconds(), 1.0);
        assert_eq!(both.parameters["part"], "3, 4");
        assert_eq!(both.parameters["rate"], "50");
        assert_eq!(both.parameters["target"], "ws://a, ws://b");
        assert_eq!(both.latencies[&Measure::Delivery].whole.count(), 50);
        assert_eq!(both.seconds[&10].connections, 7);
    }

    #[test]
    fn what_is_missing_is_a_fault() {
        let counts = Counts {
            expected: 10,
            delivered: 8,
            to_accept: 9,
            accepted: 6,
            misplaced: 4,
            questions: 7,
            replies: 3,
            wrong_replies: 1,
            early: 5,
            ..Counts::default()
        };
        let expected = [
            ("lost", 2),
            ("heard where it was not said", 4),
            ("never acknowledged", 3),
            ("unanswered questions", 3),
            ("wrong replies", 1),
            ("pieces of replies before they can have been said", 5),
        ];
        assert_eq!(counts.faults(), expected);
    }

    #[test]
    fn what_is_not_one_run_is_not_added_up() {
        let mut one = part(10_000, 1, 1, 1);
        let mut other = one.clone();
        other.subject = "Sockudo".to_owned();
        let error = one.merge(other).unwrap_err().to_string();
        assert!(
            error.contains("fanout of Causerie and fanout of Sockudo"),
            "{error}"
        );
    }

    #[test]
    fn a_file_holds_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/results.json");
        let results = part(10_000, 3, 50, 20);
        results.write(&file).unwrap();
        assert_eq!(Results::read(&file).unwrap(), results);
        fs::write(&file, "{}").unwrap();
        let error = Results::read(&file).unwrap_err().to_string();
        assert!(error.contains("holds no results"), "{error}");
    }
}
