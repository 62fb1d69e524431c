//! A task that owns some of the rooms, and does for them what takes time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::log::{Look, Page};
use causerie_shared::bus::subscription::Subscriptions;
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::MessageId;
use causerie_shared::position::Position;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::heard::HeardRooms;
use super::opening::Opener;
use super::room::{Need, Room, Waiting};
use super::{Join, Joined};
use crate::events;
use crate::outbox::OutboxId;

/// How long a room that nobody hears is kept, for those who come back.
const LINGER: Duration = Duration::from_secs(10);

/// How often rooms that nobody hears are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// How many commands are taken from the queue at once: so many events of a room
/// may go out together.
const AT_ONCE: usize = 256;

/// How many events one read brings.
pub(crate) const PAGE: usize = 128;

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A live record was heard.
    Record { room: RoomKey, record: Arc<Record> },
    /// The feed lost its place in all rooms.
    Gap,
    /// The bus says where a room's log stands.
    Head { room: RoomKey, head: Position },
    /// An outbox wants to hear a room.
    Join {
        join: Join,
        reply: oneshot::Sender<Result<Joined, BusError>>,
    },
    /// An outbox does not want to hear a room any more.
    Leave {
        room: RoomKey,
        outbox: OutboxId,
        done: oneshot::Sender<()>,
    },
    /// An outbox has room again for a reply of which it dropped text.
    Resync {
        room: RoomKey,
        outbox: OutboxId,
        message_id: MessageId,
    },
    /// A room was subscribed to and read.
    Opened {
        room: RoomKey,
        page: Result<Page, BusError>,
    },
    /// A room was read.
    Read {
        room: RoomKey,
        page: Result<Page, BusError>,
    },
    /// A room was unsubscribed from.
    Unsubscribed { room: RoomKey },
}

/// A task that owns some of the rooms.
#[derive(Debug)]
pub(super) struct Shard {
    /// Each by itself: there is one for each user, and a table is half empty.
    rooms: HashMap<RoomKey, Box<Room>>,
    /// Those for which something is gathered that is not sent yet.
    outgoing: Vec<RoomKey>,
    reader: Reader,
    heard: Arc<HeardRooms>,
}

impl Shard {
    pub(super) fn new(reader: Reader, heard: Arc<HeardRooms>) -> Self {
        Self {
            rooms: HashMap::new(),
            outgoing: Vec::new(),
            reader,
            heard,
        }
    }

