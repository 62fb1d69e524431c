//! The suite over a Redis Cluster of three masters, each with a replica.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis_cluster::RedisCluster;
use tokio::sync::OnceCell;

use super::rights::documented;
use crate::world::World;

/// Six servers take seconds to agree, so that all cases share them.
static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

/// A cluster that grants us what the documentation says that we need.
async fn cluster() -> RedisCluster {
    let cluster = RedisCluster::start().await;
    for node in 0..cluster.size() {
        cluster.node(node).command(&documented()).await;
    }
    cluster
}

struct Clustered {
    cluster: &'static RedisCluster,
    retention: Retention,
}

impl World for Clustered {
    async fn new(retention: Retention) -> Self {
        let cluster = CLUSTER.get_or_init(cluster).await;
        for master in 0..3 {
            cluster.node(master).flush_all().await;
        }
        Self { cluster, retention }
    }

    async fn node(&self) -> Arc<dyn Bus> {
        let url = self.cluster.url().replace("://", "://causerie:PASSWORD@");
        let settings = RedisSettings::new(url);
        let bus = RedisBus::connect(settings, self.retention.clone()).await;
        Arc::new(bus.unwrap())
    }
}

crate::conformance!(Clustered, in_turn);
