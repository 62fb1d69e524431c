//! Where a room lies in what an installation keeps its rooms in.

use causerie_shared::room::RoomKey;
use causerie_testkit::redis_cluster::RedisCluster;

/// The slot of a Redis Cluster in which all that is stored of a room lies.
pub async fn slot_of(cluster: &RedisCluster, room: &RoomKey) -> u32 {
    let partition = room.partition();
    cluster.slot_of(&format!("{{p{partition}}}")).await
}