    /// Carries out commands until the node stops.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut tidy = interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::with_capacity(AT_ONCE);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = tidy.tick() => self.tidy(),
                count = queue.recv_many(&mut commands, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    for command in commands.drain(..) {
                        self.on_command(command).await;
                    }
                    self.send_out().await;
                }
            }
        }
    }

    async fn on_command(&mut self, command: Command) {
        match command {
            Command::Record { room, record } => self.on_record(room, record),
            Command::Gap => self.on_gap(),
            Command::Head { room, head } => self.with(room, |known| known.on_head(&head)).await,
            Command::Join { join, reply } => self.on_join(join, reply).await,
            Command::Leave { room, outbox, done } => {
                self.with(room, |known| {
                    known.on_leave(outbox);
                    None
                })
                .await;
                let _ = done.send(());
            }
            Command::Resync {
                room,
                outbox,
                message_id,
            } => {
                self.with(room, |known| {
                    known.on_resync(outbox, &message_id);
                    None
                })
                .await;
            }
            Command::Opened { room, page } => {
                self.with(room, |known| known.on_opened(page)).await;
            }
            Command::Read { room, page } => self.with(room, |known| known.on_page(page)).await,
            Command::Unsubscribed { room } => self.with(room, Room::on_unsubscribed).await,
        }
    }

    /// Takes a live record. What is to be sent goes out with what else comes at
    /// the same time.
    fn on_record(&mut self, key: RoomKey, record: Arc<Record>) {
        let Some(room) = self.rooms.get_mut(&key) else {
            return;
        };
        let had_outgoing = room.has_outgoing();
        let need = room.on_record(record);
        if !had_outgoing && room.has_outgoing() {
            self.outgoing.push(key.clone());
        }
        if let Some(need) = need {
            self.reader.meet(key, need);
        }
    }

    async fn send_out(&mut self) {
        for key in self.outgoing.drain(..) {
            if let Some(room) = self.rooms.get_mut(&key) {
                room.send_out().await;
            }
        }
    }

    /// Lets a room that is known here act, and does what it needs then.
    async fn with(&mut self, key: RoomKey, act: impl FnOnce(&mut Room) -> Option<Need>) {
        let Some(room) = self.rooms.get_mut(&key) else {
            return;
        };
        if let Some(need) = room.act(act).await {
            self.reader.meet(key, need);
        } else if room.is_over() {
            self.forget(&key);
        }
    }

    async fn on_join(&mut self, join: Join, reply: oneshot::Sender<Result<Joined, BusError>>) {
        let key = join.room.clone();
        if !self.rooms.contains_key(&key) {
            self.heard.add(&key);
            events::room_added();
            let room = Room::new(key.clone(), self.reader.bus.clock().clone());
            self.rooms.insert(key.clone(), Box::new(room));
        }
        self.with(key, |room| room.on_join(Waiting { join, reply }))
            .await;
    }

    fn on_gap(&mut self) {
        for (key, room) in in_order(&mut self.rooms) {
            if let Some(need) = room.on_gap() {
                self.reader.meet(key.clone(), need);
            }
        }
    }

    /// Closes the rooms that nobody has heard for a while.
    fn tidy(&mut self) {
        let now = Instant::now();
        let Some(deadline) = now.checked_sub(LINGER) else {
            return;
        };
        let mut closing = Vec::new();
        for (key, room) in &mut self.rooms {
            if let Some(need) = room.close_if_empty_since(deadline, now) {
                closing.push((key.clone(), need));
            }
        }
        closing.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (key, need) in closing {
            self.reader.meet(key, need);
        }
    }

    fn forget(&mut self, key: &RoomKey) {
        self.rooms.remove(key);
        self.heard.remove(key);
        events::room_removed();
    }
}

/// The rooms by name, so that what happens to all of them happens in one order.
fn in_order(rooms: &mut HashMap<RoomKey, Box<Room>>) -> Vec<(&RoomKey, &mut Box<Room>)> {
    let mut rooms: Vec<_> = rooms.iter_mut().collect();
    rooms.sort_unstable_by_key(|(key, _)| *key);
    rooms
}

/// Does for a shard what takes time, and tells it the outcome through its own
/// queue: so the shard never waits.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) subscriptions: Arc<dyn Subscriptions>,
    pub(super) opener: Opener,
    pub(super) shard: mpsc::WeakSender<Command>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Reader {
    fn meet(&self, room: RoomKey, need: Need) {
        match need {
            Need::Open(after) => self.open(room, after),
            Need::Read { after, tries } => self.read(room, after, tries),
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
            Command::Opened { room, page }
        });
    }

    fn read(&self, room: RoomKey, after: Position, tries: u32) {
        let bus = Arc::clone(&self.bus);
        self.spawn(async move {
            sleep(backoff(tries)).await;
            let page = bus.read(&room, Some(&after), PAGE).await;
            if let Err(error) = &page {
                events::read_failed(&room, error);
            }
            Command::Read { room, page }
        });
    }

    fn close(&self, room: RoomKey) {
        let subscriptions = Arc::clone(&self.subscriptions);
        self.spawn(async move {
            if let Err(error) = subscriptions.unsubscribe(&room).await {
                events::unsubscribe_failed(&room, &error);
            }
            Command::Unsubscribed { room }
        });
    }

    fn spawn(&self, work: impl Future<Output = Command> + Send + 'static) {
        let (shard, stop) = (self.shard.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let Some(outcome) = stop.run_until_cancelled(work).await else {
                return;
            };
            if let Some(shard) = shard.upgrade() {
                let _ = shard.send(outcome).await;
            }
        });
    }
}

/// None before the first try, then doubling up to two seconds.
pub(super) fn backoff(tries: u32) -> Duration {
    match tries {
        0 => Duration::ZERO,
        tries => Duration::from_millis(25_u64 << tries.min(7)).min(Duration::from_secs(2)),
    }
}
