//! From frames to lines of the ledger, and to the positions to come back with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::of_client;
use crate::ledger::{ClientEvent, ClientNumber, Durable, Pen};

/// How far a client is, for those who conduct the run.
#[derive(Debug, Default)]
pub struct State {
    is_open: AtomicBool,
    door: AtomicUsize,
    unacked: AtomicUsize,
    /// Replies that it sees being made.
    streaming: Mutex<Vec<String>>,
    /// The `seq` of each room.
    positions: Mutex<BTreeMap<String, u64>>,
}

impl State {
    /// Whether it is connected.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Which of its doors it came in by last.
    pub fn door(&self) -> usize {
        self.door.load(Ordering::Relaxed)
    }

    /// Messages that wait for their `ack`.
    pub fn unacked(&self) -> usize {
        self.unacked.load(Ordering::Relaxed)
    }

    /// Replies that it sees being made.
    pub fn streaming(&self) -> usize {
        self.streaming_in().len()
    }

    /// The rooms of those replies.
    pub fn streaming_in(&self) -> MutexGuard<'_, Vec<String>> {
        self.streaming
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is in each of its rooms.
    pub fn positions(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's part of the ledger.
#[derive(Debug)]
pub(super) struct Notes {
    client: ClientNumber,
    pen: Pen,
    state: Arc<State>,
    /// `{epoch}:{seq}` of each room.
    positions: BTreeMap<String, (String, u64)>,
    /// Replies that have begun and not ended, with their rooms.
    streaming: BTreeSet<(String, String)>,
    reads: bool,
}

impl Notes {
    pub(super) fn new(client: ClientNumber, pen: Pen, state: Arc<State>) -> Self {
        Self {
            client,
            pen,
            state,
            positions: BTreeMap::new(),
            streaming: BTreeSet::new(),
            reads: true,
        }
    }

    /// The rooms that a connection names: with positions, where there are some.
    pub(super) fn rooms_to_name(&self, wanted: &[String]) -> Vec<String> {
        if self.positions.is_empty() {
            return wanted.to_vec();
        }
        let placed = self.positions.iter();
        let placed = placed.map(|(room, (epoch, seq))| format!("{room}@{epoch}:{seq}"));
        let new = wanted
            .iter()
            .filter(|room| !self.positions.contains_key(*room));
        placed.chain(new.cloned()).collect()
    }

    /// Replies that it sees being made.
    pub(super) fn running(&self) -> Vec<String> {
        let replies = self.streaming.iter();
        replies.map(|(_, reply)| reply.clone()).collect()
    }

    pub(super) fn show_door(&self, door: usize) {
        self.state.door.store(door, Ordering::Relaxed);
    }

    pub(super) fn show_unacked(&self, unacked: usize) {
        self.state.unacked.store(unacked, Ordering::Relaxed);
    }

    /// Whether it reads what comes, from now on.
    pub(super) fn reads(&mut self, reads: bool) -> std::io::Result<()> {
        match std::mem::replace(&mut self.reads, reads) {
            true if !reads => self.write(ClientEvent::StopsReading),
            false if reads => self.write(ClientEvent::ReadsAgain),
            true | false => Ok(()),
        }
    }

    /// Writes down something that is no frame.
    pub(super) fn write(&mut self, event: ClientEvent) -> std::io::Result<()> {
        if matches!(event, ClientEvent::Closed { .. }) {
            self.state.is_open.store(false, Ordering::Relaxed);
            self.streaming.clear();
            self.show_streaming();
        }
        self.pen.note(of_client(self.client, event))
    }

    /// Writes down what a frame says, where the checker cares.
    pub(super) fn on_frame(&mut self, frame: &Value) -> std::io::Result<()> {
        let Some(event) = event_of(frame) else {
            return Ok(());
        };
        self.follow(&event);
        self.write(event)
    }

    /// Keeps positions, and what is being streamed.
    fn follow(&mut self, event: &ClientEvent) {
        let before = self.streaming.len();
        match event {
            ClientEvent::Opened => self.state.is_open.store(true, Ordering::Relaxed),
            ClientEvent::Subscribed {
                room,
                epoch,
                seq,
                recovered,
            } => {
                if !recovered {
                    self.streaming.retain(|(of, _)| of != room);
                }
                self.reached(room, epoch, *seq);
            }
            ClientEvent::Durable { room, event } => {
                let life = self.positions.get(room).map(|(epoch, _)| epoch.clone());
                // What is recovered of a former life does not bring that back.
                self.reached(room, &life.unwrap_or_default(), event.seq);
                self.streaming
                    .remove(&(room.clone(), event.message.clone()));
            }
            ClientEvent::Delta { room, message, .. }
            | ClientEvent::Snapshot { room, message, .. } => {
                self.streaming.insert((room.clone(), message.clone()));
            }
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Acked { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Restart { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Leaving { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Unreadable { .. }
            | ClientEvent::Closed { .. } => {}
        }
        if self.streaming.len() != before {
            self.show_streaming();
        }
    }

    fn show_streaming(&self) {
        let rooms = self.streaming.iter().map(|(room, _)| room.clone());
        *self.state.streaming_in() = rooms.collect();
    }

    fn reached(&mut self, room: &str, epoch: &str, seq: u64) {
        self.positions
            .insert(room.to_owned(), (epoch.to_owned(), seq));
        self.state.lock().insert(room.to_owned(), seq);
    }
}

/// By what name the AI types.
const ASSISTANT: &str = "assistant";

/// What a frame tells a client, where the checker cares.
pub fn event_of(frame: &Value) -> Option<ClientEvent> {
    read(frame).unwrap_or_else(|Missing(member)| {
        let reason = format!("{member} is missing in {frame}");
        Some(ClientEvent::Unreadable { reason })
    })
}

/// What each frame of its type has, and this one has not.
struct Missing(&'static str);

fn read(frame: &Value) -> Result<Option<ClientEvent>, Missing> {
    let data = &frame["data"];
    let room = || text(frame, "room");
    let message = || text(data, "message_id");
    let attempt = || number(data, "attempt");
    let kind = text(frame, "type")?;
    if frame.get("seq").is_some() && kind != "subscribed" {
        return Ok(Some(ClientEvent::Durable {
            room: room()?,
            event: whole(frame, &kind)?,
        }));
    }
    Ok(Some(match kind.as_str() {
        "ready" => ClientEvent::Opened,
        "subscribed" => ClientEvent::Subscribed {
            room: room()?,
            epoch: text(frame, "epoch")?,
            seq: number(frame, "seq")?,
            recovered: flag(frame, "recovered")?,
        },
        "ack" if data.get("seq").is_some() => ClientEvent::Acked {
            id: text(frame, "id")?,
            message: message()?,
            room: text(data, "room")?,
            epoch: text(data, "epoch")?,
            seq: number(data, "seq")?,
        },
        "ack" if data.get("message_id").is_some() => ClientEvent::Cancelled {
            id: text(frame, "id")?,
            reply: message()?,
        },
        "unsubscribed" => ClientEvent::Left { room: room()? },
        "error" => ClientEvent::Refused {
            id: frame["id"].as_str().map(str::to_owned),
            code: text(frame, "code")?,
            can_retry: flag(frame, "canRetry")?,
        },
        "message_delta" => ClientEvent::Delta {
            room: room()?,
            message: message()?,
            attempt: attempt()?,
            index: index(data)?,
            text: text(data, "text")?,
        },
        "message_snapshot" => ClientEvent::Snapshot {
            room: room()?,
            message: message()?,
            attempt: attempt()?,
            index: index(data)?,
            text: text(data, "text")?,
        },
        "message_restart" => ClientEvent::Restart {
            room: room()?,
            message: message()?,
            attempt: attempt()?,
        },
        "typing_indicator" => ClientEvent::Typing {
            room: room()?,
            user: Some(text(data, "user_id")?).filter(|user| user != ASSISTANT),
            is_typing: flag(data, "is_typing")?,
        },
        _ => return Ok(None),
    }))
}

/// A durable event of a frame that has all that it must have.
fn whole(frame: &Value, kind: &str) -> Result<Durable, Missing> {
    let data = &frame["data"];
    text(frame, "epoch")?;
    number(frame, "seq")?;
    if matches!(kind, "new_message" | "message") {
        text(data, "message_id")?;
        text(data, "session_id")?;
        text(data, "content")?;
    }
    if kind == "new_message" {
        text(data, "user_id")?;
    }
    if kind == "message" {
        text(data, "in_reply_to")?;
        text(data, "finish_reason")?;
        number(&data["metadata"], "attempt")?;
    }
    Ok(durable(frame))
}

/// A durable event of a frame, or of a log.
pub fn durable(frame: &Value) -> Durable {
    let data = &frame["data"];
    let maybe = |of: &Value, name| text(of, name).ok();
    let text = |of: &Value, name| text(of, name).unwrap_or_default();
    Durable {
        epoch: text(frame, "epoch"),
        seq: number(frame, "seq").unwrap_or_default(),
        kind: text(frame, "type"),
        message: text(data, "message_id"),
        session: maybe(data, "session_id"),
        user: maybe(data, "user_id"),
        in_reply_to: maybe(data, "in_reply_to"),
        attempt: number(&data["metadata"], "attempt").ok(),
        finish: maybe(data, "finish_reason"),
        content: text(data, "content"),
    }
}

fn text(of: &Value, name: &'static str) -> Result<String, Missing> {
    let text = of.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or(Missing(name))
}

fn number(of: &Value, name: &'static str) -> Result<u64, Missing> {
    of.get(name).and_then(Value::as_u64).ok_or(Missing(name))
}

fn flag(of: &Value, name: &'static str) -> Result<bool, Missing> {
    of.get(name).and_then(Value::as_bool).ok_or(Missing(name))
}

/// Of a piece; -1 before the first one.
fn index(of: &Value) -> Result<i64, Missing> {
    let index = of.get("index").and_then(Value::as_i64);
    index.ok_or(Missing("index"))
}

#[cfg(test)]
mod tests;
