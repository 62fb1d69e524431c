//! A primary and its replica, and the Sentinel that lets one take the other's
//! place.
//!
//! ```no_run
//! # async fn example() {
//! use causerie_testkit::replicated::Replicated;
//! let mut redis = Replicated::start().await;
//! redis.cut_replica_off().await; // what is written from now on is lost
//! redis.kill_primary();
//! redis.promoted().await;
//! redis.mend().await; // the former primary is the replica now
//! # }
//! ```

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::redis::Redis;
use crate::sentinel::Sentinel;

/// Sentinel looks at a replica every ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two servers, and the Sentinel that watches them. Dropping it ends all.
#[derive(Debug)]
pub struct Replicated {
    primary: Redis,
    replica: Redis,
    sentinel: Sentinel,
}

impl Replicated {
    /// Starts all, and waits until the replica is in step and the Sentinel
    /// knows of it.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn start() -> Self {
        let primary = Redis::start().await;
        let replica = Redis::options().replica_of(&primary).start().await;
        let sentinel = Sentinel::watch(&primary).await;
        let started = Self {
            primary,
            replica,
            sentinel,
        };
        started.in_step().await;
        started
    }

    /// What `redis.url` is set to.
    pub fn url(&self) -> String {
        self.sentinel.url()
    }

    /// The primary, as far as this knows: see [`promoted`](Self::promoted).
    pub fn primary(&self) -> &Redis {
        &self.primary
    }

    /// Ends the replica's connection to the primary for good, so that it lacks
    /// what is written from now on.
    pub async fn cut_replica_off(&self) {
        // It comes again, and is not let in.
        let nobody = ["CONFIG", "SET", "masteruser", "nobody", "masterauth", "x"];
        self.replica.command(&nobody).await;
        let kill = ["CLIENT", "KILL", "TYPE", "replica"];
        self.primary.command(&kill).await;
        let is_off = async || info(&self.replica, "master_link_status").await == "down";
        until("the replica to be cut off", is_off).await;
    }

    /// Kills the primary.
    pub fn kill_primary(&mut self) {
        self.primary.kill();
    }

    /// Waits until the Sentinel names the replica as the primary, and until
    /// that is one. From then on [`primary`](Self::primary) is it.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn promoted(&mut self) {
        let is_promoted = async || {
            self.sentinel.primary_port().await == self.replica.port()
                && info(&self.replica, "role").await == "master"
        };
        until("the replica to be promoted", is_promoted).await;
        std::mem::swap(&mut self.primary, &mut self.replica);
    }

    /// Starts the former primary again, as the replica; waits until it is in
    /// step and the Sentinel would promote it.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn mend(&mut self) {
        self.replica.restart().await;
        let port = self.primary.port().to_string();
        let follow = ["REPLICAOF", "127.0.0.1", &port];
        self.replica.command(&follow).await;
        self.in_step().await;
    }

    async fn in_step(&self) {
        let is_in_step = async || {
            let offset = |redis| info(redis, "master_repl_offset");
            info(&self.replica, "master_link_status").await == "up"
                && offset(&self.primary).await == offset(&self.replica).await
        };
        until("the replica to be in step", is_in_step).await;
        let is_known = async || self.sentinel.has_sound_replica(self.replica.port()).await;
        until("the Sentinel to know the replica", is_known).await;
    }
}

/// A field of what a server tells of its replication; empty where there is none.
async fn info(redis: &Redis, field: &str) -> String {
    let told = redis.try_command(&["INFO", "replication"]).await;
    let told = told.map(|told| told.text()).unwrap_or_default();
    let mut fields = told.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| *name == field);
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        sleep(Duration::from_millis(5)).await;
    }
}
