//! What the feed lost and nothing followed: found by asking what has changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::position::Position;
use causerie_shared::room::{Partition, RoomKey};
use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::events;
use crate::hub::Hub;
use crate::hub::heard::HeardRooms;
use crate::hub::shard::Command;

/// How often the bus is asked which rooms have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far one look reaches back before the one before it.
const OVERLAP_MS: u64 = 2_000;

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
            since.entry(partition).or_insert(looked_ms);
        }
        looked_ms = hub.bus().clock().now_ms();
        let looks = since
            .iter_mut()
            .map(|(&partition, since_ms)| look(&hub, partition, since_ms));
        let changed = join_all(looks).await;
        sleep(ON_ITS_WAY).await;
        for (room, head) in changed.into_iter().flatten() {
            let command = Command::Head {
                room: room.clone(),
                head,
            };
            hub.send(&room, command).await;
        }
    }
}

/// The rooms of a partition that have changed since then, with their heads.
/// Where it does not answer in time, which holds up none of the others, the next
/// look begins where this one did.
async fn look(hub: &Hub, partition: Partition, since_ms: &mut u64) -> Vec<(RoomKey, Position)> {
    let changed = hub
        .bus()
        .changed(partition, since_ms.saturating_sub(OVERLAP_MS));
    let too_late = |_| BusError::Unavailable(format!("no answer within {LOOK_EVERY:?}"));
    match timeout(LOOK_EVERY, changed)
        .await
        .map_err(too_late)
        .flatten()
    {
        Ok(changes) => {
            *since_ms = changes.now_ms;
            changes.rooms
        }
        Err(error) => {
            events::changes_unknown(&error);
            Vec::new()
        }
    }
}
