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
}

impl Notes {
    pub(super) fn new(client: ClientNumber, pen: Pen, state: Arc<State>) -> Self {
        Self {
            client,
            pen,
            state,
            positions: BTreeMap::new(),
            streaming: BTreeSet::new(),
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
            | ClientEvent::Left { .. }
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

/// What a frame tells a client, where the checker cares.
pub fn event_of(frame: &Value) -> Option<ClientEvent> {
    let data = &frame["data"];
    let room = || text(&frame["room"]);
    let message = || text(&data["message_id"]);
    let attempt = data["attempt"].as_u64().unwrap_or(0);
    let index = data["index"].as_i64().unwrap_or(-1);
    let kind = frame["type"].as_str()?;
    if frame.get("seq").is_some() && kind != "subscribed" {
        let event = durable(frame);
        return Some(ClientEvent::Durable {
            room: room(),
            event,
        });
    }
    Some(match kind {
        "ready" => ClientEvent::Opened,
        "subscribed" => ClientEvent::Subscribed {
            room: room(),
            epoch: text(&frame["epoch"]),
            seq: frame["seq"].as_u64()?,
            recovered: frame["recovered"] == true,
        },
        "ack" if data.get("seq").is_some() => ClientEvent::Acked {
            id: text(&frame["id"]),
            message: message(),
            room: text(&data["room"]),
            epoch: text(&data["epoch"]),
            seq: data["seq"].as_u64()?,
        },
        "ack" if data.get("message_id").is_some() => ClientEvent::Cancelled {
            id: text(&frame["id"]),
            reply: message(),
        },
        "unsubscribed" => ClientEvent::Left { room: room() },
        "error" => ClientEvent::Refused {
            id: frame["id"].as_str().map(str::to_owned),
            code: text(&frame["code"]),
            can_retry: frame["canRetry"] == true,
        },
        "message_delta" => ClientEvent::Delta {
            room: room(),
            message: message(),
            attempt,
            index,
            text: text(&data["text"]),
        },
        "message_snapshot" => ClientEvent::Snapshot {
            room: room(),
            message: message(),
            attempt,
            index,
            text: text(&data["text"]),
        },
        "message_restart" => ClientEvent::Restart {
            room: room(),
            message: message(),
            attempt,
        },
        "typing_indicator" if data["user_id"] == "assistant" => ClientEvent::Typing {
            room: room(),
            is_typing: data["is_typing"] == true,
        },
        _ => return None,
    })
}

/// A durable event of a frame, or of a log.
pub fn durable(frame: &Value) -> Durable {
    let data = &frame["data"];
    let maybe = |value: &Value| value.as_str().map(str::to_owned);
    let metadata = &data["metadata"];
    Durable {
        epoch: text(&frame["epoch"]),
        seq: frame["seq"].as_u64().unwrap_or(0),
        kind: text(&frame["type"]),
        message: text(&data["message_id"]),
        session: maybe(&data["session_id"]),
        in_reply_to: maybe(&data["in_reply_to"]),
        attempt: metadata["attempt"].as_u64(),
        finish: maybe(&data["finish_reason"]),
        content: text(&data["content"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
