//! What brokers do: claiming questions, and making their replies.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::generation::{Generation, Running, State};
use super::part::Part;
use crate::bus::reply::{
    Appended, Beat, Claim, ClaimId, Delta, Ending, Finished, Lease, RunningLease, Takeover,
};
use crate::ids::{MessageId, TenantId};
use crate::record::Record;
use crate::sabotage::Protection;

impl Part {
    pub(super) fn claim(&mut self, tenant: &TenantId, claim: &ClaimId) -> Option<Claim> {
        if let Some(id) = self.claimed_by(claim) {
            let running = self.generations.get_mut(&id)?.running_mut()?;
            // Who asks again lives, and may have learned only now that it has got it.
            running.beats = running.beats.max(1);
            return self.claim_of(&id);
        }
        let runnable = self.runnable.get_mut(tenant)?;
        let id = runnable.pop_front();
        if runnable.is_empty() {
            self.runnable.remove(tenant);
        }
        let id = id?;
        let generation = self.generations.get_mut(&id)?;
        let State::Queued(queued) = &generation.state else {
            return None;
        };
        let running = Running::first(queued.task.clone(), claim.clone(), self.now_ms);
        generation.state = State::Running(Box::new(running));
        let running = self.running.entry(generation.room.clone()).or_default();
        running.push(id.clone());
        self.claim_of(&id)
    }

    /// The running reply that was claimed or taken over with `claim`.
    fn claimed_by(&self, claim: &ClaimId) -> Option<MessageId> {
        let mut running = self.running.values().flatten();
        let is_claimed = |id: &&MessageId| {
            let running = self.generations.get(*id).and_then(Generation::running);
            running.is_some_and(|running| running.claim == *claim)
        };
        running.find(is_claimed).cloned()
    }

    /// What the holder of the lease needs to know.
    fn claim_of(&self, id: &MessageId) -> Option<Claim> {
        let generation = self.generations.get(id)?;
        let running = generation.running()?;
        let key = (generation.room.clone(), generation.session.clone());
        let session = self.sessions.get(&key)?;
        Some(Claim {
            lease: generation.lease(id)?.lease,
            begun: running.attempt,
            in_reply_to: generation.question.clone(),
            session: generation.session.clone(),
            user: generation.user.clone(),
            task: running.task.clone(),
            turns: session.turns.iter().cloned().collect(),
            is_first: !session.was_answered,
            cancelled: running.is_cancelled,
            waited_ms: running.claimed_ms.saturating_sub(generation.accepted_ms),
            more_wait: self.runnable.contains_key(&generation.room.tenant),
        })
    }

    pub(super) fn take_over(&mut self, seen: &RunningLease, claim: &ClaimId) -> Takeover {
        let id = &seen.lease.message_id;
        let now_ms = self.now_ms;
        let Some(running) = self.running_in(&seen.lease) else {
            return Takeover::Refused;
        };
        if running.claim != *claim {
            let is_as_seen = running.claim == seen.lease.claim
                && running.attempt == seen.lease.attempt
                && running.beats == seen.beats;
            if !is_as_seen {
                return Takeover::Refused;
            }
            running.begin_again(claim.clone(), now_ms);
        }
        match self.claim_of(id) {
            Some(claim) => Takeover::Taken(Box::new(claim)),
            None => Takeover::Refused,
        }
    }

    pub(super) fn beat(&mut self, lease: &Lease, count: u64) -> Beat {
        match self.held(lease) {
            Some(running) => {
                running.beats = running.beats.max(count);
                Beat::Held {
                    cancelled: running.is_cancelled,
                }
            }
            None => Beat::Fenced,
        }
    }

    pub(super) fn announce(&mut self, lease: &Lease, records: &[Record]) -> Beat {
        let Some(running) = self.held(lease) else {
            return Beat::Fenced;
        };
        let cancelled = running.is_cancelled;
        self.publish_all(lease, records);
        Beat::Held { cancelled }
    }

