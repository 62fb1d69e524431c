//! The suite over a Redis Cluster of three masters, each with a replica.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis_cluster::RedisCluster;
use tokio::sync::OnceCell;

use crate::world::World;

/// Six servers take seconds to agree, so that all cases share them.
static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

struct Clustered {
    cluster: &'static RedisCluster,
    retention: Retention,
}

impl World for Clustered {
    async fn new(retention: Retention) -> Self {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        for master in 0..3 {
            cluster.node(master).flush_all().await;
        }
        Self { cluster, retention }
    }

    async fn node(&self) -> Arc<dyn Bus> {
        let settings = RedisSettings::new(self.cluster.url());
        let bus = RedisBus::connect(settings, self.retention.clone()).await;
        Arc::new(bus.unwrap())
    }
}

crate::conformance!(Clustered, in_turn);
