//! Whether a record is the next one of its room: a pure state machine.
//!
//! Loss on the way from the bus is found here, and only here: a hole in `seq`,
//! a hole in the deltas of a reply, an event of a life not heard of before.
//! What it takes to mend it is one atomic read of the room.

use std::collections::{BTreeMap, VecDeque};

use causerie_shared::bus::log::RunningReply;
use causerie_shared::ids::MessageId;
use causerie_shared::position::{Epoch, Position};
use causerie_shared::protocol::event::Event;
use causerie_shared::record::{Class, Header, Record, ReplyPart};
use causerie_shared::sabotage::Protection;

use super::give_back::give_back;
use super::text::Running;
use ended::Ended;

mod ended;

/// How many lives that have ended are remembered, as on the bus.
const PAST_LIVES: usize = 4;

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next one: deliver it.
    Deliver,
    /// It was delivered before, or is of something that is over: drop it.
    Stale,
    /// Something before it is missing: read the room, then judge it again.
    Repair(Hole),
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Durable events.
    Events,
    /// The beginning of a new life.
    Life,
    /// Deltas, or the beginning of a reply.
    Reply,
    /// Anything: the feed lost its place.
    Feed,
    /// The last event, after which none came.
    Head,
}

impl Hole {
    /// All kinds.
    pub(crate) const ALL: [Self; 5] = [
        Self::Events,
        Self::Life,
        Self::Reply,
        Self::Feed,
        Self::Head,
    ];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Life => "life",
            Self::Reply => "reply",
            Self::Feed => "feed",
            Self::Head => "head",
        }
    }
}

/// How far a room is delivered.
#[derive(Debug)]
pub(super) struct Order {
    head: Position,
    past: VecDeque<Epoch>,
    replies: BTreeMap<MessageId, Running>,
    ended: Ended,
    /// Replies heard of but not known, before a read was sent, and their highest
    /// attempt: if that does not find them running, they are over up to that one.
    doubtful: BTreeMap<MessageId, u32>,
    /// Whether a life has begun since running replies were last read.
    is_new_life: bool,
}

impl Order {
    /// A room that was just read.
    pub(super) fn new(head: Position) -> Self {
        Self {
            head,
            past: VecDeque::new(),
            replies: BTreeMap::new(),
            ended: Ended::default(),
            doubtful: BTreeMap::new(),
            is_new_life: false,
        }
    }

    /// The last durable event that was delivered.
    pub(super) fn head(&self) -> &Position {
        &self.head
    }

    /// The replies now being made.
    pub(super) fn replies(&self) -> impl Iterator<Item = (&MessageId, &Running)> {
        self.replies.iter()
    }

    /// The reply of that id, if it is being made.
    pub(super) fn reply(&self, message_id: &MessageId) -> Option<&Running> {
        self.replies.get(message_id)
    }

    /// Judges a live record, and notes it if it is the next one.
    pub(super) fn take(&mut self, record: &Record) -> Verdict {
        let header = &record.header;
        match (header.class, &header.reply) {
            (Class::Durable, _) => self.take_durable(header),
            (Class::Final, _) => {
                let verdict = self.take_durable(header);
                self.note_end(header);
                verdict
            }
            (Class::Transient, Some(reply)) => self.take_transient(reply, header),
            (Class::Transient | Class::Start | Class::Delta, None) => Verdict::Deliver,
            (Class::Start, Some(reply)) => self.take_start(reply, record),
            (Class::Delta, Some(reply)) => self.take_delta(reply, record),
        }
    }

    /// Judges a record that was heard before the room was read. What the log
    /// keeps is published with it: so that was in the read, or the log does not
    /// have it, and will not.
    pub(super) fn take_after_read(&mut self, record: &Record) -> Verdict {
        match record.header.class {
            Class::Durable | Class::Final | Class::Delta => Verdict::Stale,
            // Of an attempt that the read does not show a replaced master told.
            Class::Start if !self.is_of_a_running_attempt(record) => Verdict::Stale,
            Class::Start | Class::Transient => match self.take(record) {
                Verdict::Deliver => Verdict::Deliver,
                Verdict::Stale | Verdict::Repair(_) => Verdict::Stale,
            },
        }
    }

    fn is_of_a_running_attempt(&self, record: &Record) -> bool {
        record.header.reply.as_ref().is_none_or(|reply| {
            let known = self.replies.get(&reply.message_id);
            known.is_some_and(|known| known.attempt == reply.attempt)
        })
    }

    /// Whether the log is known up to `position`.
    pub(super) fn has(&self, position: &Position) -> bool {
        self.has_in_this_life(position) || self.past.contains(&position.epoch)
    }

    fn has_in_this_life(&self, position: &Position) -> bool {
        position.epoch == self.head.epoch && position.seq <= self.head.seq
    }

    /// Moves on to a durable event that was read. Whether with it a new life
    /// begins.
    pub(super) fn advance(&mut self, position: &Position) -> bool {
        let is_new_life = position.epoch != self.head.epoch;
        if is_new_life {
            let past = std::mem::replace(&mut self.head.epoch, position.epoch.clone());
            remember(&mut self.past, past, PAST_LIVES);
            self.is_new_life = true;
        }
        self.head.seq = position.seq;
        is_new_life
    }