    pub(super) fn append_delta(&mut self, lease: &Lease, delta: &Delta) -> Appended {
        let Some(running) = self.held(lease) else {
            return Appended::Fenced;
        };
        let cancelled = running.is_cancelled;
        if delta.index > running.next {
            return Appended::Behind { next: running.next };
        }
        if delta.index == running.next {
            running.next += 1;
            running.text.push_str(&delta.text);
            self.publish(&lease.room, &Arc::new(delta.record.clone()));
        }
        Appended::Done { cancelled }
    }

    pub(super) fn finish(&mut self, lease: &Lease, ending: &Ending) -> Finished {
        if self.was_ended_under(lease) {
            return Finished::Done;
        }
        let Some(running) = self.held(lease) else {
            return Finished::Fenced;
        };
        if running.is_cancelled && !ending.says_cancelled {
            return Finished::Cancelled;
        }
        let is_deleted = running.is_deleted;
        let id = &lease.message_id;
        self.publish_all(lease, &ending.before);
        let position = self.append(&lease.room, &ending.message);
        self.publish_all(lease, &ending.after);
        self.leave_running(lease);
        self.end(id, Some(lease), position.seq);
        // `ending.dead_letter` is kept nowhere: dead letters are for an
        // operator to find later, and here nothing outlives the process. The
        // broker has logged it.
        // What is deleted is not to come back into the context.
        let turn = ending.turn.clone().filter(|_| !is_deleted);
        self.go_on_after(lease, turn);
        Finished::Done
    }

    /// Keeps the turn, and lets the session's next question go.
    fn go_on_after(&mut self, lease: &Lease, turn: Option<Bytes>) {
        let Some(generation) = self.generations.get(&lease.message_id) else {
            return;
        };
        let key = (lease.room.clone(), generation.session.clone());
        let (max_turns, max_bytes) = (self.retention.max_turns, self.retention.max_turn_bytes);
        if let Some(session) = self.sessions.get_mut(&key) {
            session.was_answered = true;
            session.turns.extend(turn);
            let bytes = |turns: &VecDeque<Bytes>| turns.iter().map(Bytes::len).sum::<usize>();
            while session.turns.len() as u64 > max_turns
                || session.turns.len() > 1 && bytes(&session.turns) as u64 > max_bytes
            {
                session.turns.pop_front();
            }
        }
        self.leave_queue(&key, &lease.message_id);
        self.let_go(&key);
    }

    fn leave_running(&mut self, lease: &Lease) {
        if let Some(running) = self.running.get_mut(&lease.room) {
            running.retain(|id| *id != lease.message_id);
            if running.is_empty() {
                self.running.remove(&lease.room);
            }
        }
    }

    fn publish_all(&self, lease: &Lease, records: &[Record]) {
        for record in records {
            self.publish(&lease.room, &Arc::new(record.clone()));
        }
    }

    /// The reply, if `lease` still holds.
    fn held(&mut self, lease: &Lease) -> Option<&mut Running> {
        self.running_in(lease).filter(|running| {
            running.attempt == lease.attempt && running.claim == lease.claim
                || Protection::Fencing.is_missing()
        })
    }

    /// The reply that `lease` is for, if it runs, whoever holds it.
    fn running_in(&mut self, lease: &Lease) -> Option<&mut Running> {
        let generation = self.generations.get_mut(&lease.message_id)?;
        if generation.room != lease.room {
            return None;
        }
        generation.running_mut()
    }

    fn was_ended_under(&self, lease: &Lease) -> bool {
        let Some(generation) = self.generations.get(&lease.message_id) else {
            return false;
        };
        match &generation.state {
            State::Done(done) => {
                generation.room == lease.room
                    && done.attempt == lease.attempt
                    && done.claim.as_ref() == Some(&lease.claim)
            }
            State::Queued(_) | State::Running(_) => false,
        }
    }
}
