//! From the bus to the hub: a live record goes straight to its room's shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causerie_shared::bus::subscription::Ear;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::events;
use crate::hub::shard::Command;
use crate::hub::shards::Shards;

/// Hands what the bus tells to the shards.
#[derive(Debug)]
pub(crate) struct Feed {
    shards: Shards,
    /// Of each shard whether it is about to be told that its rooms missed records.
    /// Until then it gets no more of them.
    behind: Vec<Arc<AtomicBool>>,
    runtime: Handle,
}

impl Feed {
    pub(crate) fn new(shards: Shards) -> Self {
        let behind = shards.queues().iter().map(|_| Arc::default());
        Self {
            behind: behind.collect(),
            shards,
            runtime: Handle::current(),
        }
    }

    /// Tells a shard of a gap as soon as there is a place in its queue. All that
    /// it does not get meanwhile was published before it will look after its rooms.
    fn tell_gap(&self, queue: &mpsc::Sender<Command>, behind: &Arc<AtomicBool>) {
        if behind.swap(true, Ordering::AcqRel) {
            return;
        }
        let (queue, behind) = (queue.clone(), Arc::clone(behind));
        self.runtime.spawn(async move {
            // An error means that the node is stopping.
            if let Ok(place) = queue.reserve().await {
                behind.store(false, Ordering::Release);
                place.send(Command::Gap);
            }
        });
    }
}

impl Ear for Feed {
    /// What does not fit is dropped, and the shard told of a gap.
    fn on_record(&self, room: RoomKey, record: Arc<Record>) {
        let place = self.shards.place_of(&room);
        let (queues, behind) = (self.shards.queues(), self.behind.get(place));
        let Some((queue, behind)) = queues.get(place).zip(behind) else {
            return;
        };
        if behind.load(Ordering::Acquire) {
            return;
        }
        match queue.try_send(Command::Record { room, record }) {
            // Closed where the node is stopping.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                events::feed_overflown();
                self.tell_gap(queue, behind);
            }
        }
    }

    fn on_gap(&self) {
        events::feed_lost_its_place();
        for (queue, behind) in self.shards.queues().iter().zip(&self.behind) {
            self.tell_gap(queue, behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::{durable, room};

    fn seq_of(command: Option<Command>) -> u64 {
        let Some(Command::Record { record, .. }) = command else {
            panic!("{command:?}")
        };
        record.header.position.as_ref().unwrap().seq
    }

    #[tokio::test]
    async fn a_shard_that_is_behind_is_told_once_and_after_all_that_fitted() {
        let (shards, mut queues) = Shards::new(1);
        let feed = Feed::new(shards);
        let hear = |seq| feed.on_record(room(), Arc::new(durable("aaaaaaaa", seq)));
        let fits = feed.shards.queues()[0].capacity() as u64;
        (0..fits + 100).for_each(hear);
        feed.on_gap();
        let queue = &mut queues[0];
        for seq in 0..fits {
            assert_eq!(seq_of(queue.recv().await), seq);
        }
        assert!(matches!(queue.recv().await, Some(Command::Gap)));
        assert!(queue.try_recv().is_err());
        // By now there is room, and it has looked after what it missed.
        hear(fits + 100);
        assert_eq!(seq_of(queue.recv().await), fits + 100);
    }
}