    /// Takes over the replies that a read found running, and returns those of
    /// which the text differs from what was delivered.
    pub(super) fn adopt(&mut self, running: &[RunningReply]) -> Vec<MessageId> {
        let is_running = |id: &MessageId| running.iter().any(|reply| reply.message_id == *id);
        // Over as far as it was heard. Where the bus has lost that it ran, it will again.
        let known = self.replies.iter().map(|(id, known)| (id, known.attempt));
        let doubtful = self.doubtful.iter().map(|(id, attempt)| (id, *attempt));
        for (message_id, attempt) in known.chain(doubtful).filter(|(id, _)| !is_running(id)) {
            self.ended.note(message_id, attempt, false);
        }
        self.replies.retain(|id, _| is_running(id));
        self.doubtful = BTreeMap::new();
        // The end of one that runs was lost with the tail of a life.
        self.ended.forget(is_running);
        // Of a life that ended the bus may have lost the end of a text, and
        // even who was making it: what follows then need not fit what was
        // delivered, even where its numbers do.
        let goes_back = std::mem::take(&mut self.is_new_life);
        let mut changed = Vec::new();
        for reply in running {
            let known = self.replies.get(&reply.message_id);
            let at = (reply.attempt, reply.index + 1);
            let differs = |known: &Running| {
                let known = (known.attempt, known.next);
                known < at || goes_back && known != at
            };
            if known.is_none_or(differs) {
                self.replies
                    .insert(reply.message_id.clone(), Running::of(reply));
                changed.push(reply.message_id.clone());
            }
        }
        give_back(&mut self.replies);
        changed
    }

    /// Notes that a reply is over, if this is its end and the log has it. Of one that
    /// was told in a life before nobody knows that: it may be lost with the tail, and
    /// the reply runs again.
    pub(super) fn note_end(&mut self, header: &Header) {
        if let (Class::Final, Some(reply), Some(position)) =
            (header.class, &header.reply, &header.position)
            && self.has_in_this_life(position)
        {
            let known = self.replies.remove(&reply.message_id);
            give_back(&mut self.replies);
            let attempt = known.map_or(reply.attempt, |known| known.attempt.max(reply.attempt));
            self.ended.note(&reply.message_id, attempt, true);
        }
    }

    /// Notes, before a read, that `record` was heard.
    pub(super) fn doubt(&mut self, record: &Record) {
        if let Some(reply) = self.unknown_reply(record) {
            let attempt = self.doubtful.entry(reply.message_id.clone()).or_default();
            *attempt = reply.attempt.max(*attempt);
        }
    }

    /// The part of a reply that `record` is, if nothing is known of it.
    pub(super) fn unknown_reply<'a>(&self, record: &'a Record) -> Option<&'a ReplyPart> {
        let goes_on = matches!(record.header.class, Class::Start | Class::Delta);
        let reply = record.header.reply.as_ref().filter(|_| goes_on)?;
        let is_known = self.replies.contains_key(&reply.message_id) || self.ended.has(reply);
        (!is_known).then_some(reply)
    }

    /// Forgets all replies: the log lost its place, and theirs with it. It may have lost
    /// ends that were told, too.
    pub(super) fn forget_replies(&mut self) {
        self.replies = BTreeMap::new();
        self.ended.doubt_all();
    }

    fn take_durable(&mut self, header: &Header) -> Verdict {
        let Some(position) = &header.position else {
            return Verdict::Stale;
        };
        if self.has(position) {
            Verdict::Stale
        } else if position.epoch != self.head.epoch {
            Verdict::Repair(Hole::Life)
        } else if position.seq != self.head.seq + 1 {
            Verdict::Repair(Hole::Events)
        } else {
            self.head.seq = position.seq;
            Verdict::Deliver
        }
    }

    /// Nothing of a reply follows its `message` but `ai_processing_end`.
    fn take_transient(&self, reply: &ReplyPart, header: &Header) -> Verdict {
        let follows = header.event == Event::AiProcessingEnd.name();
        if self.ended.has(reply) && !follows {
            Verdict::Stale
        } else {
            Verdict::Deliver
        }
    }

    fn take_start(&mut self, reply: &ReplyPart, record: &Record) -> Verdict {
        if self.ended.has(reply) {
            return Verdict::Stale;
        }
        match self.replies.get_mut(&reply.message_id) {
            Some(known) if reply.attempt > known.attempt => {
                known.restart(reply.attempt);
                Verdict::Deliver
            }
            // An attempt may be announced by more than one event.
            Some(known) if reply.attempt == known.attempt && known.next == 0 => Verdict::Deliver,
            Some(_) => Verdict::Stale,
            None => match Running::begun_by(record) {
                Some(running) => {
                    self.replies.insert(reply.message_id.clone(), running);
                    Verdict::Deliver
                }
                None => Verdict::Repair(Hole::Reply),
            },
        }
    }

    fn take_delta(&mut self, reply: &ReplyPart, record: &Record) -> Verdict {
        if self.ended.has(reply) {
            return Verdict::Stale;
        }
        let Some(known) = self.replies.get_mut(&reply.message_id) else {
            return Verdict::Repair(Hole::Reply);
        };
        if reply.attempt > known.attempt && reply.index == 0 {
            known.restart(reply.attempt);
        }
        if (reply.attempt, reply.index) < (known.attempt, known.next) {
            if Protection::DeltaIndex.is_missing() {
                return Verdict::Deliver;
            }
            Verdict::Stale
        } else if (reply.attempt, reply.index) == (known.attempt, known.next)
            && known.append(record)
        {
            Verdict::Deliver
        } else {
            Verdict::Repair(Hole::Reply)
        }
    }
}

fn remember<T>(list: &mut VecDeque<T>, item: T, len: usize) {
    if list.len() == len {
        list.pop_front();
    }
    list.push_back(item);
}

#[cfg(test)]
mod tests;
