//! What a client says, until it is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Person;
use crate::ledger::ClientNumber;

/// Messages that may wait for their `ack` before nothing new is said.
const UNACKED: usize = 5;

/// How long an answer is waited for on a connection that lives.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The client's own id of it.
    pub(super) id: String,
    pub(super) room: String,
    pub(super) ai: bool,
    pub(super) text: String,
    /// When it is sent, or sent again.
    due: Instant,
}

impl Message {
    pub(super) fn frame(&self) -> Value {
        json!({"action": "sendMessage", "id": self.id, "data": {
            "user_input": self.text, "room": self.room, "ai": self.ai,
            "session_id": format!("s-{}", self.room.replace(':', "-")),
        }})
    }
}

/// What a client says, until it is acknowledged.
#[derive(Debug)]
pub(super) struct Mailbox {
    owner: ClientNumber,
    pace: Duration,
    said: u64,
    speaks_at: Instant,
    unacked: VecDeque<Message>,
}

impl Mailbox {
    pub(super) fn new(owner: ClientNumber, pace: Duration, dice: &mut StdRng) -> Self {
        Self {
            owner,
            pace,
            said: 0,
            speaks_at: Instant::now() + pace.mul_f64(dice.random()),
            unacked: VecDeque::new(),
        }
    }

    pub(super) fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// When something is to be sent.
    pub(super) fn due(&self, is_quiet: bool) -> Option<Instant> {
        let again = self.unacked.iter().map(|message| message.due).min();
        let new = (!is_quiet && self.unacked.len() < UNACKED).then_some(self.speaks_at);
        again.into_iter().chain(new).min()
    }

    /// What is to be sent now, if anything is: the oldest first.
    pub(super) fn next(&mut self, person: &Person, dice: &mut StdRng) -> Option<Message> {
        let now = Instant::now();
        if let Some(again) = self.unacked.iter_mut().find(|message| message.due <= now) {
            again.due = now + ANSWERED_WITHIN;
            return Some(again.clone());
        }
        if self.speaks_at > now {
            return None;
        }
        self.speaks_at = now + self.pace.mul_f64(dice.random_range(0.5..1.5));
        self.said += 1;
        let number = self.said;
        let own = "user:me".to_owned();
        let at = dice.random_range(0..person.rooms.len() * 2 + 1);
        let message = Message {
            id: format!("c{}-{number}", self.owner),
            // Half of the time in a room of one's own.
            room: person.rooms.get(at).cloned().unwrap_or(own),
            ai: dice.random_bool(0.7),
            // No two messages of a run say the same: so one that is stored
            // twice is seen.
            text: format!(
                "{}/{}/{}: message {number}",
                person.tenant, person.user, self.owner
            ),
            due: now + ANSWERED_WITHIN,
        };
        self.unacked.push_back(message.clone());
        Some(message)
    }

    /// On a new connection everything is sent at once that was not answered.
    pub(super) fn send_all_again(&mut self) {
        let now = Instant::now();
        for message in &mut self.unacked {
            message.due = now;
        }
    }

    pub(super) fn on_ack(&mut self, id: &Value) {
        self.unacked.retain(|message| *id != message.id.as_str());
    }

    /// Refused for now: again when the server says.
    pub(super) fn on_error(&mut self, error: &Value) {
        let after = error["retry_after_ms"].as_u64().unwrap_or(1_000);
        let id = &error["id"];
        if let Some(message) = self.unacked.iter_mut().find(|m| *id == m.id.as_str()) {
            message.due = Instant::now() + Duration::from_millis(after);
        }
    }
}
