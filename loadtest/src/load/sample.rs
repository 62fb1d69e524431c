//! What processes, Redis and machines had to do during a run.

use serde::{Deserialize, Serialize};

use super::results::UnixMs;

/// What was seen of processes, of Redis and of machines, about each second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Samples {
    /// Of processes, or of groups of them.
    pub processes: Vec<Process>,
    /// Of nodes of Redis.
    pub redis: Vec<Redis>,
    /// Of machines.
    pub machines: Vec<Vec<Busy>>,
}

/// What was seen of a process or of a group of processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// In the order of time.
    pub samples: Vec<Use>,
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It belongs to what is measured.
    Server,
    /// It is what that stands on: Redis, for one.
    Storage,
    /// It plays the clients.
    Clients,
}

/// What a process used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// When that was.
    pub at: UnixMs,
    /// Seconds of a core, in user and kernel mode, since it was first looked at.
    pub cpu_seconds: f64,
    /// Bytes of memory that are resident.
    pub rss_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files.
    pub open_files: u64,
}

/// What was seen of a node of Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Redis {
    /// What it is called.
    pub name: String,
    /// In the order of time.
    pub samples: Vec<RedisUse>,
}

/// What a node of Redis says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RedisUse {
    /// When that was.
    pub at: UnixMs,
    /// Commands since it was started.
    pub commands: u64,
    /// Seconds of a core since it was started.
    pub cpu_seconds: f64,
    /// Bytes of memory that its allocator gave out.
    pub memory_bytes: u64,
    /// Connected clients.
    pub clients: u64,
    /// Channels that somebody listens to, sharded ones and others.
    pub channels: u64,
    /// Bytes that it sent since it was started.
    pub sent_bytes: u64,
}

/// How busy a whole machine was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// When that was.
    pub at: UnixMs,
    /// Seconds of all cores together that were not idle, since it was started.
    pub cpu_seconds: f64,
}

impl Samples {
    pub(super) fn merge(&mut self, other: Self) {
        self.processes.extend(other.processes);
        self.redis.extend(other.redis);
        self.machines.extend(other.machines);
    }
}
