//! The suite over one Redis, and what only Redis can do to us.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;

use crate::world::{Storage, World};

mod cluster;
mod connections;
mod crowds;
mod damaged;
mod dead_letters;
mod every_verb;
mod fred;
mod looking;
mod moving;
mod nodes;
mod rights;
mod sentinel;
mod stalls;
mod start;
mod subscribing;

struct Single {
    redis: Redis,
    retention: Retention,
    /// How long the append-only file was at the mark.
    mark: u64,
}

impl World for Single {
    async fn new(retention: Retention) -> Self {
        let redis = Redis::options().aof().start().await;
        Self {
            redis,
            retention,
            mark: 0,
        }
    }

    async fn node(&self) -> Arc<dyn Bus> {
        let settings = RedisSettings::new(self.redis.url());
        let bus = RedisBus::connect(settings, self.retention.clone()).await;
        Arc::new(bus.unwrap())
    }
}

impl Storage for Single {
    async fn restart(&mut self) {
        self.redis.restart().await;
    }

    async fn mark(&mut self) {
        self.mark = self.redis.aof_size();
    }

    async fn lose_since_mark(&mut self) {
        self.redis.kill();
        self.redis.truncate_aof(self.mark);
        self.redis.restart().await;
    }
}

crate::conformance!(Single);
crate::conformance_of_storage!(Single);
