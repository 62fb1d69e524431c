//! The suite over one Redis.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;

use crate::world::World;

struct Single {
    redis: Redis,
    retention: Retention,
}

impl World for Single {
    async fn new(retention: Retention) -> Self {
        let redis = Redis::options().aof().start().await;
        Self { redis, retention }
    }

    async fn node(&self) -> Arc<dyn Bus> {
        let settings = RedisSettings::new(self.redis.url());
        let bus = RedisBus::connect(settings, self.retention.clone()).await;
        Arc::new(bus.unwrap())
    }
}

crate::conformance!(Single);
