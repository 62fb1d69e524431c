//! What one partition holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::allowing::Counts;
use super::auditing::Audits;
use super::deleting::Said;
use super::generation::{Generation, State};
use super::hearing::Wakes;
use super::keys::Keys;
use super::log::Log;
use super::node::AllNodes;
use super::presence::Presence;
use crate::bus::Retention;
use crate::bus::log::{History, HistoryRange, Missed, Page};
use crate::bus::question::Receipt;
use crate::bus::reply::{ReplyState, ReplyStatus, RunningLease, Wake};
use crate::bus::subscription::Ear;
use crate::ids::{MessageId, SessionId, TenantId, UserId};
use crate::position::Position;
use crate::protocol::action::ClientId;
use crate::record::{Class, Record, Unplaced};
use crate::room::{Partition, RoomKey};

/// How often a partition lets go of what is too old, at the least.
const SWEEP_EVERY_MS: u64 = 60_000;
/// How long it is remembered which rooms changed.
const CHANGES_KEPT_MS: u64 = 120_000;

/// All that the bus holds of the rooms of one partition.
pub(super) struct Part {
    pub(super) partition: Partition,
    pub(super) retention: Arc<Retention>,
    pub(super) now_ms: u64,
    sweep_every_ms: u64,
    next_sweep_ms: u64,
    wakes: Arc<Wakes>,

    /// Each by itself: there is one for each user, and a table is half empty.
    rooms: HashMap<RoomKey, Box<Room>>,
    /// The rooms that changed, by when they did so last.
    changes: BTreeMap<u64, BTreeSet<RoomKey>>,
    /// What was sent under an id of the sender's own, and until when that is remembered.
    pub(super) receipts: HashMap<SentUnder, (u64, Receipt)>,
    /// The same of what servers published.
    pub(super) posted: HashMap<(RoomKey, ClientId), (u64, Option<Position>)>,

    /// What people have said.
    pub(super) said: HashMap<MessageId, Said>,
    pub(super) generations: HashMap<MessageId, Generation>,
    /// The replies, by their questions.
    pub(super) replies: HashMap<MessageId, MessageId>,
    pub(super) sessions: HashMap<SessionKey, Session>,
    /// The replies now being made.
    pub(super) running: BTreeMap<RoomKey, Vec<MessageId>>,
    /// The replies that could be claimed now, of each tenant in order.
    pub(super) runnable: BTreeMap<TenantId, VecDeque<MessageId>>,
    /// How many replies wait or run.
    pub(super) of_user: HashMap<(TenantId, UserId), u64>,
    pub(super) of_tenant: HashMap<TenantId, u64>,
    /// Whoever is counted.
    pub(super) counts: HashMap<String, Counts>,

    /// Until when the tokens of users are revoked.
    pub(super) revocations: BTreeMap<(TenantId, UserId), u64>,

    pub(super) presence: Presence,

    pub(super) keys: Keys,
    pub(super) audits: Audits,
    pub(super) nodes: AllNodes,
}

/// A room's log, and who hears it: one ear for each gateway of the process.
struct Room {
    log: Log,
    hearers: SmallVec<[Arc<dyn Ear>; 1]>,
}

pub(super) type SessionKey = (RoomKey, SessionId);

/// What names a message once and for all.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct SentUnder {
    pub(super) room: RoomKey,
    pub(super) user: UserId,
    pub(super) client_id: ClientId,
}

/// One conversation with the AI.
#[derive(Default)]
pub(super) struct Session {
    /// Its replies that have not ended: the first runs or could be claimed.
    pub(super) queue: VecDeque<MessageId>,
    pub(super) turns: VecDeque<Bytes>,
    pub(super) was_answered: bool,
    pub(super) used_ms: u64,
}

impl Room {
    fn remove_hearer(&mut self, ear: &Arc<dyn Ear>) {
        self.hearers.retain(|hearer| !Arc::ptr_eq(hearer, ear));
    }
}

impl Part {
    pub(super) fn new(
        partition: Partition,
        retention: Arc<Retention>,
        wakes: Arc<Wakes>,
        now_ms: u64,
    ) -> Self {
        let sweep_every_ms = SWEEP_EVERY_MS.min(millis(retention.max_age) / 4);
        // In turn, so that not all partitions are swept in one go.
        let turn = partition.index() as u64;
        let next_sweep_ms = now_ms + sweep_every_ms * turn / u64::from(Partition::COUNT);
        Self {
            partition,
            retention,
            now_ms,
            sweep_every_ms,
            next_sweep_ms,
            wakes,
            rooms: HashMap::new(),
            changes: BTreeMap::new(),
            receipts: HashMap::new(),
            posted: HashMap::new(),
            said: HashMap::new(),
            generations: HashMap::new(),
            replies: HashMap::new(),
            sessions: HashMap::new(),
            running: BTreeMap::new(),
            runnable: BTreeMap::new(),
            of_user: HashMap::new(),
            of_tenant: HashMap::new(),
            counts: HashMap::new(),
            revocations: BTreeMap::new(),
            presence: Presence::default(),
            keys: Keys::default(),
            audits: Audits::default(),
            nodes: AllNodes::default(),
        }
    }

