//! A task that owns some of the rooms.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::record::Record;
use causerie_shared::room::RoomKey;
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::heard::HeardRooms;
use super::reader::Reader;
use super::room::{Need, Room, Waiting};
use super::shards::QUEUE;
use super::{Join, Joined};
use crate::events;
pub(crate) use command::Command;
use tidying::{Tidying, note_age};

mod command;
mod tidying;

/// How often rooms that nobody hears are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// How many commands are taken together, from the queue or of those that wait for a
/// room, before what comes of them is sent.
const COMMANDS_A_TURN: usize = 256;

/// How many rooms the table is kept ready for, however few there are.
const FEW_ROOMS: usize = 1_024;

/// How many commands may wait for rooms in which much is still to be sent, over all of
/// a shard: as many as its queue holds. Past that it takes none, of other rooms either,
/// until some of that is sent.
const WAITING: usize = QUEUE;

/// How many events one read brings.
pub(crate) const PAGE: usize = 128;

/// A task that owns some of the rooms.
#[derive(Debug)]
pub(super) struct Shard {
    /// Each by itself: there is one for each user, and a table is half empty.
    rooms: HashMap<RoomKey, Box<Room>>,
    /// Those for which something is gathered that not all have yet, or into which a
    /// crowd comes, each once.
    outgoing: VecDeque<RoomKey>,
    /// Those that have something to let go of in time.
    aging: BTreeSet<RoomKey>,
    /// As long as these are looked through: which was the last.
    tidying: Option<Tidying>,
    /// What waits until a room has sent what it had gathered: in order, but for records,
    /// which pass people who come and go (`gather_more`). Each of these rooms is among
    /// the `outgoing` ones.
    waiting: BTreeMap<RoomKey, VecDeque<Command>>,
    /// Whether so much waits that nothing is taken from the queue.
    is_full: bool,
    /// How many members of a room get something in one turn.
    turn: usize,
    reader: Reader,
    heard: Arc<HeardRooms>,
}

impl Shard {
    pub(super) fn new(reader: Reader, heard: Arc<HeardRooms>, turn: usize) -> Self {
        Self {
            rooms: HashMap::new(),
            outgoing: VecDeque::new(),
            aging: BTreeSet::new(),
            tidying: None,
            waiting: BTreeMap::new(),
            is_full: false,
            turn,
            reader,
            heard,
        }
    }

