//! What the feed lost and nothing followed: found by asking what has changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::position::Position;
use causerie_shared::room::{Partition, RoomKey};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::events;
use crate::hub::Hub;
use crate::hub::heard::HeardRooms;
use crate::hub::shard::Command;

/// How often the bus is asked which rooms have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far one look reaches back before the one before it, should a clock have been
/// set back a little. What it finds twice is told twice.
const OVERLAP_MS: u64 = 200;

/// How far before the latest look the first one at a partition reaches: that begins by our
/// clock, and what has changed is kept by that of the node which serves the partition.
/// Each later one begins by the clock of who was asked.
const BEHIND_MS: u64 = 2_000;

/// How long a live record may be on its way before it counts as lost.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// Finds the events whose live record was lost and that no other followed,
/// until the node stops.
pub(crate) async fn watch(hub: Hub, heard: Arc<HeardRooms>, stop: CancellationToken) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Of each partition in which rooms are heard, up to when it was looked at.
    let mut since: BTreeMap<Partition, u64> = BTreeMap::new();
    let mut looked_ms = hub.bus().clock().now_ms();
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        let partitions = heard.partitions();
        since.retain(|partition, _| partitions.contains(partition));
        for &partition in &partitions {
            let first_ms = looked_ms.saturating_sub(BEHIND_MS);
            since.entry(partition).or_insert(first_ms);
        }
        looked_ms = hub.bus().clock().now_ms();
        let changed = look(&hub, &mut since).await;
        sleep(ON_ITS_WAY).await;
        for (room, head) in changed {
            let command = Command::Head {
                room: room.clone(),
                head,
            };
            hub.send(&room, command).await;
        }
    }
}

/// The rooms that have changed since then, with their heads. Of a partition that
/// does not answer the next look begins where this one did.
async fn look(hub: &Hub, since: &mut BTreeMap<Partition, u64>) -> Vec<(RoomKey, Position)> {
    let looks = since.iter();
    let looks: Vec<_> = looks
        .map(|(&partition, since_ms)| (partition, since_ms.saturating_sub(OVERLAP_MS)))
        .collect();
    let found = hub.bus().changed_in_all(&looks).await;
    let mut changed = Vec::new();
    for (since_ms, found) in since.values_mut().zip(found) {
        match found {
            Ok(changes) => {
                *since_ms = changes.now_ms;
                changed.extend(changes.rooms);
            }
            Err(error) => events::changes_unknown(&error),
        }
    }
    changed
}
