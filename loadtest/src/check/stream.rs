//! What one client saw, in the order in which it came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::logs::Logs;
use super::places::Places;
use super::replies::{Piece, Replies, Shown};
use super::sends::is_for_good;
use super::{Broken, Finder, Verdict, Who};
use crate::ledger::{ClientEvent, Durable};

/// One client, across all its connections.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) who: Arc<Who>,
    /// The rooms that it wants to hear, until it leaves one.
    wanted: Vec<String>,
    is_open: bool,
    rooms: BTreeMap<String, Room>,
    /// Messages that wait for their `ack`, by id and room, and when they were
    /// first sent.
    unacked: BTreeMap<(String, String), u64>,
    /// Events of lives that it was not told of.
    strange: Vec<Strange>,
    ended_at: u64,
}

/// An event of a life that a client was not told of.
#[derive(Debug)]
struct Strange {
    at: u64,
    room: String,
    epoch: String,
    seq: u64,
    /// The life that it was told of last.
    told: String,
}

/// One room as the client knows it.
#[derive(Debug, Default)]
struct Room {
    /// Whether it was joined on the connection that is open.
    is_joined: bool,
    epoch: String,
    former: BTreeSet<String>,
    seq: u64,
    replies: Replies,
    is_typing: bool,
    /// It wants to leave.
    is_leaving: bool,
    /// It does not hear the room any more.
    is_left: bool,
}

impl Stream {
    pub(super) fn new(who: Who, wanted: Vec<String>) -> Self {
        Self {
            who: Arc::new(who),
            wanted,
            is_open: false,
            rooms: BTreeMap::new(),
            unacked: BTreeMap::new(),
            strange: Vec::new(),
            ended_at: 0,
        }
    }

    pub(super) fn on_event(&mut self, at: u64, event: ClientEvent, verdict: &mut Verdict) {
        self.ended_at = at;
        let mut finder = Finder {
            verdict,
            at,
            who: Arc::clone(&self.who),
            room: None,
        };
        match event {
            ClientEvent::GoesOn { room, epoch, seq } => {
                let known = Room {
                    epoch,
                    seq,
                    ..Room::default()
                };
                self.rooms.insert(room, known);
            }
            ClientEvent::Leaving { room } => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    known.is_leaving = true;
                }
            }
            ClientEvent::Left { room } => {
                finder.room = Some(room.clone());
                let known = self.rooms.get_mut(&room);
                if !known.is_some_and(|known| known.on_left(at, &self.who)) {
                    finder.broken(Broken::WrongPlace, "was taken out of it");
                }
            }
            ClientEvent::Unreadable { reason } => finder.broken(Broken::Unreadable, reason),
            ClientEvent::Refused {
                id: Some(refused),
                code,
                can_retry,
            } if is_for_good(&code, can_retry) => {
                self.unacked.retain(|(id, _), _| *id != refused);
            }
            ClientEvent::Named { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::NotLetIn { .. } => {}
            ClientEvent::Opened => self.is_open = true,
            ClientEvent::Closed { .. } => self.on_closed(),
            ClientEvent::Sent { id, room, .. } => {
                self.unacked.entry((id, room)).or_insert(at);
            }
            ClientEvent::Acked { id, room, .. } => {
                self.unacked.remove(&(id, room));
            }
            ClientEvent::Subscribed {
                room,
                epoch,
                seq,
                recovered,
            } => {
                let known = self.rooms.entry(room.clone());
                let known = known.or_insert_with(|| Room {
                    seq,
                    ..Room::default()
                });
                if recovered && known.seq != seq {
                    let says = format!("{room} goes on from {seq}, it was at {}", known.seq);
                    finder.broken(Broken::WrongPlace, says);
                }
                known.on_subscribed(at, &self.who, (epoch, seq, recovered));
            }
            ClientEvent::Durable { room, event } => {
                let Some(known) = self.joined(&room, &mut finder) else {
                    return;
                };
                let strange = known.strange(at, &room, &event);
                known.on_durable(event, &mut finder);
                self.strange.extend(strange);
            }
            ClientEvent::Delta {
                room,
                message,
                attempt,
                index,
                text,
            } => {
                let piece = Piece {
                    message,
                    attempt,
                    index,
                    text,
                };
                if let Some(known) = self.joined(&room, &mut finder) {
                    known.replies.on_delta(&piece, &mut finder);
                }
            }
            ClientEvent::Snapshot {
                room,
                message,
                attempt,
                index,
                text,
            } => {
                let piece = Piece {
                    message,
                    attempt,
                    index,
                    text,
                };
                if let Some(known) = self.joined(&room, &mut finder) {
                    known.replies.on_snapshot(piece, &mut finder);
                }
            }
            ClientEvent::Restart {
                room,
                message,
                attempt,
            } => {
                if let Some(known) = self.joined(&room, &mut finder) {
                    known.replies.on_restart(&message, attempt, &mut finder);
                }
            }
            ClientEvent::Typing {
                room,
                user,
                is_typing,
            } => {
                if let Some(known) = self.joined(&room, &mut finder)
                    && user.is_none()
                {
                    known.is_typing = is_typing;
                }
            }
        }
    }

    /// What was shown of replies and replaced later.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &Shown> {
        let replies = self.rooms.values().map(|room| &room.replies);
        replies.flat_map(|replies| &replies.replaced)
    }

    /// Whether it is where its rooms are, and nothing is left open.
    pub(super) fn finish(&self, logs: &Logs, places: &Places, verdict: &mut Verdict) {
        let mut broken = |broken, at, says: String| {
            verdict.broken(broken, at, format!("{}: {says}", self.who));
        };
        for ((id, room), at) in &self.unacked {
            broken(Broken::Unacked, *at, format!("message {id} in {room}"));
        }
        for strange in &self.strange {
            let place = (self.who.tenant.as_str(), strange.room.as_str());
            let event = (strange.epoch.as_str(), strange.seq);
            if !places.is_a_former_life(self.who.client, place, event, &strange.told) {
                let says = format!("{} {}:{}", strange.room, strange.epoch, strange.seq);
                broken(Broken::UnknownLife, strange.at, says);
            }
        }
        if !self.is_open {
            let says = "is not connected at the end".to_owned();
            broken(Broken::LeftBehind, self.ended_at, says);
            return;
        }
        let has_left = |name: &String| self.rooms.get(name).is_some_and(|room| room.is_left);
        let is_in = |name: &String| self.rooms.get(name).is_some_and(|room| room.is_joined);
        let was_in = self.rooms.keys().filter(|name| !self.wanted.contains(name));
        for name in self.wanted.iter().chain(was_in) {
            if !is_in(name) && !has_left(name) {
                let says = format!("is not in {name} at the end");
                broken(Broken::LeftBehind, self.ended_at, says);
            }
        }
        for (name, room) in self.rooms.iter().filter(|(_, room)| !room.is_left) {
            if let Some(head) = logs.head(&self.who.tenant, name)
                && head != room.seq
            {
                let says = format!("{name} is at {}, the log at {head}", room.seq);
                broken(Broken::LeftBehind, self.ended_at, says);
            }
            for message in room.replies.running() {
                let says = format!("{name}: {message} never ends");
                broken(Broken::LeftTyping, self.ended_at, says);
            }
            if room.is_typing {
                let says = format!("{name}: the AI types for ever");
                broken(Broken::LeftTyping, self.ended_at, says);
            }
        }
    }

    fn on_closed(&mut self) {
        self.is_open = false;
        for room in self.rooms.values_mut() {
            room.is_joined = false;
            room.is_leaving = false;
        }
    }

    /// A room of which something came, which breaks a promise where it was not
    /// joined before.
    fn joined(&mut self, name: &str, finder: &mut Finder<'_>) -> Option<&mut Room> {
        finder.room = Some(name.to_owned());
        let room = self.rooms.get_mut(name).filter(|room| room.is_joined);
        if room.is_none() {
            finder.broken(Broken::WrongPlace, "has not joined that room");
        }
        room
    }
}

