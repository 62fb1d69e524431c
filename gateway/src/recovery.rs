//! Brings one client up to date from the bus, at its own pace.

use std::sync::Arc;

use causerie_shared::bus::log::{Missed, Page};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::position::Position;
use causerie_shared::record::Record;

use crate::events::{self, Deliveries, RecoveredFrom};
use crate::frame::OutFrame;
use crate::hub::sending::subscribed;
use crate::hub::shard::PAGE;
use crate::hub::{Join, Start};

/// Reads what `join` missed next, and gives it to its outbox as that drains.
/// Live records of the room are not queued meanwhile. `join` then starts where
/// the reading ended.
pub(crate) async fn catch_up(bus: &dyn Bus, join: &mut Join) -> Result<(), BusError> {
    join.outbox.drained().await;
    let Some(position) = join.position() else {
        return Ok(());
    };
    let Page { head, missed, .. } = bus.read(&join.room, Some(&position), PAGE).await?;
    join.start = match missed {
        Missed::Lost => {
            events::recovered(RecoveredFrom::Nowhere, &join.outbox);
            Start::Head { recovered: false }
        }
        Missed::Records(records) => {
            if matches!(join.start, Start::Asked(_)) {
                tell_position(join, &head, position.seq);
                // Once: from here on the start is no more what was asked for.
                let _ = join.told.set(());
                events::recovered(RecoveredFrom::Log, &join.outbox);
            }
            send(join, &records).await;
            reached(&records, head, position)
        }
    };
    Ok(())
}

/// Where one is who was given `records`, which follow `position`.
fn reached(records: &[Record], head: Position, position: Position) -> Start {
    let last = records.last().and_then(|last| last.header.position.clone());
    let last = last.unwrap_or(position);
    let is_head = last.seq == head.seq;
    Start::Reached {
        position: if is_head { head } else { last },
        is_head,
    }
}

fn tell_position(join: &Join, head: &Position, seq: u64) {
    if join.viewer.is_told_positions() {
        let from = Position {
            epoch: head.epoch.clone(),
            seq,
        };
        join.outbox.push(&subscribed(&join.room, &from, true));
    }
}

/// Sends what the client sees of `records`, as it reads.
async fn send(join: &Join, records: &[Record]) {
    for frames in together(join, records) {
        let bytes = frames.iter().map(|frame| frame.size()).sum();
        if !join.outbox.has_room_for(bytes) {
            join.outbox.drained().await;
        }
        if join.outbox.is_closed() {
            return;
        }
        // What one alone gets counts as no delivery.
        join.outbox.push_all(&frames, &mut Deliveries::default());
    }
}

/// What the client sees of `records`, as it is to go out together.
fn together(join: &Join, records: &[Record]) -> Vec<Vec<Arc<OutFrame>>> {
    let most = join.outbox.at_once();
    let (mut rows, mut row, mut bytes) = (Vec::new(), Vec::new(), 0);
    for record in records {
        let frame = OutFrame::event(&join.room, record);
        if !join.viewer.sees(&frame.sight) {
            continue;
        }
        bytes += frame.size();
        if bytes > most && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            bytes = frame.size();
        }
        row.push(frame);
    }
    rows.push(row);
    rows
}
