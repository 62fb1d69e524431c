//! Rooms, and who hears them on this node.
//!
//! A room has one shard, a task that owns its state: who is in it, how far its
//! log is delivered, the replies now being made, and a tail of recent events.
//! So there is one order within it, and a join, its missed events and the live
//! ones after them are one step: no hole and no double.
//!
//! - `order`: whether a record is the next one (a pure state machine)
//! - `text`: the texts of running replies, and snapshots of them
//! - `tail`: recent events, from which most recoveries are served
//! - `audience`: who hears a room; gathers what is for all, and sends it
//! - `sending`: what is on its way to all of them, and how many have it
//! - `room`: one room: delivers, joins, and says what it must read
//! - `shard`: the task that owns rooms
//! - `reader`: reads for it
//! - `shards`: the queues of all of them
//! - `opening`: begins to hear and reads rooms, many at once where many come
//! - `viewer`: what somebody sees of a room
//! - [`membership`]: the rooms of one outbox
//! - `give_back`: memory of what is empty

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::RoomKey;
use tokio::runtime::Handle;
use tokio::sync::{SetOnce, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::changes;
use crate::events;
use crate::feed::Feed;
use crate::outbox::{Outbox, OutboxId};
use crate::recovery;
use crate::settings::Settings;
use heard::HeardRooms;
use opening::Opener;
use reader::{Reader, backoff};
use shard::{Command, Shard};
use shards::Shards;
pub(crate) use viewer::Sight;
pub use viewer::{Live, Viewer};

mod audience;
mod give_back;
pub(crate) mod heard;
mod held;
mod members;
pub mod membership;
mod opening;
pub(crate) mod order;
mod reader;
mod room;
pub(crate) mod sending;
pub(crate) mod shard;
pub(crate) mod shards;
mod tail;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod viewer;

/// A wish to hear a room.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) room: RoomKey,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) viewer: Viewer,
    pub(crate) start: Start,
    /// Set once `subscribed` was sent.
    pub(crate) told: Arc<SetOnce<()>>,
}

impl Join {
    /// The position from which to go on; none for the head.
    pub(crate) fn position(&self) -> Option<Position> {
        match &self.start {
            Start::Head { .. } => None,
            Start::Asked(position) | Start::Reached { position, .. } => Some(position.clone()),
        }
    }
}

/// From where a room's stream goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// The head. `recovered` is what `subscribed` says.
    Head { recovered: bool },
    /// A position that the client named.
    Asked(Position),
    /// A position to which the bus brought the client, after `subscribed` was
    /// sent; whether the log ended there.
    Reached { position: Position, is_head: bool },
}

impl Start {
    pub(crate) fn asked(position: Option<Position>) -> Self {
        position.map_or(Self::Head { recovered: true }, Self::Asked)
    }
}

/// What became of a join.
#[derive(Debug)]
pub(crate) enum Joined {
    /// The outbox is a member: `subscribed` and all that was missed wait in it.
    Member,
    /// What was missed must be read from the bus first.
    Behind,
}

/// Why a room was not joined.
#[derive(Debug, thiserror::Error)]
pub enum NotJoined {
    /// The room cannot be read now.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Nobody wants it any more: the room was left or joined anew meanwhile, or
    /// the connection or the node has ended.
    #[error("the wish to join is over")]
    Over,
}

