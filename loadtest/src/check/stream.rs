//! What one client saw, in the order in which it came.

use std::collections::{BTreeMap, BTreeSet};

use super::logs::Logs;
use super::places::Places;
use super::{Broken, Verdict};
use crate::ledger::{ClientEvent, ClientNumber, Durable};

/// One client, across all its connections.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) tenant: String,
    pub(super) user: String,
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
    epoch: String,
    former: BTreeSet<String>,
    seq: u64,
    replies: BTreeMap<String, Reply>,
    /// Replies that have ended.
    ended: BTreeSet<String>,
    is_typing: bool,
}

/// A reply in the making.
#[derive(Debug, Default)]
struct Reply {
    attempt: u64,
    /// The piece that comes next.
    next: i64,
    text: String,
    /// A piece is missing: until a snapshot comes the text does not count.
    has_hole: bool,
}

/// A piece of a reply, or all up to it.
struct Piece {
    message: String,
    attempt: u64,
    index: i64,
    text: String,
}

impl Stream {
    pub(super) fn new(tenant: String, user: String) -> Self {
        Self {
            tenant,
            user,
            is_open: false,
            rooms: BTreeMap::new(),
            unacked: BTreeMap::new(),
            strange: Vec::new(),
            ended_at: 0,
        }
    }

    pub(super) fn on_event(
        &mut self,
        at: u64,
        client: ClientNumber,
        event: ClientEvent,
        verdict: &mut Verdict,
    ) {
        self.ended_at = at;
        let mut broken = |broken, says: String| {
            verdict.broken(broken, at, format!("client {client}: {says}"));
        };
        match event {
            ClientEvent::Named { .. } | ClientEvent::Refused { .. } => {}
            ClientEvent::Opened => self.is_open = true,
            ClientEvent::Closed { .. } => self.is_open = false,
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
            } => match self.rooms.get_mut(&room) {
                None => {
                    let fresh = Room {
                        epoch,
                        seq,
                        ..Room::default()
                    };
                    self.rooms.insert(room, fresh);
                }
                Some(known) if recovered => {
                    if known.seq != seq {
                        let says = format!("{room} goes on from {seq}, it was at {}", known.seq);
                        broken(Broken::WrongPlace, says);
                    }
                    known.begin_life(epoch, seq);
                }
                Some(known) => {
                    known.begin_life(epoch, seq);
                    // Every running reply that is shown has ended, and one
                    // whose end was lost may go on.
                    known.replies.clear();
                    known.ended.clear();
                    known.is_typing = false;
                }
            },
            ClientEvent::Durable { room, event } => match self.rooms.get_mut(&room) {
                Some(known) => {
                    if known.is_of_no_life_told(&event) {
                        self.strange.push(Strange {
                            at,
                            room: room.clone(),
                            epoch: event.epoch.clone(),
                            seq: event.seq,
                            told: known.epoch.clone(),
                        });
                    }
                    known.on_durable(&room, event, &mut broken);
                }
                None => broken(Broken::WrongPlace, format!("never joined {room}")),
            },
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
                self.room(&room).on_delta(piece, &mut broken);
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
                self.room(&room).on_snapshot(piece, &mut broken);
            }
            ClientEvent::Restart {
                room,
                message,
                attempt,
            } => {
                self.room(&room).reply(&message, attempt, &mut broken);
            }
            ClientEvent::Typing { room, is_typing } => self.room(&room).is_typing = is_typing,
        }
    }

    /// Whether it is where its rooms are, and nothing is left open.
    pub(super) fn finish(
        &self,
        client: ClientNumber,
        logs: &Logs,
        places: &Places,
        verdict: &mut Verdict,
    ) {
        let mut broken = |broken, at, says: String| {
            let who = format!("client {client} ({}/{})", self.tenant, self.user);
            verdict.broken(broken, at, format!("{who}: {says}"));
        };
        for ((id, room), at) in &self.unacked {
            broken(Broken::Unacked, *at, format!("message {id} in {room}"));
        }
        for strange in &self.strange {
            let place = (self.tenant.as_str(), strange.room.as_str());
            let event = (strange.epoch.as_str(), strange.seq);
            if !places.is_a_former_life(client, place, event, &strange.told) {
                let says = format!("{} {}:{}", strange.room, strange.epoch, strange.seq);
                broken(Broken::UnknownLife, strange.at, says);
            }
        }
        if !self.is_open {
            let says = "is not connected at the end".to_owned();
            broken(Broken::LeftBehind, self.ended_at, says);
            return;
        }
        for (name, room) in &self.rooms {
            if let Some(head) = logs.head(&self.tenant, name)
                && head != room.seq
            {
                let says = format!("{name} is at {}, the log at {head}", room.seq);
                broken(Broken::LeftBehind, self.ended_at, says);
            }
            for message in room.replies.keys() {
                let says = format!("{name}: {message} never ends");
                broken(Broken::LeftTyping, self.ended_at, says);
            }
            if room.is_typing {
                let says = format!("{name}: the AI types for ever");
                broken(Broken::LeftTyping, self.ended_at, says);
            }
        }
    }

    fn room(&mut self, name: &str) -> &mut Room {
        self.rooms.entry(name.to_owned()).or_default()
    }
}

