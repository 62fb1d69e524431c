//! Which nodes there are and how they fare, what is wrong, and what has been.

use uuid::Uuid;

use crate::ids::RunId;
use crate::room::Partition;

/// What a node shows of itself.
#[derive(Debug, Clone)]
pub struct Showing {
    /// Of this run of its program.
    pub run: RunId,
    /// How it fares, in JSON; nothing where it is about to end.
    pub card: Option<String>,
    /// Whether it may be the one that watches over all.
    pub may_watch: bool,
}

impl Showing {
    /// Of nobody: for one who only looks.
    pub fn nothing() -> Self {
        Self {
            run: RunId::generate(),
            card: None,
            may_watch: false,
        }
    }
}

/// A node, as it has shown itself last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Of that run of its program.
    pub run: RunId,
    /// When, in milliseconds since 1970 by the bus's clock.
    pub at_ms: u64,
    /// How it fared then, in JSON.
    pub card: String,
}

/// All nodes, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nodes {
    /// Those that have shown themselves within [`FORGOTTEN_MS`], by their runs.
    pub nodes: Vec<Shown>,
    /// Whether the one who asked watches over all: one does at a time.
    pub is_watcher: bool,
    /// The alerts that stand, each in JSON, by their names.
    pub alerts: Vec<(String, String)>,
}

/// How long a node is shown that shows itself no more.
pub const FORGOTTEN_MS: u64 = 300_000;

/// How long nobody else watches, once the watcher shows itself no more.
pub const WATCH_MS: u64 = 6_000;

/// How long it is remembered that an entry of the chronicle is kept.
pub(super) const ENTRY_KNOWN_MS: u64 = 600_000;

/// An entry of the chronicle, and what changes with it.
#[derive(Debug, Clone)]
pub struct Note {
    /// Names it once and for all: kept twice, it is there once.
    pub id: String,
    /// Which alert it is about.
    pub change: Change,
    /// In JSON.
    pub entry: String,
}

/// What an entry of the chronicle does to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is about something else.
    None,
    /// Raises that one, if it does not stand.
    Raise(String),
    /// Clears it, if it stands.
    Clear(String),
}

impl Note {
    /// A new entry.
    pub fn new(change: Change, entry: String) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            change,
            entry,
        }
    }
}

/// Where all of it is kept.
pub(super) fn partition() -> Partition {
    Partition::of_name("nodes")
}
