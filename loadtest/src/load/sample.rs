//! What processes, Redis and machines had to do during a run.

mod machine;
mod process;
mod redis;
mod sampler;
mod watch;

use serde::{Deserialize, Serialize};

pub(crate) use machine::look as look_at_machine;
pub use process::Which;
pub use sampler::Sampler;
pub use watch::{Watch, WatchedProcess, WatchedRedis};

use super::results::UnixMs;

/// So many cores may be used by others, or be stolen, while something is compared: more
/// would be a tenth of what is measured on two nodes.
pub(crate) const MOST_CORES_OF_OTHERS: f64 = 0.2;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Commands since it was started, those within scripts too.
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
    /// Seconds that its cores were to run and another machine on the same hardware had.
    #[serde(default)]
    pub stolen_seconds: f64,
}

impl Busy {
    /// Cores that were stolen since then, on average.
    pub(crate) fn stolen_cores_since(self, then: Self) -> f64 {
        let seconds = self.at.saturating_sub(then.at) as f64 / 1e3;
        if seconds > 0.0 {
            (self.stolen_seconds - then.stolen_seconds) / seconds
        } else {
            0.0
        }
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Server, Self::Storage, Self::Clients];

    /// What processes of it are called in a report.
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "servers",
            Self::Storage => "storage",
            Self::Clients => "clients",
        }
    }
}

impl Samples {
    /// The processes of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Process> {
        let processes = self.processes.iter();
        processes.filter(move |process| process.role == role)
    }

    /// Seconds of a core that all processes of a role used within a time; none
    /// where there are no such processes.
    pub fn cpu_seconds(&self, role: Role, from: UnixMs, until: UnixMs) -> Option<f64> {
        let of_each = self
            .of(role)
            .map(|process| process.cpu_seconds(from, until));
        let of_each: Vec<_> = of_each.collect();
        (!of_each.is_empty()).then(|| of_each.iter().sum())
    }

    /// Seconds of a core that all others used within a time: what the machines were
    /// busy, but for the processes that were looked at. None where no machine was.
    pub fn cpu_seconds_of_others(&self, from: UnixMs, until: UnixMs) -> Option<f64> {
        let busy = self.of_machines(from, until, |of| of.cpu_seconds)?;
        let ours = self.processes.iter().map(|of| of.cpu_seconds(from, until));
        // Clocks tick in hundredths of a second: a little less than nothing is nothing.
        Some((busy - ours.sum::<f64>()).max(0.0))
    }

    /// Seconds of a core that the machines were to run within a time and did not.
    pub fn stolen_seconds(&self, from: UnixMs, until: UnixMs) -> Option<f64> {
        self.of_machines(from, until, |of| of.stolen_seconds)
    }

    fn of_machines(&self, from: UnixMs, until: UnixMs, of: fn(&Busy) -> f64) -> Option<f64> {
        let grown = self.machines.iter().map(|looks| {
            let points: Vec<_> = looks.iter().map(|look| (look.at, of(look))).collect();
            between(&points, from, until)
        });
        (!self.machines.is_empty()).then(|| grown.sum())
    }

    /// Bytes that are resident in all processes of a role together, at each time
    /// that the first of them was looked at.
    pub fn rss_bytes(&self, role: Role) -> Vec<(UnixMs, f64)> {
        let times = self.of(role).next().map_or(&[][..], |of| &of.samples);
        let at = |time: UnixMs| -> f64 {
            let of_each = self.of(role).map(|of| of.rss_bytes_at(time));
            of_each.sum()
        };
        times.iter().map(|of| (of.at, at(of.at))).collect()
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.processes.extend(other.processes);
        self.redis.extend(other.redis);
        self.machines.extend(other.machines);
    }
}

impl Process {
    /// Seconds of a core that it used within a time.
    pub fn cpu_seconds(&self, from: UnixMs, until: UnixMs) -> f64 {
        let samples = self.samples.iter();
        let points: Vec<_> = samples.map(|of| (of.at, of.cpu_seconds)).collect();
        between(&points, from, until)
    }