impl Room {
    fn begin_life(&mut self, epoch: String, seq: u64) {
        let former = std::mem::replace(&mut self.epoch, epoch);
        self.former.insert(former);
        self.seq = seq;
    }

    fn is_of_no_life_told(&self, event: &Durable) -> bool {
        event.epoch != self.epoch && !self.former.contains(&event.epoch)
    }

    fn on_durable(&mut self, name: &str, event: Durable, broken: &mut impl FnMut(Broken, String)) {
        let place = format!("{name} {}:{} after {}", event.epoch, event.seq, self.seq);
        if event.seq <= self.seq {
            broken(Broken::Double, place);
            return;
        }
        if event.seq > self.seq + 1 {
            broken(Broken::Hole, place);
        }
        self.seq = event.seq;
        if event.finish.is_some() {
            self.is_typing = false;
            self.on_end(event, broken);
        }
    }

    fn on_end(&mut self, event: Durable, broken: &mut impl FnMut(Broken, String)) {
        if let Some(reply) = self.replies.remove(&event.message)
            && !reply.has_hole
            && !event.content.starts_with(&reply.text)
        {
            let says = format!(
                "{} was {:?} and is {:?}",
                event.message, reply.text, event.content
            );
            broken(Broken::WrongText, says);
        }
        self.ended.insert(event.message);
    }

    fn on_delta(&mut self, piece: Piece, broken: &mut impl FnMut(Broken, String)) {
        let Some(reply) = self.reply(&piece.message, piece.attempt, broken) else {
            return;
        };
        if piece.index < reply.next {
            let says = format!("{} {}/{}", piece.message, piece.attempt, piece.index);
            broken(Broken::PieceTwice, says);
        } else if piece.index > reply.next {
            reply.has_hole = true;
        } else {
            reply.next += 1;
            reply.text.push_str(&piece.text);
        }
    }

    fn on_snapshot(&mut self, piece: Piece, broken: &mut impl FnMut(Broken, String)) {
        if let Some(reply) = self.reply(&piece.message, piece.attempt, broken) {
            reply.next = piece.index + 1;
            reply.text = piece.text;
            reply.has_hole = false;
        }
    }

    /// The reply, at this attempt; none where the attempt is a former one, which
    /// is to be dropped, or the reply has ended, which breaks a promise.
    fn reply(
        &mut self,
        message: &str,
        attempt: u64,
        broken: &mut impl FnMut(Broken, String),
    ) -> Option<&mut Reply> {
        if self.ended.contains(message) {
            broken(Broken::AfterTheEnd, message.to_owned());
            return None;
        }
        let reply = self.replies.entry(message.to_owned()).or_default();
        if attempt > reply.attempt {
            *reply = Reply {
                attempt,
                ..Reply::default()
            };
        }
        (attempt == reply.attempt).then_some(reply)
    }
}
