//! Where a room is in what an installation keeps its rooms in.

use causerie_shared::room::RoomKey;
use causerie_testkit::redis_cluster::RedisCluster;
use causerie_testkit::storage::Storage;

/// The slot of a Redis Cluster in which all that is stored of a room lies.
pub async fn slot_of(cluster: &RedisCluster, room: &RoomKey) -> u32 {
    let partition = room.partition();
    cluster.slot_of(&format!("{{p{partition}}}")).await
}

/// The port of the server that serves a room now.
pub async fn port_of(storage: &Storage, room: &RoomKey) -> u16 {
    match storage {
        Storage::Redis(redis) => redis.port(),
        Storage::Sentinel(replicated) => {
            let primary = replicated.primary().await;
            replicated.server(primary).port()
        }
        Storage::Cluster(cluster) => {
            let slot = slot_of(cluster, room).await;
            let master = cluster.owner(0, slot).await;
            cluster.node(master).port()
        }
    }
}