/// The rooms that are heard on this node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bus: Arc<dyn Bus>,
    shards: Shards,
    runtime: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Hub {
    /// Starts the shards and the feed.
    pub(crate) fn start(
        bus: Arc<dyn Bus>,
        settings: &Settings,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (shards, queues) = Shards::new(settings.shards);
        let subscriptions = bus.subscriptions(Arc::new(Feed::new(shards.clone())));
        let heard = Arc::new(HeardRooms::default());
        let opener = Opener::start(Arc::clone(&bus), Arc::clone(&subscriptions), tasks);
        for (commands, queue) in shards.queues().iter().zip(queues) {
            let reader = Reader {
                bus: Arc::clone(&bus),
                gathered: BTreeMap::new(),
                subscriptions: Arc::clone(&subscriptions),
                opener: opener.clone(),
                shard: commands.downgrade(),
                tasks: tasks.clone(),
                stop: stop.clone(),
            };
            let shard = Shard::new(reader, Arc::clone(&heard), settings.turn);
            tasks.spawn(shard.run(queue, stop.clone()));
        }
        let hub = Self(Arc::new(Shared {
            bus: Arc::clone(&bus),
            shards,
            runtime: Handle::current(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        }));
        tasks.spawn(changes::watch(hub.clone(), heard, stop.clone()));
        hub
    }

    /// Makes an outbox a member of a room, once it has what it missed. After
    /// `subscribed` was sent there is no way back: then it goes on from where
    /// it is as soon as the bus answers again, or is sent to come back.
    pub(crate) async fn join(&self, mut join: Join) -> Result<(), NotJoined> {
        let mut tries = 0;
        while !join.outbox.is_closed() {
            let start = join.start.clone();
            match self.try_join(&mut join).await {
                Ok(Joined::Member) => return Ok(()),
                Ok(Joined::Behind) if join.start != start => tries = 0,
                // The shard has heard of what the bus does not give yet.
                Ok(Joined::Behind) => {
                    tries += 1;
                    sleep(backoff(tries)).await;
                }
                Err(NotJoined::Bus(error)) if join.told.initialized() => {
                    events::read_failed(&join.room, &error);
                    match error {
                        BusError::Unavailable(_) => {
                            tries += 1;
                            sleep(backoff(tries)).await;
                        }
                        BusError::Unreadable(_) => join.outbox.close(CloseCode::LostPlace),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(NotJoined::Over)
    }

    /// One step: the outbox is a member, or a page nearer to it. Its shard is asked
    /// only where it may be that there is nothing more to be read.
    async fn try_join(&self, join: &mut Join) -> Result<Joined, NotJoined> {
        if matches!(join.start, Start::Reached { is_head: false, .. }) {
            recovery::catch_up(&*self.0.bus, join).await?;
            return Ok(Joined::Behind);
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Join {
            join: join.clone(),
            reply,
        };
        self.send(&join.room, command).await;
        // No answer: the outbox has been closed, or the node stops.
        let joined = answer.await.map_err(|_| NotJoined::Over)??;
        match joined {
            Joined::Member => {}
            Joined::Behind => recovery::catch_up(&*self.0.bus, join).await?,
        }
        Ok(joined)
    }

    /// Ends an outbox's membership of `room`: when it returns, no more is put
    /// in.
    pub(crate) async fn leave(&self, room: RoomKey, outbox: OutboxId) {
        let (done, left) = oneshot::channel();
        let command = Command::Leave {
            room: room.clone(),
            outbox,
            done,
        };
        self.send(&room, command).await;
        // An error means that the node is stopping.
        let _ = left.await;
    }

    /// Leaves `rooms`, from where one cannot wait.
    pub(crate) fn leave_soon(&self, rooms: Vec<RoomKey>, outbox: OutboxId) {
        if rooms.is_empty() {
            return;
        }
        let hub = self.clone();
        self.0.runtime.spawn(async move {
            for room in rooms {
                hub.leave(room, outbox).await;
            }
        });
    }

    /// Sends snapshots of the replies of which an outbox dropped text.
    pub(crate) async fn resync(&self, outbox: OutboxId, lagging: Vec<(RoomKey, MessageId)>) {
        for (room, message_id) in lagging {
            let command = Command::Resync {
                room: room.clone(),
                outbox,
                message_id,
            };
            self.send(&room, command).await;
        }
    }

    /// The same, from where one cannot wait.
    pub(crate) fn resync_soon(&self, outbox: OutboxId, lagging: Vec<(RoomKey, MessageId)>) {
        let hub = self.clone();
        self.0
            .runtime
            .spawn(async move { hub.resync(outbox, lagging).await });
    }

    /// Hands `command` to the shard of `room`. Where the node is stopping it
    /// is dropped.
    pub(crate) async fn send(&self, room: &RoomKey, command: Command) {
        self.0.shards.send(room, command).await;
    }

    /// Runs a task that the node waits for when it stops.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.tasks.spawn(task)
    }

    /// What an outbox wants of a room, until it is cancelled or the node stops.
    pub(crate) fn new_wish(&self) -> CancellationToken {
        self.0.stop.child_token()
    }

    pub(crate) fn bus(&self) -> &dyn Bus {
        &*self.0.bus
    }
}

#[cfg(test)]
mod tests;