    /// Says what time it is, before anything else is asked.
    pub(super) fn arrive_at(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if now_ms >= self.next_sweep_ms {
            self.next_sweep_ms = now_ms + self.sweep_every_ms;
            self.sweep();
        }
    }

    fn room(&mut self, room: &RoomKey) -> &mut Room {
        let now_ms = self.now_ms;
        let room = self.rooms.entry(room.clone());
        room.or_insert_with(|| {
            Box::new(Room {
                log: Log::new(now_ms),
                hearers: SmallVec::new(),
            })
        })
    }

    // Logs.

    pub(super) fn log(&mut self, room: &RoomKey) -> &mut Log {
        &mut self.room(room).log
    }

    pub(super) fn append(&mut self, room: &RoomKey, event: &Unplaced) -> Position {
        let retention = self.retention.clone();
        let oldest_ms = self.oldest_ms();
        let now_ms = self.now_ms;
        let log = self.log(room);
        let changed_before_ms = log.changed_ms();
        let record = log.append(event, now_ms);
        log.trim(&retention, oldest_ms);
        let head = log.head();
        self.note_change(room, changed_before_ms);
        self.publish(room, &record);
        head
    }

    pub(super) fn publish(&self, room: &RoomKey, record: &Arc<Record>) {
        let hearers = self.rooms.get(room).map(|room| &room.hearers);
        for ear in hearers.into_iter().flatten() {
            ear.on_record(room.clone(), Arc::clone(record));
        }
    }

    pub(super) fn read(&mut self, room: &RoomKey, after: Option<&Position>, limit: usize) -> Page {
        let retention = self.retention.clone();
        let log = self.log(room);
        let missed = match after {
            Some(after) => log.missed(after, limit, &retention),
            None => Missed::Records(Vec::new()),
        };
        let head = log.head();
        let running = self.running.get(room).into_iter().flatten();
        let running = running
            .filter_map(|id| Some(self.generations.get(id)?.as_far_as_made(id)))
            .collect();
        Page {
            lives: vec![head.epoch.clone()],
            head,
            missed,
            running,
        }
    }

    pub(super) fn history(&mut self, room: &RoomKey, range: HistoryRange, limit: usize) -> History {
        let page_bytes = self.retention.page_bytes;
        self.log(room).history(range, limit, page_bytes)
    }

    fn note_change(&mut self, room: &RoomKey, changed_before_ms: u64) {
        if let Some(before) = self.changes.get_mut(&changed_before_ms) {
            before.remove(room);
        }
        let now = self.changes.entry(self.now_ms).or_default();
        now.insert(room.clone());
    }

    pub(super) fn changed_since(&self, since_ms: u64) -> Vec<(RoomKey, Position)> {
        let rooms = self.changes.range(since_ms..).flat_map(|(_, rooms)| rooms);
        rooms
            .filter_map(|room| Some((room.clone(), self.rooms.get(room)?.log.head())))
            .collect()
    }

    // Hearers.

    pub(super) fn add_hearer(&mut self, room: &RoomKey, ear: &Arc<dyn Ear>) {
        let hearers = &mut self.room(room).hearers;
        if !hearers.iter().any(|hearer| Arc::ptr_eq(hearer, ear)) {
            hearers.push(Arc::clone(ear));
        }
    }

    pub(super) fn remove_hearer(&mut self, room: &RoomKey, ear: &Arc<dyn Ear>) {
        if let Some(room) = self.rooms.get_mut(room) {
            room.remove_hearer(ear);
        }
    }

    /// The same in all rooms.
    pub(super) fn remove_ear(&mut self, ear: &Arc<dyn Ear>) {
        for room in self.rooms.values_mut() {
            room.remove_hearer(ear);
        }
    }

    // Replies.

