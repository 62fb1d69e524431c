//! Time of processors, and what Redis read and wrote.

use std::time::{Duration, Instant};

use anyhow::Context;
use causerie_testkit::redis::Redis;

/// Reads what was used so far.
pub(crate) struct Meter<'a> {
    redis: &'a Redis,
    pid: i64,
}

/// What was used until a moment.
pub(crate) struct Reading {
    at: Instant,
    ours: Duration,
    of_redis: Duration,
    reads: i64,
    writes: i64,
}

/// What was used for so many operations.
pub(crate) struct Cost {
    operations: f64,
    took: Duration,
    ours: Duration,
    of_redis: Duration,
    reads: i64,
    writes: i64,
}

impl<'a> Meter<'a> {
    pub(crate) const HEAD: &'static str = "                              \
        ours µs  Redis µs  reads  writes  a second";

    pub(crate) async fn new(redis: &'a Redis) -> anyhow::Result<Self> {
        let info = redis.command(&["INFO", "server"]).await.text();
        let pid = field(&info, "process_id")?;
        Ok(Self { redis, pid })
    }

    pub(crate) async fn read(&self) -> anyhow::Result<Reading> {
        let info = self.redis.command(&["INFO", "stats"]).await.text();
        Ok(Reading {
            at: Instant::now(),
            ours: used_by("self")?,
            of_redis: used_by(&self.pid.to_string())?,
            reads: field(&info, "total_reads_processed")?,
            writes: field(&info, "total_writes_processed")?,
        })
    }

    pub(crate) async fn since(&self, before: &Reading, operations: usize) -> anyhow::Result<Cost> {
        let now = self.read().await?;
        Ok(Cost {
            operations: operations as f64,
            took: now.at - before.at,
            ours: now.ours.saturating_sub(before.ours),
            of_redis: now.of_redis.saturating_sub(before.of_redis),
            reads: now.reads - before.reads,
            writes: now.writes - before.writes,
        })
    }
}

impl Cost {
    /// What each operation cost.
    pub(crate) fn row(&self, name: &str) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / self.operations;
        let each = |count: i64| count as f64 / self.operations;
        format!(
            "{name:<28} {:>8.2} {:>9.2} {:>6.2} {:>7.2} {:>9.0}",
            micros(self.ours),
            micros(self.of_redis),
            each(self.reads),
            each(self.writes),
            self.operations / self.took.as_secs_f64(),
        )
    }
}

/// What all threads of a process have used, to the nanosecond. Those that have
/// ended are not counted.
fn used_by(process: &str) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let used = text.split(' ').next().context("an empty schedstat")?;
        nanos += used.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn field(info: &str, name: &str) -> anyhow::Result<i64> {
    let values = info.lines().filter_map(|line| line.split_once(':'));
    let mut found = values.filter(|(key, _)| *key == name);
    let (_, value) = found.next().with_context(|| format!("no {name}"))?;
    Ok(value.trim().parse()?)
}