    /// Carries out commands until the node stops.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut tidy = interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::with_capacity(COMMANDS_A_TURN);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = tidy.tick() => self.begin_tidying(),
                is_open = self.receive(&mut queue, &mut commands) => {
                    if !is_open {
                        return;
                    }
                    for command in commands.drain(..) {
                        self.on_command(command).await;
                    }
                    self.proceed_everywhere().await;
                    self.tidy_some().await;
                    self.reader.read_gathered();
                }
            }
        }
    }

    /// Takes the next commands: those that are there, or waits for some where
    /// nothing else is to be done. Whether there may be more.
    async fn receive(
        &mut self,
        queue: &mut mpsc::Receiver<Command>,
        commands: &mut Vec<Command>,
    ) -> bool {
        let receiving = queue.recv_many(commands, COMMANDS_A_TURN);
        if self.outgoing.is_empty() && self.tidying.is_none() {
            return receiving.await > 0;
        }
        let was_full = self.is_full;
        self.is_full = self.waiting() >= WAITING;
        if !self.is_full {
            receiving.now_or_never();
        } else if !was_full {
            events::shard_full();
        }
        true
    }

    /// How many commands wait for rooms in which much is still to be sent.
    fn waiting(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// Carries out a command, unless it has to wait for its room. To send something
    /// to a crowd takes long: it is done in turns, and other rooms have theirs. Where
    /// something waits, what comes later waits behind it, so that what is sent comes to
    /// an end.
    async fn on_command(&mut self, command: Command) {
        let has_to_wait = |room: &&RoomKey| {
            self.waiting.contains_key(*room) || !command.is_record() && self.is_busy(room)
        };
        match command.room().filter(has_to_wait).cloned() {
            Some(room) => self.waiting.entry(room).or_default().push_back(command),
            None => self.carry_out(command).await,
        }
    }

    async fn carry_out(&mut self, command: Command) {
        match command {
            Command::Record { room, record } => self.on_record(room, record),
            Command::Gap { rooms } => self.on_gap(rooms),
            Command::Head { room, head } => self.with(room, |known| known.on_head(head)).await,
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
        let need = room.on_record(record);
        line_up(&mut self.outgoing, &mut self.waiting, &key, room);
        note_age(&mut self.aging, &key, room);
        if let Some(need) = need {
            self.reader.meet(key, need);
        }
    }

    /// Gives each room that has something to do its turn.
    async fn proceed_everywhere(&mut self) {
        for _ in 0..self.outgoing.len() {
            let Some(key) = self.outgoing.pop_front() else {
                return;
            };
            if let Some(room) = self.rooms.get_mut(&key) {
                room.is_lined_up = false;
                if let Some(need) = room.proceed().await {
                    self.reader.meet(key.clone(), need);
                }
                line_up(&mut self.outgoing, &mut self.waiting, &key, room);
                note_age(&mut self.aging, &key, room);
            }
            self.carry_out_waiting(key).await;
        }
    }

    /// Carries out what waits for a room until something has to wait again, or others
    /// should have their turn.
    async fn carry_out_waiting(&mut self, key: RoomKey) {
        let Some(mut waiting) = self.waiting.remove(&key) else {
            return;
        };
        let was_busy = self.is_busy(&key);
        for _ in 0..COMMANDS_A_TURN {
            let room = self.rooms.get(&key);
            let is_possible = |next: &Command| room.is_none_or(|room| next.is_possible_in(room));
            if !waiting.front().is_some_and(is_possible) {
                break;
            }
            if let Some(command) = waiting.pop_front() {
                self.carry_out(command).await;
            }
        }
        if !was_busy && self.is_busy(&key) {
            self.gather_more(&key, &mut waiting).await;
        }
        let room = self.rooms.get_mut(&key);
        if waiting.is_empty() && room.as_ref().is_none_or(|room| room.takes_records()) {
            return;
        }
        if room.is_none_or(|room| !std::mem::replace(&mut room.is_lined_up, true)) {
            self.outgoing.push_back(key.clone());
        }
        self.waiting.insert(key, waiting);
    }

    /// Adds to what a crowd is sent next the records that wait behind people who come and
    /// go, as if these had come later: they wait for all of it in any case. Were less
    /// sent at once the more people come and go, the crowd would fall behind for ever.
    async fn gather_more(&mut self, key: &RoomKey, waiting: &mut VecDeque<Command>) {
        let mut left = COMMANDS_A_TURN;
        for command in std::mem::take(waiting) {
            let room = self.rooms.get(key).filter(|_| left > 0);
            let is_possible = room.is_some_and(|room| command.is_possible_in(room));
            if is_possible && command.is_record() {
                left -= 1;
                self.carry_out(command).await;
            } else {
                if !command.lets_records_pass() {
                    left = 0;
                }
                waiting.push_back(command);
            }
        }
    }

    fn is_busy(&self, room: &RoomKey) -> bool {
        self.rooms.get(room).is_some_and(|room| room.is_busy())
    }

    /// Lets a room that is known here act, and does what it needs then.
    async fn with(&mut self, key: RoomKey, act: impl FnOnce(&mut Room) -> Option<Need>) {
        let Some(room) = self.rooms.get_mut(&key) else {
            return;
        };
        let need = room.act(act).await;
        line_up(&mut self.outgoing, &mut self.waiting, &key, room);
        note_age(&mut self.aging, &key, room);
        if let Some(need) = need {
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
            let room = Room::new(key.clone(), self.reader.bus.clock().clone(), self.turn);
            self.rooms.insert(key.clone(), Box::new(room));
        }
        self.with(key, |room| room.on_join(Waiting { join, reply }))
            .await;
    }

    fn on_gap(&mut self, rooms: Option<BTreeSet<RoomKey>>) {
        let rooms = rooms.unwrap_or_else(|| self.rooms.keys().cloned().collect());
        for key in rooms {
            // What was heard before it and waits is in what is read now, or an old
            // master told what the log does not have. Typing and the like
            // are in neither: nobody misses them. Replies that run are read as well.
            if let Some(waiting) = self.waiting.get_mut(&key) {
                waiting.retain(|command| !command.is_record());
            }
            if let Some(need) = self.rooms.get_mut(&key).and_then(|room| room.on_gap()) {
                self.reader.meet(key, need);
            }
        }
    }

    fn forget(&mut self, key: &RoomKey) {
        self.rooms.remove(key);
        self.aging.remove(key);
        self.heard.remove(key);
        events::room_removed();
        // What a crowd made it grow to is given back.
        if self.rooms.len().max(FEW_ROOMS) < self.rooms.capacity() / 8 {
            self.rooms.shrink_to(2 * self.rooms.len());
        }
    }
}

/// Notes that a room has something to do, where that is not noted yet, and whether
/// what is heard of it has to wait.
fn line_up(
    outgoing: &mut VecDeque<RoomKey>,
    waiting: &mut BTreeMap<RoomKey, VecDeque<Command>>,
    key: &RoomKey,
    room: &mut Room,
) {
    if !room.takes_records() {
        waiting.entry(key.clone()).or_default();
    }
    if room.has_to_proceed() && !room.is_lined_up {
        room.is_lined_up = true;
        outgoing.push_back(key.clone());
    }
}

#[cfg(test)]
mod tests;
