//! Who hears rooms over connections of our own, whatever happens to these.

use std::collections::BTreeSet;

use causerie_shared::bus::Bus;
use causerie_shared::room::RoomKey;
use causerie_testkit::redis_cluster::RedisCluster;

use super::fred::{PATIENCE, ours};
use crate::ear::Ear;
use crate::scene::*;

mod bursts;
mod clusters;
mod cuts;
mod half_open;
mod refusals;

fn rooms(count: usize) -> Vec<RoomKey> {
    (0..count)
        .map(|number| room(&format!("acme:project:p{number}")))
        .collect()
}

/// The channel on which a room's records are published.
pub(super) fn channel_of(room: &RoomKey) -> String {
    format!("causerie:{{p{}}}:room:{room}", room.partition())
}

/// The ear, which hears `rooms`, hears all that is published there.
pub(super) async fn hears_all(ear: &mut Ear, publisher: &dyn Bus, rooms: &[RoomKey]) {
    for room in rooms {
        publisher.publish(room, &typing(room, 1)).await.unwrap();
    }
    let mut unheard: BTreeSet<_> = rooms.iter().cloned().collect();
    while !unheard.is_empty() {
        unheard.remove(&ear.record_after_gaps().await.0);
    }
}

/// Moves a room's partition to another node.
async fn migrate(cluster: &RedisCluster, room: &RoomKey) {
    let slot = cluster.slot_of(&channel_of(room)).await;
    let owner = cluster.owner(0, slot).await;
    cluster.migrate_slot(slot, (owner + 1) % 3).await;
}
