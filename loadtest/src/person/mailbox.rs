//! What a client says, until it is acknowledged.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Person;
use super::sayings::{Message, Sayings};
use crate::ledger::ClientEvent;

/// Messages that may wait for their `ack` before nothing new is said.
const UNACKED: usize = 5;

/// So many times as often writes who writes at length: who does not read is to be behind
/// before the system gives them up as one who is gone.
const MORE_AT_LENGTH: u32 = 3;

/// How long an answer is waited for on a connection that lives.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// A message that waits for its `ack`.
#[derive(Debug)]
struct Waiting {
    message: Message,
    /// When it is sent, or sent again.
    due: Instant,
    sends: u32,
    /// It was sent, and told to wait.
    is_put_off: bool,
    /// Later ones of its session wait until it is stored.
    goes_first: bool,
}

/// One time in so many that a client would say something it ends a reply.
const CANCELS_ONE_IN: u32 = 8;

/// One time in so many it is shown typing first, for this long.
const TYPES_ONE_IN: u32 = 4;
const TYPES_FOR: Duration = Duration::from_secs(2);

/// Its own questions that a client remembers, to end their replies.
const REMEMBERED: usize = 3;

/// What a client sends.
#[derive(Debug)]
pub(super) enum Letter {
    Message(Message),
    /// It types in that room.
    Typing(String),
    /// The wish that the reply `message`, or the one to it, ends.
    Cancel {
        id: String,
        message: String,
    },
}

impl Letter {
    pub(super) fn frame(&self, at_length: bool) -> Value {
        match self {
            Self::Message(message) => message.frame(at_length),
            Self::Typing(room) => {
                json!({"action": "typing", "data": {"room": room, "is_typing": true}})
            }
            Self::Cancel { id, message } => {
                json!({"action": "cancel", "id": id, "data": {"message_id": message}})
            }
        }
    }

    /// What is written down of it; nothing of what nobody answers.
    pub(super) fn sent(&self) -> Option<ClientEvent> {
        match self {
            Self::Message(message) => Some(message.sent()),
            Self::Typing(_) => None,
            Self::Cancel { id, message } => Some(ClientEvent::Cancelling {
                id: id.clone(),
                message: message.clone(),
            }),
        }
    }
}

/// What a client says, until it is acknowledged.
#[derive(Debug)]
pub(super) struct Mailbox {
    sayings: Sayings,
    pace: Duration,
    speaks_at: Instant,
    has_typed: bool,
    unacked: VecDeque<Waiting>,
    /// Its latest questions, by the server's ids.
    asked: VecDeque<String>,
    cancels: u32,
    /// Wishes that wait for an answer on the connection that is open.
    cancelling: BTreeSet<String>,
}

impl Mailbox {
    pub(super) fn new(person: &Person, dice: &mut StdRng) -> Self {
        Self {
            sayings: Sayings::new(person.clone()),
            pace: person.pace,
            speaks_at: Instant::now() + person.pace.mul_f64(dice.random()),
            has_typed: false,
            unacked: VecDeque::new(),
            asked: VecDeque::new(),
            cancels: 0,
            cancelling: BTreeSet::new(),
        }
    }

    /// How much waits for its answer.
    pub(super) fn unacked(&self) -> usize {
        self.unacked.len() + self.cancelling.len()
    }

    /// When something is to be sent.
    pub(super) fn due(&self, is_quiet: bool) -> Option<Instant> {
        let again = self.free().filter_map(|at| Some(self.unacked.get(at)?.due));
        let new = (!is_quiet && self.unacked.len() < UNACKED).then_some(self.speaks_at);
        again.chain(new).min()
    }

