//! What gateways do: accepting questions, and cancelling their replies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::deleting::Said;
use super::generation::{Done, Generation, Queued, State};
use super::part::{Part, SentUnder, Session, SessionKey, millis};
use crate::bus::question::{Accepted, Awaited, Question, Receipt};
use crate::bus::reply::{Cancelled, Lease, Wake};
use crate::ids::{MessageId, TenantId};
use crate::protocol::action::IfBusy;
use crate::protocol::error::Scope;
use crate::room::RoomKey;
use crate::sabotage::Protection;

impl Part {
    pub(super) fn accept(&mut self, question: &Question) -> Accepted {
        let sent = sent(question);
        if let Some(receipt) = self.receipt(&sent) {
            return Accepted::Repeat(receipt);
        }
        if let Some(awaited) = &question.reply {
            if let Some(refusal) = self.refusal(question, awaited) {
                return refusal;
            }
            if awaited.if_busy == IfBusy::Interrupt {
                self.interrupt(&session_of(question));
            }
        }
        let position = self.append(&question.room, &question.event);
        let said = Said {
            room: question.room.clone(),
            user: Some(question.user.clone()),
            seq: position.seq,
            said_ms: self.now_ms,
        };
        self.said.insert(question.message_id.clone(), said);
        if let Some(awaited) = &question.reply {
            self.enqueue(question, awaited);
        }
        let receipt = Receipt {
            message_id: question.message_id.clone(),
            session: question.session.clone(),
            reply: question
                .reply
                .as_ref()
                .map(|awaited| awaited.message_id.clone()),
            position,
        };
        let until_ms = self.now_ms.saturating_add(millis(question.dedup_window));
        self.receipts.insert(sent, (until_ms, receipt.clone()));
        Accepted::Stored(receipt)
    }

    /// The receipt of what was stored under that id, as long as that is remembered.
    pub(super) fn receipt(&self, sent: &SentUnder) -> Option<Receipt> {
        let (until_ms, receipt) = self.receipts.get(sent)?;
        let is_known = self.now_ms < *until_ms && !Protection::Dedup.is_missing();
        is_known.then(|| receipt.clone())
    }

    /// Why nothing is to be stored, if so.
    fn refusal(&self, question: &Question, awaited: &Awaited) -> Option<Accepted> {
        let session = self.sessions.get(&session_of(question));
        let in_session = session.map_or(0, |session| session.queue.len() as u64);
        // Those that an interruption would end make room.
        let ended = match awaited.if_busy {
            IfBusy::Queue => Vec::new(),
            IfBusy::Reject if in_session > 0 => return Some(Accepted::Busy),
            IfBusy::Reject => Vec::new(),
            IfBusy::Interrupt => session.map_or_else(Vec::new, |session| self.queued(session)),
        };
        let of_user = |id: &&MessageId| {
            let generation = self.generations.get(*id);
            generation.is_some_and(|generation| generation.user == question.user)
        };
        let ended_of_user = ended.iter().filter(of_user).count() as u64;
        let ended = ended.len() as u64;

        let tenant = &question.room.tenant;
        let user = (tenant.clone(), question.user.clone());
        let for_user = self.of_user.get(&user).copied().unwrap_or(0);
        let for_tenant = self.of_tenant.get(tenant).copied().unwrap_or(0);
        let caps = &awaited.caps;
        // A session has one user's questions: its cap is one on that user.
        [
            (Scope::User, in_session - ended, caps.session),
            (Scope::User, for_user - ended_of_user, caps.user),
            (Scope::Tenant, for_tenant - ended, caps.tenant),
        ]
        .into_iter()
        .find(|(_, count, limit)| count >= limit)
        .map(|(scope, _, limit)| Accepted::Full { scope, limit })
    }

    fn enqueue(&mut self, question: &Question, awaited: &Awaited) {
        let id = &awaited.message_id;
        let room = &question.room;
        let queued = Queued {
            task: awaited.task.clone(),
            cancelled: awaited.cancelled.clone(),
        };
        let generation = Generation {
            room: room.clone(),
            session: question.session.clone(),
            user: question.user.clone(),
            question: question.message_id.clone(),
            accepted_ms: self.now_ms,
            state: State::Queued(Box::new(queued)),
        };
        self.generations.insert(id.clone(), generation);
        self.replies.insert(question.message_id.clone(), id.clone());

        let user = (room.tenant.clone(), question.user.clone());
        *self.of_user.entry(user).or_default() += 1;
        *self.of_tenant.entry(room.tenant.clone()).or_default() += 1;

        let key = session_of(question);
        let session = self.sessions.entry(key.clone()).or_default();
        session.used_ms = self.now_ms;
        session.queue.push_back(id.clone());
        if session.queue.len() == 1 || Protection::SessionOrder.is_missing() {
            self.offer(&room.tenant, id);
        }
    }

