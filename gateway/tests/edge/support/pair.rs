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
        let redis = Redis::start().await;
        Self {
            here: node(&redis).await,
            there: node(&redis).await,
            redis,
        }
    }

    /// One more gateway.
    pub(crate) async fn another(&self) -> Node {
        node(&self.redis).await
    }
}

/// One that allows as much as a test asks for.
async fn node(redis: &Redis) -> Node {
    let settings = RedisSettings::new(redis.url());
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let limits = "[limits]\nrequests_per_second = 100000\nburst = 100000\n\
                  connections_per_minute_per_user = 100000\n\
                  messages_per_minute_per_connection = 100000\n\
                  visitors_per_minute_per_ip = 1000\n";
    Node::on(Arc::new(bus.unwrap()), limits).await
}