    pub(super) fn reply(&self, message_id: &MessageId) -> Option<ReplyStatus> {
        let id = self.replies.get(message_id).unwrap_or(message_id);
        let generation = self.generations.get(id)?;
        let state = match &generation.state {
            State::Queued(_) => ReplyState::Queued,
            State::Running(_) => ReplyState::Running,
            State::Done(done) => {
                let room = self.rooms.get(&generation.room);
                let message = room.and_then(|room| room.log.get(done.seq));
                // What was deleted is no end of it any more.
                let message = message.filter(|record| record.header.class == Class::Final);
                let message = message.map(|record| (**record).clone());
                ReplyState::Done { message }
            }
        };
        Some(ReplyStatus {
            room: generation.room.clone(),
            reply: generation.as_far_as_made(id),
            state,
        })
    }

    pub(super) fn leases(&self) -> Vec<RunningLease> {
        let running = self.running.values().flatten();
        running
            .filter_map(|id| self.generations.get(id)?.lease(id))
            .collect()
    }

    pub(super) fn tenants_waiting(&self) -> Vec<TenantId> {
        self.runnable.keys().cloned().collect()
    }

    pub(super) fn replies_waiting(&self) -> u64 {
        let running: usize = self.running.values().map(Vec::len).sum();
        self.of_tenant.values().sum::<u64>() - running as u64
    }

    /// How long ago the oldest was accepted of the questions that are next in their
    /// tenants' lines.
    pub(super) fn oldest_waits(&self) -> Duration {
        let next = self.runnable.values().filter_map(VecDeque::front);
        let next = next.filter_map(|id| self.generations.get(id));
        let accepted_ms = next.map(|generation| generation.accepted_ms).min();
        let waited_ms = self
            .now_ms
            .saturating_sub(accepted_ms.unwrap_or(self.now_ms));
        Duration::from_millis(waited_ms)
    }

    pub(super) fn wake(&self, wake: &Wake) {
        self.wakes.wake(wake);
    }

    // Letting go.

    fn oldest_ms(&self) -> u64 {
        self.now_ms.saturating_sub(millis(self.retention.max_age))
    }

    fn sweep(&mut self) {
        let oldest_ms = self.oldest_ms();
        let now_ms = self.now_ms;
        self.receipts.retain(|_, (until_ms, _)| now_ms < *until_ms);
        self.posted.retain(|_, (until_ms, _)| now_ms < *until_ms);
        self.said.retain(|_, said| said.said_ms >= oldest_ms);
        self.generations
            .retain(|_, generation| match &generation.state {
                State::Queued(_) | State::Running(_) => true,
                State::Done(done) => done.ended_ms >= oldest_ms,
            });
        self.replies
            .retain(|_, reply| self.generations.contains_key(reply));
        self.sessions
            .retain(|_, session| !session.queue.is_empty() || session.used_ms >= oldest_ms);
        let kept = self.now_ms.saturating_sub(CHANGES_KEPT_MS);
        self.changes = self.changes.split_off(&kept);
        self.counts.retain(|_, counts| !counts.is_over(now_ms));
        self.sweep_audits();
        self.sweep_nodes();
        self.presence.sweep(now_ms);
        self.sweep_logs(oldest_ms);
    }

    /// A room's log goes as a whole, and its epoch with it, once nobody writes
    /// to it, waits in it or hears it.
    fn sweep_logs(&mut self, oldest_ms: u64) {
        let in_use: HashSet<&RoomKey> = self
            .sessions
            .iter()
            .filter(|(_, session)| !session.queue.is_empty())
            .map(|((room, _), _)| room)
            .collect();
        self.rooms.retain(|key, room| {
            room.log.trim(&self.retention, oldest_ms);
            let is_young = room.log.changed_ms() >= oldest_ms;
            is_young || !room.hearers.is_empty() || in_use.contains(key)
        });
    }

    /// How many things are held, of whatever kind.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let events: usize = self.rooms.values().map(|room| room.log.len()).sum();
        let changes: usize = self.changes.values().map(BTreeSet::len).sum();
        let turns = self.sessions.values().map(|session| session.turns.len());
        [
            self.rooms.len() + events,
            self.changes.len() + changes,
            self.receipts.len() + self.posted.len() + self.replies.len() + self.counts.len(),
            self.said.len() + self.generations.len() + self.running.len() + self.runnable.len(),
            self.sessions.len() + turns.sum::<usize>(),
            self.of_user.len() + self.of_tenant.len(),
            self.audits.size(),
            self.nodes.size(),
            self.presence.size(),
        ]
        .into_iter()
        .sum()
    }

    #[cfg(test)]
    pub(super) fn is_heard(&self, room: &RoomKey) -> bool {
        self.rooms
            .get(room)
            .is_some_and(|room| !room.hearers.is_empty())
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