    /// Lets brokers claim the session's first reply, if one waits.
    pub(super) fn let_go(&mut self, key: &SessionKey) {
        let first = self
            .sessions
            .get(key)
            .and_then(|session| session.queue.front());
        let Some(first) = first.filter(|id| self.is_queued(id)) else {
            return;
        };
        let first = first.clone();
        self.offer(&key.0.tenant, &first);
    }

    /// Lets brokers claim a reply.
    fn offer(&mut self, tenant: &TenantId, id: &MessageId) {
        let runnable = self.runnable.entry(tenant.clone()).or_default();
        runnable.push_back(id.clone());
        self.wake(&Wake::Runnable {
            partition: self.partition,
            tenant: tenant.clone(),
        });
    }

    pub(super) fn cancel(&mut self, room: &RoomKey, reply: &MessageId) -> Cancelled {
        let Some(generation) = self.generations.get_mut(reply) else {
            return Cancelled::NotRunning;
        };
        if generation.room != *room {
            return Cancelled::NotRunning;
        }
        match &mut generation.state {
            // Cancelled before it began, perhaps by this very call.
            State::Done(done) if done.claim.is_none() => Cancelled::Finished,
            State::Done(_) => Cancelled::NotRunning,
            State::Running(running) => {
                running.is_cancelled = true;
                self.wake(&Wake::Cancelled(reply.clone()));
                Cancelled::Flagged
            }
            State::Queued(_) => {
                let key = (room.clone(), generation.session.clone());
                let was_first = self.leave_queue(&key, reply);
                self.end_queued(reply);
                if was_first {
                    self.let_go(&key);
                }
                Cancelled::Finished
            }
        }
    }

    /// Ends what waits in the session, and flags what runs.
    fn interrupt(&mut self, key: &SessionKey) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let running = session.queue.front().cloned();
        // All leave the queue first: none may be let go while the one before
        // it is ended.
        let queued = self.queued(session);
        for id in &queued {
            self.leave_queue(key, id);
        }
        for id in &queued {
            self.end_queued(id);
        }
        if let Some(running) = running {
            self.cancel(&key.0, &running);
        }
    }

    /// The session's replies that wait, in order.
    fn queued(&self, session: &Session) -> Vec<MessageId> {
        let queue = session.queue.iter();
        queue.filter(|id| self.is_queued(id)).cloned().collect()
    }

    fn is_queued(&self, id: &MessageId) -> bool {
        self.generations.get(id).is_some_and(Generation::is_queued)
    }

    /// Ends a reply that has left its queue before it was begun.
    fn end_queued(&mut self, id: &MessageId) {
        let Some(generation) = self.generations.get(id) else {
            return;
        };
        let State::Queued(queued) = &generation.state else {
            return;
        };
        let room = generation.room.clone();
        let cancelled = queued.cancelled.clone();
        let position = self.append(&room, &cancelled);
        self.end(id, None, position.seq);
    }

    /// Takes a reply out of its session's queue, and out of the brokers' hands
    /// if it could be claimed. Says whether it was the first.
    pub(super) fn leave_queue(&mut self, key: &SessionKey, id: &MessageId) -> bool {
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        session.used_ms = self.now_ms;
        let was_first = session.queue.front() == Some(id);
        session.queue.retain(|queued| queued != id);
        if was_first {
            self.take_runnable(&key.0.tenant, id);
        }
        was_first
    }

    /// Takes a reply out of the brokers' hands.
    fn take_runnable(&mut self, tenant: &TenantId, id: &MessageId) {
        if let Some(runnable) = self.runnable.get_mut(tenant) {
            runnable.retain(|waiting| waiting != id);
            if runnable.is_empty() {
                self.runnable.remove(tenant);
            }
        }
    }

    /// Keeps of a reply that has ended, under this lease if it was ever begun,
    /// only what answers repeats.
    pub(super) fn end(&mut self, id: &MessageId, lease: Option<&Lease>, seq: u64) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.state = State::Done(Done {
            attempt: lease.map_or(0, |lease| lease.attempt),
            claim: lease.map(|lease| lease.claim.clone()),
            seq,
            ended_ms: self.now_ms,
        });
        let tenant = generation.room.tenant.clone();
        count_down(&mut self.of_user, (tenant.clone(), generation.user.clone()));
        count_down(&mut self.of_tenant, tenant);
    }
}

/// By what the question's receipt is remembered.
pub(super) fn sent(question: &Question) -> SentUnder {
    SentUnder {
        room: question.room.clone(),
        user: question.user.clone(),
        client_id: question.client_id.clone(),
    }
}

fn session_of(question: &Question) -> SessionKey {
    (question.room.clone(), question.session.clone())
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, u64>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}
