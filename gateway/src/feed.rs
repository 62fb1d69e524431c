//! From the bus to the hub: a live record goes straight to its room's shard.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causerie_shared::bus::subscription::Ear;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::events;
use crate::hub::shard::Command;
use crate::hub::shards::Shards;

/// Of so many rooms a shard is told by name that it missed records. Where there
/// are more, it reads all of its rooms.
const ROOMS: usize = 1_024;

/// Hands what the bus tells to the shards.
#[derive(Debug)]
pub(crate) struct Feed {
    shards: Shards,
    /// Of each shard what it is about to be told that it missed.
    behind: Vec<Arc<Behind>>,
    runtime: Handle,
}

/// What a shard is about to be told that it missed.
#[derive(Debug)]
struct Behind {
    /// Whether it is. Until then it gets no more records.
    is_behind: AtomicBool,
    /// The rooms of which; `None` where that may be all.
    rooms: Mutex<Option<BTreeSet<RoomKey>>>,
}

impl Behind {
    fn new() -> Self {
        Self {
            is_behind: AtomicBool::new(false),
            rooms: Mutex::new(Some(BTreeSet::new())),
        }
    }

    fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// Notes that something of `room` is missed, or of any where that is `None`;
    /// whether the shard was about to be told before.
    fn note(&self, room: Option<RoomKey>) -> bool {
        let mut rooms = self.lock();
        match (&mut *rooms, room) {
            (Some(known), Some(room)) if known.len() < ROOMS || known.contains(&room) => {
                known.insert(room);
            }
            (all, _) => *all = None,
        }
        self.is_behind.swap(true, Ordering::AcqRel)
    }

    /// What the shard is told, which may then hear again.
    fn take(&self) -> Option<BTreeSet<RoomKey>> {
        let mut rooms = self.lock();
        self.is_behind.store(false, Ordering::Release);
        rooms.replace(BTreeSet::new())
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeSet<RoomKey>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    pub(crate) fn new(shards: Shards) -> Self {
        let behind = shards.queues().iter().map(|_| Arc::new(Behind::new()));
        Self {
            behind: behind.collect(),
            shards,
            runtime: Handle::current(),
        }
    }

    /// Tells a shard of a gap in `room`, or in all where that is `None`, as soon as
    /// there is a place in its queue. All that it does not get meanwhile was
    /// published before it will look after those rooms.
    fn tell_gap(&self, queue: &mpsc::Sender<Command>, behind: &Arc<Behind>, room: Option<RoomKey>) {
        if behind.note(room) {
            return;
        }
        let (queue, behind) = (queue.clone(), Arc::clone(behind));
        self.runtime.spawn(async move {
            // An error means that the node is stopping.
            if let Ok(place) = queue.reserve().await {
                let rooms = behind.take();
                place.send(Command::Gap { rooms });
            }
        });
    }
}

impl Ear for Feed {
    /// What does not fit is dropped, and the shard told of a gap in its room.
    fn on_record(&self, room: RoomKey, record: Arc<Record>) {
        let place = self.shards.place_of(&room);
        let (queues, behind) = (self.shards.queues(), self.behind.get(place));
        let Some((queue, behind)) = queues.get(place).zip(behind) else {
            return;
        };
        if behind.is_behind() {
            self.tell_gap(queue, behind, Some(room));
            return;
        }
        // Closed where the node is stopping.
        if let Err(TrySendError::Full(Command::Record { room, .. })) =
            queue.try_send(Command::Record { room, record })
        {
            events::feed_overflown();
            self.tell_gap(queue, behind, Some(room));
        }
    }

    fn on_gap(&self) {
        events::feed_lost_its_place();
        for (queue, behind) in self.shards.queues().iter().zip(&self.behind) {
            self.tell_gap(queue, behind, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use causerie_testkit::recorded::Recorded;

    use super::*;
    use crate::hub::testing::{durable, room};

    fn seq_of(command: Option<Command>) -> u64 {
        let Some(Command::Record { record, .. }) = command else {
            panic!("{command:?}")
        };
        record.header.position.as_ref().unwrap().seq
    }

    /// A feed, its one shard's queue, and how many commands that takes.
    fn feed() -> (Feed, mpsc::Receiver<Command>, u64) {
        let (shards, mut queues) = Shards::new(1);
        let fits = shards.queues()[0].capacity() as u64;
        (Feed::new(shards), queues.remove(0), fits)
    }

    #[tokio::test]
    async fn a_shard_that_is_behind_is_told_once_and_after_all_that_fitted() {
        let recorded = Recorded::here();
        let (feed, mut queue, fits) = feed();
        let hear = |seq| feed.on_record(room(), Arc::new(durable("aaaaaaaa", seq)));
        (0..fits + 100).for_each(hear);
        recorded.metric_rises("causerie_feed_overflows_total");
        feed.on_gap();
        for seq in 0..fits {
            assert_eq!(seq_of(queue.recv().await), seq);
        }
        let told = queue.recv().await;
        assert!(
            matches!(told, Some(Command::Gap { rooms: None })),
            "{told:?}"
        );
        assert!(queue.try_recv().is_err());
        // By now there is room, and it has looked after what it missed.
        hear(fits + 100);
        assert_eq!(seq_of(queue.recv().await), fits + 100);
    }

    #[tokio::test]
    async fn it_is_told_of_the_rooms_alone_of_which_it_missed_something() {
        let (feed, mut queue, fits) = feed();
        let hear = |room: &RoomKey| feed.on_record(room.clone(), Arc::new(durable("aaaaaaaa", 1)));
        let other: RoomKey = "acme:project:p2".parse().unwrap();
        // Both of the second round, and more than are named in the third.
        for round in 0..3 {
            (0..fits).for_each(|_| hear(&room()));
            let missed: BTreeSet<RoomKey> = match round {
                0 => [other.clone()].into(),
                1 => [other.clone(), room()].into(),
                _ => (0..=ROOMS)
                    .map(|number| format!("acme:project:q{number}").parse().unwrap())
                    .collect(),
            };
            for _ in 0..2 {
                missed.iter().for_each(hear);
            }
            for _ in 0..fits {
                seq_of(queue.recv().await);
            }
            let Some(Command::Gap { rooms }) = queue.recv().await else {
                panic!("no gap")
            };
            assert_eq!(rooms, (missed.len() <= ROOMS).then_some(missed));
        }
    }
}
