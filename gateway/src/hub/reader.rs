//! What takes time, done for a shard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::Bus;
use causerie_shared::bus::log::Look;
use causerie_shared::bus::subscription::Subscriptions;
use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::opening::Opener;
use super::room::Need;
use super::shard::{Command, PAGE};
use crate::events;

/// Does for a shard what takes time, and tells it the outcome through its own
/// queue: so the shard never waits.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) bus: Arc<dyn Bus>,
    /// What is to be read, by partition, and by how many reads did not help.
    pub(super) gathered: BTreeMap<(usize, u32), Vec<Look>>,
    pub(super) subscriptions: Arc<dyn Subscriptions>,
    pub(super) opener: Opener,
    pub(super) shard: mpsc::WeakSender<Command>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Reader {
    pub(super) fn meet(&mut self, room: RoomKey, need: Need) {
        match need {
            Need::Open(after) => self.open(room, after),
            Need::Read { after, tries } => self.gather(room, after, tries),
            Need::Close => self.close(room),
        }
    }

    fn open(&self, room: RoomKey, after: Option<Position>) {
        let opener = self.opener.clone();
        self.spawn(async move {
            let look = Look {
                room: room.clone(),
                after,
            };
            let page = opener.open(look).await;
            if let Err(error) = &page {
                events::read_failed(&room, error);
            }
            vec![Command::Opened { room, page }]
        });
    }

    /// Notes that a room is to be read, with others of its partition for which that
    /// is found at the same time: after a gap that is all of them.
    fn gather(&mut self, room: RoomKey, after: Position, tries: u32) {
        let place = (room.partition().index(), tries);
        let look = Look {
            room,
            after: Some(after),
        };
        self.gathered.entry(place).or_default().push(look);
    }

    /// Reads what is gathered, each partition by itself: one that lies on a node that
    /// hangs holds up no other.
    pub(super) fn read_gathered(&mut self) {
        for ((_, tries), looks) in std::mem::take(&mut self.gathered) {
            let bus = Arc::clone(&self.bus);
            self.spawn(async move {
                sleep(backoff(tries)).await;
                read_all(&*bus, looks).await
            });
        }
    }

    fn close(&self, room: RoomKey) {
        let subscriptions = Arc::clone(&self.subscriptions);
        self.spawn(async move {
            if let Err(error) = subscriptions.unsubscribe(&room).await {
                events::unsubscribe_failed(&room, &error);
            }
            vec![Command::Unsubscribed { room }]
        });
    }

    fn spawn(&self, work: impl Future<Output = Vec<Command>> + Send + 'static) {
        let (shard, stop) = (self.shard.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let Some(outcomes) = stop.run_until_cancelled(work).await else {
                return;
            };
            for outcome in outcomes {
                if let Some(shard) = shard.upgrade() {
                    let _ = shard.send(outcome).await;
                }
            }
        });
    }
}

async fn read_all(bus: &dyn Bus, looks: Vec<Look>) -> Vec<Command> {
    let pages = bus.read_all(&looks, PAGE).await;
    let read = looks
        .into_iter()
        .zip(pages)
        .map(|(Look { room, .. }, page)| {
            if let Err(error) = &page {
                events::read_failed(&room, error);
            }
            Command::Read { room, page }
        });
    read.collect()
}

/// None before the first try, then doubling up to two seconds.
pub(super) fn backoff(tries: u32) -> Duration {
    match tries {
        0 => Duration::ZERO,
        tries => Duration::from_millis(25_u64 << tries.min(7)).min(Duration::from_secs(2)),
    }
}
