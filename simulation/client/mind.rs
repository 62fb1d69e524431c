//! What somebody knows, and what they do next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use causerie_loadtest::ledger::{ClientEvent, ClientNumber, IfBusy};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use tokio::time::Instant;

/// `(epoch, seq)` of each room.
pub type Positions = BTreeMap<String, (String, u64)>;

/// How long an answer to a message is waited for before it is sent again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

/// What it calls its leaving and joining of rooms.
const MOVE: &str = "move";

/// What it calls its wishes that replies end.
const CANCEL: &str = "cancel";

/// Messages that may wait for their `ack`.
const UNACKED: usize = 6;

/// How somebody lives.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The rooms that they hear, beside their own and the tenant's.
    pub rooms: Vec<String>,
    /// The longest between two things that they do.
    pub pace: Duration,
    /// The longest that they stay connected.
    pub stays: Duration,
    /// How likely they read nothing for a while, before each read.
    pub stops_reading: f64,
}

/// What somebody knows.
#[derive(Debug)]
pub struct Mind {
    number: ClientNumber,
    /// What their messages begin with: no two people say the same.
    said_as: String,
    own_room: String,
    said: u64,
    is_open: bool,
    positions: Positions,
    left: BTreeSet<String>,
    /// The rooms that it was told it is in, on the connection that is open.
    joined: BTreeSet<String>,
    /// Whether it waits for an answer to its leaving or joining a room.
    is_moving: bool,
    /// How many wishes that replies end wait for an answer.
    cancelling: usize,
    unacked: VecDeque<Message>,
    acked: Vec<Message>,
    /// Replies and questions that might be cancelled.
    cancellable: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Message {
    id: String,
    sent: ClientEvent,
    frame: Value,
    due: Instant,
}

/// What is written down of what is sent.
type Sent = Option<ClientEvent>;

impl Mind {
    pub fn new(number: ClientNumber, tenant: &str, user: &str, positions: Positions) -> Self {
        Self {
            number,
            said_as: format!("{tenant}/{user}/{number}"),
            own_room: format!("user:{user}"),
            said: 0,
            is_open: false,
            positions,
            left: BTreeSet::new(),
            joined: BTreeSet::new(),
            is_moving: false,
            cancelling: 0,
            unacked: VecDeque::new(),
            acked: Vec::new(),
            cancellable: BTreeSet::new(),
        }
    }

    /// Whether it is in all rooms that it wants to hear, and waits for nothing.
    pub fn is_at_rest(&self, wanted: &[String]) -> bool {
        let is_there = |room: &String| self.joined.contains(room) || self.left.contains(room);
        self.is_open
            && self.unacked.is_empty()
            && self.cancelling == 0
            && wanted.iter().chain(self.positions.keys()).all(is_there)
    }

    /// Where it is in the rooms that it has not left.
    pub fn positions(&self) -> Positions {
        let mut positions = self.positions.clone();
        positions.retain(|room, _| !self.left.contains(room));
        positions
    }

    /// All rooms that it ever was in.
    pub fn known_rooms(&self) -> Vec<String> {
        self.positions.keys().cloned().collect()
    }

    pub fn rooms_to_name(&self, wanted: &[String]) -> Vec<(String, Option<(String, u64)>)> {
        let placed = self.positions();
        let new = wanted
            .iter()
            .filter(|room| !self.positions.contains_key(*room))
            .map(|room| (room.clone(), None));
        let placed = placed.into_iter().map(|(room, at)| (room, Some(at)));
        placed.chain(new).collect()
    }

    pub fn on_closed(&mut self) {
        self.is_open = false;
        self.is_moving = false;
        self.cancelling = 0;
        self.joined.clear();
    }

    pub fn on_frame(&mut self, frame: &Value) {
        if frame["id"] == MOVE {
            self.is_moving = false;
        } else if frame["id"] == CANCEL {
            self.cancelling = self.cancelling.saturating_sub(1);
        }
    }

    pub fn on_event(&mut self, event: &ClientEvent, frame: &Value, now: Instant) {
        match event {
            ClientEvent::Opened => {
                self.is_open = true;
                for message in &mut self.unacked {
                    message.due = now;
                }
            }
            ClientEvent::Subscribed {
                room, epoch, seq, ..
            } => {
                self.left.remove(room);
                self.joined.insert(room.clone());
                self.positions.insert(room.clone(), (epoch.clone(), *seq));
            }
            ClientEvent::Left { room } => {
                self.left.insert(room.clone());
                self.joined.remove(room);
            }
            ClientEvent::Durable { room, event } => {
                if let Some((_, seq)) = self.positions.get_mut(room) {
                    *seq = event.seq;
                }
                self.cancellable.remove(&event.message);
            }
            ClientEvent::Acked { id, message, .. } => self.on_acked(id, message),
            ClientEvent::Refused {
                id: Some(id), code, ..
            } => {
                let after = frame["retry_after_ms"].as_u64().unwrap_or(500);
                self.on_refused(id, code, now + Duration::from_millis(after));
            }
            ClientEvent::Delta { message, .. } | ClientEvent::Snapshot { message, .. } => {
                self.cancellable.insert(message.clone());
            }
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Refused { id: None, .. }
            | ClientEvent::Restart { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. }
            | ClientEvent::Closed { .. } => {}
        }
    }