impl Room {
    fn on_subscribed(
        &mut self,
        at: u64,
        who: &Arc<Who>,
        (epoch, seq, recovered): (String, u64, bool),
    ) {
        let former = std::mem::replace(&mut self.epoch, epoch);
        self.former.insert(former);
        self.seq = seq;
        if !recovered {
            self.replies.on_lost(at, who);
            self.is_typing = false;
        } else if !self.is_joined {
            self.replies.on_joined();
        }
        self.is_joined = true;
        self.is_left = false;
    }

    /// Whether it was to leave. Perhaps before it was joined on this connection.
    fn on_left(&mut self, at: u64, who: &Arc<Who>) -> bool {
        self.is_joined = false;
        self.is_left = true;
        self.is_typing = false;
        self.replies.on_left(at, who);
        std::mem::take(&mut self.is_leaving)
    }

    /// The event, if it is of a life that the client was not told of.
    fn strange(&self, at: u64, room: &str, event: &Durable) -> Option<Strange> {
        let Durable { epoch, seq, .. } = event;
        let is_known = *epoch == self.epoch || self.former.contains(epoch);
        (!is_known).then(|| Strange {
            at,
            room: room.to_owned(),
            epoch: epoch.clone(),
            seq: *seq,
            told: self.epoch.clone(),
        })
    }

    fn on_durable(&mut self, event: Durable, finder: &mut Finder<'_>) {
        let place = format!("{}:{} after {}", event.epoch, event.seq, self.seq);
        if event.seq <= self.seq {
            finder.broken(Broken::Double, place);
            return;
        }
        if event.seq > self.seq + 1 {
            finder.broken(Broken::Hole, place);
        }
        self.seq = event.seq;
        if event.finish.is_some() {
            self.is_typing = false;
            self.replies.on_end(event, finder);
        }
    }
}
