//! Two gateways that share a Redis of the test's own.

use std::sync::Arc;

use causerie_shared::bus::Retention;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_testkit::redis::Redis;

use super::node::Node;

pub(crate) struct Pair {
    pub(crate) here: Node,
    pub(crate) there: Node,
    redis: Redis,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With `more` in the configuration of both.
    pub(crate) async fn with(more: &str) -> Self {
        let redis = Redis::start().await;
        Self {
            here: node(&redis, more).await,
            there: node(&redis, more).await,
            redis,
        }
    }

    /// Takes Redis away.
    pub(crate) fn lose_redis(&mut self) {
        self.redis.kill();
    }

    /// One more gateway.
    pub(crate) async fn another(&self) -> Node {
        node(&self.redis, "").await
    }
}

async fn node(redis: &Redis, more: &str) -> Node {
    let settings = RedisSettings::new(redis.url());
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Node::on(Arc::new(bus.unwrap()), more).await
}
