//! The same on a Redis Cluster of six nodes.

use causerie_testkit::cluster::Cluster;
use causerie_testkit::storage::StorageKind;

use crate::conversation::{everything_arrives_once_and_in_order, installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_and_in_order_on_a_redis_cluster() {
    let cluster = installation(Cluster::options().on(StorageKind::Cluster)).await;
    everything_arrives_once_and_in_order(&cluster, 20).await;
}
