//! Letting go of rooms that nobody hears, and of what is long past in the others. Only those
//! are looked at in which there is something of the kind.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use causerie_shared::room::RoomKey;
use tokio::task::consume_budget;
use tokio::time::Instant;

use super::Shard;
use crate::hub::room::Room;

/// How many rooms are tidied before others have their turn.
pub(super) const TIDIED_A_TURN: usize = 256;

/// How long a room that nobody hears is kept, for those who come back.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Looking through the rooms that have something to let go of.
#[derive(Debug)]
pub(super) struct Tidying {
    now: Instant,
    last: Option<RoomKey>,
}

impl Shard {
    pub(super) fn begin_tidying(&mut self) {
        let now = Instant::now();
        self.tidying.get_or_insert(Tidying { now, last: None });
    }

    /// Closes the rooms that nobody has heard for a while, and forgets what is long
    /// past in the others: in the next few of them.
    pub(super) async fn tidy_some(&mut self) {
        let Some(Tidying { now, last }) = self.tidying.take() else {
            return;
        };
        let beyond = (last.map_or(Unbounded, Excluded), Unbounded);
        let next = self.aging.range(beyond).take(TIDIED_A_TURN);
        let next: Vec<_> = next.cloned().collect();
        for key in &next {
            self.tidy(key, now);
            consume_budget().await;
        }
        if next.len() == TIDIED_A_TURN {
            let last = next.last().cloned();
            self.tidying = Some(Tidying { now, last });
        }
    }

    fn tidy(&mut self, key: &RoomKey, now: Instant) {
        let Some(room) = self.rooms.get_mut(key) else {
            return;
        };
        room.tidy(now);
        let deadline = now.checked_sub(LINGER);
        if let Some(need) = deadline.and_then(|since| room.close_if_empty_since(since, now)) {
            self.reader.meet(key.clone(), need);
        }
        if !room.ages() {
            room.is_aging = false;
            self.aging.remove(key);
        }
    }
}

/// Notes that something of a room is to be let go in time, where that is not noted yet.
pub(super) fn note_age(aging: &mut BTreeSet<RoomKey>, key: &RoomKey, room: &mut Room) {
    if room.ages() && !room.is_aging {
        room.is_aging = true;
        aging.insert(key.clone());
    }
}
