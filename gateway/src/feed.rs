//! From the bus to the hub.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::subscription::Heard;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
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

/// Hands what the bus tells to the shards, until the node stops. Where a shard
/// is behind this waits, and the bus drops records and tells of a gap.
pub(crate) async fn run(hub: Hub, mut records: mpsc::Receiver<Heard>, stop: CancellationToken) {
    while let Some(Some(heard)) = stop.run_until_cancelled(records.recv()).await {
        match heard {
            Heard::Record { room, record } => {
                let command = Command::Record {
                    room: room.clone(),
                    record,
                };
                hub.send(&room, command).await;
            }
            Heard::Gap => {
                events::feed_lost_its_place();
                hub.send_all(|| Command::Gap).await;
            }
        }
    }
}

/// Finds the events whose live record was lost and that no other followed,
/// until the node stops.
pub(crate) async fn watch_changes(hub: Hub, heard: Arc<HeardRooms>, stop: CancellationToken) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since_ms = hub.bus().clock().now_ms();
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        let partitions = heard.partitions();
        if partitions.is_empty() {
            since_ms = hub.bus().clock().now_ms();
            continue;
        }
        let since = since_ms.saturating_sub(OVERLAP_MS);
        match hub.bus().changed(&partitions, since).await {
            Ok(changes) => {
                since_ms = changes.now_ms;
                sleep(ON_ITS_WAY).await;
                for (room, head) in changes.rooms {
                    let command = Command::Head {
                        room: room.clone(),
                        head,
                    };
                    hub.send(&room, command).await;
                }
            }
            Err(error) => events::changes_unknown(&error),
        }
    }
}