    /// What is to be sent now, if anything is: the oldest first. `running` are
    /// replies that the client sees being made. Who writes at length writes more often,
    /// too.
    pub(super) fn next(
        &mut self,
        running: &[String],
        at_length: bool,
        dice: &mut StdRng,
    ) -> Option<Letter> {
        let now = Instant::now();
        if let Some(message) = self.send_due(now) {
            return Some(Letter::Message(message));
        }
        if self.speaks_at > now {
            return None;
        }
        self.has_typed = !self.has_typed && dice.random_ratio(1, TYPES_ONE_IN);
        if self.has_typed {
            self.speaks_at = now + TYPES_FOR;
            return Some(Letter::Typing(self.sayings.some_room(dice)));
        }
        let pace = self.pace / if at_length { MORE_AT_LENGTH } else { 1 };
        self.speaks_at = now + pace.mul_f64(dice.random_range(0.5..1.5));
        if dice.random_ratio(1, CANCELS_ONE_IN)
            && let Some(cancel) = self.cancel(running, dice)
        {
            return Some(cancel);
        }
        let message = self.sayings.next(dice);
        self.say(message, now);
        self.send_due(now).map(Letter::Message)
    }

    fn cancel(&mut self, running: &[String], dice: &mut StdRng) -> Option<Letter> {
        let message = running.iter().chain(&self.asked).choose(dice)?.clone();
        self.cancels += 1;
        let id = format!("cancel-{}", self.cancels);
        self.cancelling.insert(id.clone());
        Some(Letter::Cancel { id, message })
    }

    fn say(&mut self, message: Message, now: Instant) {
        self.unacked.push_back(Waiting {
            message,
            due: now,
            sends: 0,
            is_put_off: false,
            goes_first: false,
        });
    }

    fn send_due(&mut self, now: Instant) -> Option<Message> {
        let is_due = |at: &usize| self.unacked.get(*at).is_some_and(|one| one.due <= now);
        let at = self.free().find(is_due)?;
        let waiting = self.unacked.get_mut(at)?;
        waiting.due = now + ANSWERED_WITHIN;
        waiting.sends += 1;
        waiting.is_put_off = false;
        Some(waiting.message.clone())
    }

    /// Those that need not let an earlier one of their session go first.
    fn free(&self) -> impl Iterator<Item = usize> {
        let mut held_back = BTreeSet::new();
        let free = self.unacked.iter().enumerate().filter(move |(_, waiting)| {
            let session = &waiting.message.session;
            let is_free = !held_back.contains(session);
            if waiting.goes_first {
                held_back.insert(session);
            }
            is_free
        });
        free.map(|(at, _)| at)
    }

    /// On a new connection everything is sent at once that was not answered, but
    /// for wishes that replies end.
    pub(super) fn send_all_again(&mut self) {
        self.cancelling.clear();
        let now = Instant::now();
        let unanswered = self.unacked.iter_mut().filter(|one| !one.is_put_off);
        for waiting in unanswered {
            waiting.due = now;
        }
    }

    /// The `ack` of a message, which is `message_id` to the server, or of a wish.
    pub(super) fn on_ack(&mut self, id: &Value, room: &Value, message_id: &Value) {
        self.cancelling.retain(|wish| *id != wish.as_str());
        let is_acked = |Waiting { message, .. }: &Waiting| {
            *id == message.id.as_str() && *room == message.room.as_str()
        };
        if let Some(at) = self.unacked.iter().position(is_acked)
            && let Some(Waiting { message, sends, .. }) = self.unacked.remove(at)
        {
            if sends == 1 {
                self.sayings.is_free(&message);
            }
            if message.ai {
                self.asked.extend(message_id.as_str().map(str::to_owned));
                let forgotten = self.asked.len().saturating_sub(REMEMBERED);
                self.asked.drain(..forgotten);
            }
        }
    }

    /// Refused: again when the server says, if it may be; where the server is
    /// overloaded what else was to be said in that session comes after it.
    pub(super) fn on_error(&mut self, error: &Value) {
        let id = &error["id"];
        self.cancelling.retain(|wish| *id != wish.as_str());
        let is_meant = |waiting: &Waiting| *id == waiting.message.id.as_str();
        let Some(at) = self.unacked.iter().position(is_meant) else {
            return;
        };
        if error["canRetry"] != true || error["code"] == "conflict" {
            // Whoever wants no answer while another is made does not wait.
            self.unacked.remove(at);
        } else if let Some(waiting) = self.unacked.get_mut(at) {
            let after = error["retry_after_ms"].as_u64().unwrap_or(1_000);
            waiting.due = Instant::now() + Duration::from_millis(after);
            waiting.is_put_off = true;
            waiting.goes_first |= error["code"] == "overloaded";
        }
    }
}

#[cfg(test)]
mod tests;