    fn rss_bytes_at(&self, time: UnixMs) -> f64 {
        let samples = self.samples.iter();
        let points: Vec<_> = samples.map(|of| (of.at, of.rss_bytes as f64)).collect();
        at(&points, time)
    }
}

/// How much a growing number grew within a time.
pub(super) fn between(points: &[(UnixMs, f64)], from: UnixMs, until: UnixMs) -> f64 {
    at(points, until) - at(points, from)
}

/// A number at a time between those at which it was looked at; outside of these,
/// the nearest. 0 where nobody ever looked.
pub(super) fn at(points: &[(UnixMs, f64)], time: UnixMs) -> f64 {
    let next = points.partition_point(|(at, _)| *at < time);
    let before = next.checked_sub(1).and_then(|before| points.get(before));
    match (before, points.get(next)) {
        (Some((from, low)), Some((until, high))) => {
            let share = (time - from) as f64 / (until - from) as f64;
            low + (high - low) * share
        }
        (Some((_, value)), None) | (None, Some((_, value))) => *value,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_looks_numbers_grow_evenly() {
        let points = [(1_000, 1.0), (2_000, 3.0), (4_000, 3.0)];
        for (time, value) in [
            (0, 1.0),
            (1_000, 1.0),
            (1_500, 2.0),
            (2_000, 3.0),
            (9_000, 3.0),
        ] {
            assert_eq!(at(&points, time), value, "{time}");
        }
        assert_eq!(between(&points, 1_250, 3_000), 1.5);
        assert_eq!(at(&[], 1), 0.0);
    }

    #[test]
    fn what_a_role_used_is_the_sum_of_its_processes() {
        let process = |role, cpu_seconds: f64, rss_bytes| Process {
            name: "p".to_owned(),
            role,
            samples: [(1_000, 0.0), (2_000, cpu_seconds)]
                .map(|(at, cpu_seconds)| Use {
                    at,
                    cpu_seconds,
                    rss_bytes,
                    threads: 1,
                    open_files: 1,
                })
                .to_vec(),
        };
        let samples = Samples {
            processes: vec![
                process(Role::Server, 0.5, 10),
                process(Role::Clients, 0.7, 100),
                process(Role::Server, 1.0, 20),
            ],
            ..Samples::default()
        };
        assert_eq!(samples.cpu_seconds(Role::Server, 1_000, 2_000), Some(1.5));
        assert_eq!(samples.cpu_seconds(Role::Server, 1_000, 1_500), Some(0.75));
        assert_eq!(samples.cpu_seconds(Role::Storage, 0, 9_000), None);
        assert_eq!(
            samples.rss_bytes(Role::Server),
            [(1_000, 30.0), (2_000, 30.0)]
        );
        assert_eq!(samples.rss_bytes(Role::Storage), []);
    }

    #[test]
    fn what_others_use_is_what_is_left_of_the_machine() {
        let looks = [(1_000, 0.0), (3_000, 2.0)].map(|(at, cpu_seconds)| Use {
            at,
            cpu_seconds,
            rss_bytes: 0,
            threads: 1,
            open_files: 1,
        });
        let machine = [(1_000, 70.0, 9.0), (3_000, 75.0, 10.0)];
        let machine = machine.map(|(at, cpu_seconds, stolen_seconds)| Busy {
            at,
            cpu_seconds,
            stolen_seconds,
        });
        let process = Process {
            name: "p".to_owned(),
            role: Role::Server,
            samples: looks.to_vec(),
        };
        let samples = Samples {
            processes: vec![process.clone(), process],
            machines: vec![machine.to_vec()],
            ..Samples::default()
        };
        assert_eq!(samples.cpu_seconds_of_others(1_000, 3_000), Some(1.0));
        assert_eq!(samples.cpu_seconds_of_others(1_000, 2_000), Some(0.5));
        assert_eq!(samples.stolen_seconds(0, 9_000), Some(1.0));
        assert_eq!(Samples::default().cpu_seconds_of_others(0, 1), None);
        assert_eq!(Samples::default().stolen_seconds(0, 1), None);
    }
}
