//! A reply, from the question to its end.

use bytes::Bytes;

use crate::bus::log::RunningReply;
use crate::bus::reply::{ClaimId, Lease, RunningLease};
use crate::ids::{MessageId, SessionId, UserId};
use crate::record::Unplaced;
use crate::room::RoomKey;

/// One reply: waiting, being made, or made.
pub(super) struct Generation {
    pub(super) room: RoomKey,
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) question: MessageId,
    pub(super) accepted_ms: u64,
    pub(super) state: State,
}

pub(super) enum State {
    Queued(Box<Queued>),
    Running(Box<Running>),
    Done(Done),
}

pub(super) struct Queued {
    pub(super) task: Bytes,
    /// The `message` that ends it if it is cancelled before it begins.
    pub(super) cancelled: Unplaced,
}

pub(super) struct Running {
    pub(super) task: Bytes,
    pub(super) attempt: u32,
    pub(super) claim: ClaimId,
    pub(super) claimed_ms: u64,
    pub(super) beats: u64,
    pub(super) is_cancelled: bool,
    /// Whether the question was deleted.
    pub(super) is_deleted: bool,
    /// The index of the next delta.
    pub(super) next: u64,
    pub(super) text: String,
}

/// What is left of a reply that has ended: its text is in the log.
pub(super) struct Done {
    /// The attempt that ended it, and its claim; 0 where none was begun.
    pub(super) attempt: u32,
    pub(super) claim: Option<ClaimId>,
    /// The place of its `message` in the log.
    pub(super) seq: u64,
    pub(super) ended_ms: u64,
}

impl Generation {
    pub(super) fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Running(running) => Some(running),
            State::Queued(_) | State::Done(_) => None,
        }
    }

    pub(super) fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.state {
            State::Running(running) => Some(running),
            State::Queued(_) | State::Done(_) => None,
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued(_))
    }

    /// The reply as far as it is made.
    pub(super) fn as_far_as_made(&self, id: &MessageId) -> RunningReply {
        let (attempt, index, text) = match &self.state {
            State::Queued(_) => (0, -1, String::new()),
            State::Running(running) => (running.attempt, running.index(), running.text.clone()),
            State::Done(done) => (done.attempt, -1, String::new()),
        };
        RunningReply {
            message_id: id.clone(),
            session: self.session.clone(),
            in_reply_to: self.question.clone(),
            attempt,
            index,
            text,
        }
    }

    pub(super) fn lease(&self, id: &MessageId) -> Option<RunningLease> {
        let running = self.running()?;
        let lease = Lease {
            room: self.room.clone(),
            message_id: id.clone(),
            attempt: running.attempt,
            claim: running.claim.clone(),
        };
        let beats = running.beats;
        Some(RunningLease { lease, beats })
    }
}

impl Running {
    pub(super) fn first(task: Bytes, claim: ClaimId, now_ms: u64) -> Self {
        Self {
            task,
            attempt: 1,
            claim,
            claimed_ms: now_ms,
            beats: 0,
            is_cancelled: false,
            is_deleted: false,
            next: 0,
            text: String::new(),
        }
    }

    /// Begins the next attempt, of another broker.
    pub(super) fn begin_again(&mut self, claim: ClaimId, now_ms: u64) {
        *self = Self {
            attempt: self.attempt + 1,
            is_cancelled: self.is_cancelled,
            is_deleted: self.is_deleted,
            ..Self::first(self.task.clone(), claim, now_ms)
        };
    }

    fn index(&self) -> i64 {
        i64::try_from(self.next).unwrap_or(i64::MAX) - 1
    }
}
