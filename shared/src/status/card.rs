//! What a program shows of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counted::Counted;

/// What a program shows of itself. Fields that a version does not know are passed over, and
/// those that it misses are as if nothing were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// Its name, `node.name`.
    pub node: String,
    /// `gateway`, `broker` or `standalone`.
    pub program: String,
    /// Of the program.
    pub version: String,
    /// When it started, in milliseconds since 1970.
    pub since_ms: u64,
    /// Open connections, by transport.
    pub connections: BTreeMap<String, u64>,
    /// Most of them that it takes; 0 where it takes none.
    pub max_connections: u64,
    /// Users who are connected.
    pub sessions: u64,
    /// Rooms that somebody hears.
    pub rooms: u64,
    /// Replies that it makes.
    pub replies_running: u64,
    /// Replies of the whole installation that have not begun, as a broker last saw.
    pub queued: u64,
    /// For how long the oldest question waits, likewise; 0 where none does.
    pub oldest_waits_ms: u64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Of one core, 1 is all.
    pub cpu: f64,
    /// Open files and sockets.
    pub open_files: u64,
    /// How late its event loop was at the most within the last seconds.
    pub event_loop_lag_ms: f64,
    /// What each AI backend's circuit breaker does: `closed`, `half_open` or `open`.
    pub ai_backends: BTreeMap<String, String>,
    /// What it counted lately.
    pub window: Counted,
}

impl Card {
    /// All its connections.
    pub fn connected(&self) -> u64 {
        self.connections.values().sum()
    }

    /// As others are shown it.
    pub fn encode(&self) -> String {
        // It has no keys but texts, and no numbers that JSON has not.
        serde_json::to_string(self).unwrap_or_default()
    }
}
