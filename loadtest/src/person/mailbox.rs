//! What a client says, until it is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::time::Instant;

use super::Person;
use super::sayings::{Message, Sayings};

/// Messages that may wait for their `ack` before nothing new is said.
const UNACKED: usize = 5;

/// How long an answer is waited for on a connection that lives.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// A message that waits for its `ack`.
#[derive(Debug)]
struct Waiting {
    message: Message,
    /// When it is sent, or sent again.
    due: Instant,
    sends: u32,
}

/// What a client says, until it is acknowledged.
#[derive(Debug)]
pub(super) struct Mailbox {
    sayings: Sayings,
    pace: Duration,
    speaks_at: Instant,
    unacked: VecDeque<Waiting>,
}

impl Mailbox {
    pub(super) fn new(person: &Person, dice: &mut StdRng) -> Self {
        Self {
            sayings: Sayings::new(person.clone()),
            pace: person.pace,
            speaks_at: Instant::now() + person.pace.mul_f64(dice.random()),
            unacked: VecDeque::new(),
        }
    }

    pub(super) fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// When something is to be sent.
    pub(super) fn due(&self, is_quiet: bool) -> Option<Instant> {
        let again = self.unacked.iter().map(|waiting| waiting.due).min();
        let new = (!is_quiet && self.unacked.len() < UNACKED).then_some(self.speaks_at);
        again.into_iter().chain(new).min()
    }

    /// What is to be sent now, if anything is: the oldest first.
    pub(super) fn next(&mut self, dice: &mut StdRng) -> Option<Message> {
        let now = Instant::now();
        if let Some(again) = self.unacked.iter_mut().find(|waiting| waiting.due <= now) {
            again.due = now + ANSWERED_WITHIN;
            again.sends += 1;
            return Some(again.message.clone());
        }
        if self.speaks_at > now {
            return None;
        }
        self.speaks_at = now + self.pace.mul_f64(dice.random_range(0.5..1.5));
        let message = self.sayings.next(dice);
        self.unacked.push_back(Waiting {
            message: message.clone(),
            due: now + ANSWERED_WITHIN,
            sends: 1,
        });
        Some(message)
    }

    /// On a new connection everything is sent at once that was not answered.
    pub(super) fn send_all_again(&mut self) {
        let now = Instant::now();
        for waiting in &mut self.unacked {
            waiting.due = now;
        }
    }

    pub(super) fn on_ack(&mut self, id: &Value, room: &Value) {
        let is_acked = |Waiting { message, .. }: &Waiting| {
            *id == message.id.as_str() && *room == message.room.as_str()
        };
        if let Some(at) = self.unacked.iter().position(is_acked)
            && let Some(Waiting { message, sends, .. }) = self.unacked.remove(at)
            && sends == 1
        {
            self.sayings.is_free(&message);
        }
    }

    /// Refused for now: again when the server says.
    pub(super) fn on_error(&mut self, error: &Value) {
        let after = error["retry_after_ms"].as_u64().unwrap_or(1_000);
        let id = &error["id"];
        let mut unacked = self.unacked.iter_mut();
        if let Some(waiting) = unacked.find(|waiting| *id == waiting.message.id.as_str()) {
            waiting.due = Instant::now() + Duration::from_millis(after);
        }
    }
}