    fn on_acked(&mut self, id: &str, message: &str) {
        if let Some(at) = self.unacked.iter().position(|message| message.id == id) {
            self.acked.extend(self.unacked.remove(at));
        }
        self.cancellable.insert(message.to_owned());
    }

    fn on_refused(&mut self, id: &str, code: &str, again_at: Instant) {
        if code == "conflict" {
            self.unacked.retain(|message| message.id != id);
        }
        if let Some(message) = self.unacked.iter_mut().find(|message| message.id == id) {
            message.due = again_at;
        }
    }

    /// What to do now, if anything.
    pub fn next_action(
        &mut self,
        habits: &Habits,
        is_quiet: bool,
        now: Instant,
        dice: &mut StdRng,
    ) -> (Option<Value>, Sent) {
        if let Some(due) = self.unacked.iter_mut().find(|message| message.due <= now) {
            due.due = now + ANSWERED_WITHIN;
            return (Some(due.frame.clone()), Some(due.sent.clone()));
        }
        if is_quiet {
            return (None, None);
        }
        match dice.random_range(0..20) {
            0..=11 => self.speak(habits, now, dice),
            12 => self.say_again(now, dice),
            13 | 14 => self.cancel(dice),
            15 | 16 => self.leave_or_join(habits, dice),
            _ => (None, None),
        }
    }

    fn speak(&mut self, habits: &Habits, now: Instant, dice: &mut StdRng) -> (Option<Value>, Sent) {
        if self.unacked.len() >= UNACKED {
            return (None, None);
        }
        self.said += 1;
        let own = self.own_room.clone();
        let rooms = habits.rooms.iter().chain([&own, &own]).collect::<Vec<_>>();
        let room = rooms.choose(dice).map_or("", |room| room.as_str());
        let if_busy = match dice.random_range(0..10) {
            0 => IfBusy::Reject,
            1 => IfBusy::Interrupt,
            _ => IfBusy::Queue,
        };
        let ai = dice.random_bool(0.6);
        let id = format!("c{}-{}", self.number, self.said);
        let text = format!("{}: message {}", self.said_as, self.said);
        // All devices of somebody speak in it.
        let session = format!("{}-{}", self.own_room, room).replace(':', ".");
        let data = json!({
            "user_input": text,
            "room": room, "ai": ai, "if_busy": if_busy,
            "session_id": session,
        });
        let message = Message {
            frame: json!({"action": "sendMessage", "id": id, "data": data}),
            sent: ClientEvent::Sent {
                id: id.clone(),
                room: room.to_owned(),
                session: Some(session),
                text,
                ai,
                if_busy,
            },
            id,
            due: now,
        };
        self.unacked.push_back(message);
        let message = self.unacked.back_mut().unwrap();
        message.due = now + ANSWERED_WITHIN;
        (Some(message.frame.clone()), Some(message.sent.clone()))
    }

    /// Sends a message again that was acknowledged long ago.
    fn say_again(&mut self, now: Instant, dice: &mut StdRng) -> (Option<Value>, Sent) {
        if self.acked.is_empty() {
            return (None, None);
        }
        let at = dice.random_range(0..self.acked.len());
        let mut message = self.acked.swap_remove(at);
        message.due = now + ANSWERED_WITHIN;
        let sent = Some(message.sent.clone());
        let frame = message.frame.clone();
        self.unacked.push_back(message);
        (Some(frame), sent)
    }

    fn cancel(&mut self, dice: &mut StdRng) -> (Option<Value>, Sent) {
        let all: Vec<_> = self.cancellable.iter().cloned().collect();
        let Some(message) = all.choose(dice) else {
            return (None, None);
        };
        self.cancellable.remove(message);
        self.cancelling += 1;
        let id = CANCEL.to_owned();
        let action = json!({"action": "cancel", "id": id, "data": {"message_id": message}});
        let message = message.clone();
        (Some(action), Some(ClientEvent::Cancelling { id, message }))
    }

    /// Leaves one of its rooms, or comes back to where it was there.
    fn leave_or_join(&mut self, habits: &Habits, dice: &mut StdRng) -> (Option<Value>, Sent) {
        let Some(room) = habits.rooms.choose(dice) else {
            return (None, None);
        };
        let Some((epoch, seq)) = self.positions.get(room) else {
            return (None, None);
        };
        if std::mem::replace(&mut self.is_moving, true) {
            return (None, None);
        }
        if self.left.contains(room) {
            let data = json!({"room": room, "epoch": epoch, "seq": seq});
            let action = json!({"action": "subscribe", "id": MOVE, "data": data});
            (Some(action), None)
        } else {
            let action = json!({"action": "unsubscribe", "id": MOVE, "data": {"room": room}});
            let room = room.clone();
            (Some(action), Some(ClientEvent::Leaving { room }))
        }
    }
}
