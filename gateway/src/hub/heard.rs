//! In which partitions rooms are heard, so that only these are asked for
//! changes.

use std::sync::atomic::{AtomicU32, Ordering};

use causerie_shared::room::{Partition, RoomKey};

/// How many rooms are heard, by partition.
#[derive(Debug)]
pub(crate) struct HeardRooms([AtomicU32; Partition::COUNT as usize]);

impl Default for HeardRooms {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl HeardRooms {
    pub(super) fn add(&self, room: &RoomKey) {
        if let Some(count) = self.0.get(room.partition().index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn remove(&self, room: &RoomKey) {
        if let Some(count) = self.0.get(room.partition().index()) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The partitions with at least one.
    pub(crate) fn partitions(&self) -> Vec<Partition> {
        let is_heard = |partition: &Partition| {
            let count = self.0.get(partition.index());
            count.is_some_and(|count| count.load(Ordering::Relaxed) > 0)
        };
        Partition::all().filter(is_heard).collect()
    }
}
