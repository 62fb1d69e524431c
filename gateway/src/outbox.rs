//! A connection's bounded send queue.
//!
//! Whoever puts frames in never waits. One who reads too slowly loses
//! transient events when half of the bound is filled, then the text of replies
//! from three quarters on, which one `message_snapshot` makes up for when the
//! queue has drained, and is closed with 4008 at the bound, to come back and
//! recover. Nobody else notices.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causerie_shared::ids::MessageId;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::record::Class;
use causerie_shared::room::RoomKey;
use tokio::sync::Notify;

use crate::frame::{FrameKind, OutFrame};

/// What a queued frame is counted for beyond its bytes.
const FRAME_OVERHEAD: usize = 64;

/// Names an outbox within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutboxId(u64);

/// Why and how a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The code in the close frame.
    pub code: CloseCode,
    /// The reason in the close frame.
    pub reason: Cow<'static, str>,
}

impl From<CloseCode> for Close {
    fn from(code: CloseCode) -> Self {
        Self {
            code,
            reason: code.reason().into(),
        }
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits to be sent.
    Queued,
    /// It was dropped: the reader is slow, and nobody misses it.
    DroppedTransient,
    /// It was dropped: the reader is slow, and gets a snapshot later.
    DroppedText,
    /// With it the bound was met: the connection ends with 4008.
    Overflown,
    /// The connection had ended before.
    Closed,
}

/// What is to be sent next.
#[derive(Debug, Default)]
pub struct Batch {
    /// Frames, in order.
    pub frames: Vec<Arc<OutFrame>>,
    /// Whether the peer is to be asked for a sign of life.
    pub ping: bool,
    /// Replies of which text was dropped and for which there is room again.
    pub lagging: Vec<(RoomKey, MessageId)>,
    /// How the connection ends, after the frames.
    pub close: Option<Close>,
}

/// A connection's bounded send queue; for one reader.
#[derive(Debug)]
pub struct Outbox {
    id: OutboxId,
    bound: usize,
    state: Mutex<State>,
    filled: Notify,
    drained: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Arc<OutFrame>>,
    bytes: usize,
    lagging: Vec<Lagging>,
    ping: bool,
    close: Option<Close>,
}

/// A reply of which text was dropped.
#[derive(Debug)]
struct Lagging {
    room: RoomKey,
    message_id: MessageId,
    /// Whether a snapshot has been asked for.
    asked: bool,
}

impl Outbox {
    /// An empty queue of at the most `bound` bytes.
    pub fn new(bound: usize) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            id: OutboxId(NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            bound,
            state: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            closed: Notify::new(),
        })
    }

    /// Its name within this process.
    pub fn id(&self) -> OutboxId {
        self.id
    }

    /// Puts a frame in, or drops it as the reader's slowness demands.
    pub fn push(&self, frame: &Arc<OutFrame>) -> Pushed {
        let pushed = self.lock().push(frame, self.bound);
        match pushed {
            Pushed::Queued => self.filled.notify_one(),
            Pushed::Overflown => self.wake_all(),
            Pushed::DroppedTransient | Pushed::DroppedText | Pushed::Closed => {}
        }
        pushed
    }

    /// Ends the dropping of a reply's text, with a snapshot of it; without one
    /// where the reply has ended.
    pub fn resume(&self, message_id: &MessageId, snapshot: Option<&Arc<OutFrame>>) {
        self.lock().forget(message_id);
        if let Some(snapshot) = snapshot {
            self.push(snapshot);
        }
    }

    /// Asks the peer for a sign of life.
    pub fn ping(&self) {
        self.lock().ping = true;
        self.filled.notify_one();
    }

    /// Ends the connection once what waits is sent. The first reason given
    /// stands.
    pub fn close(&self, close: impl Into<Close>) {
        self.lock().close.get_or_insert_with(|| close.into());
        self.wake_all();
    }

    /// Whether the connection ends or has ended.
    pub fn is_closed(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Waits until the connection ends.
    pub async fn closed(&self) -> Close {
        until(&self.closed, || self.lock().close.clone()).await
    }

    /// Waits until less than a quarter of the bound is filled, or the
    /// connection ends.
    pub async fn drained(&self) {
        until(&self.drained, || {
            let state = self.lock();
            (state.bytes < self.bound / 4 || state.close.is_some()).then_some(())
        })
        .await;
    }

    /// Whether `bytes` more still leave half of the bound free.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.lock().bytes + bytes <= self.bound / 2
    }

    /// Waits for something to send, and takes it: frames of `max_bytes`
    /// together, but one at least where one waits.
    pub async fn next(&self, max_bytes: usize) -> Batch {
        loop {
            let filled = self.filled.notified();
            let (batch, is_drained) = self.take(max_bytes);
            if is_drained {
                self.drained.notify_waiters();
            }
            if !batch.is_empty() {
                return batch;
            }
            filled.await;
        }
    }

    fn take(&self, max_bytes: usize) -> (Batch, bool) {
        let mut state = self.lock();
        let batch = state.take(max_bytes, self.bound / 4);
        (batch, state.bytes < self.bound / 4)
    }

    fn wake_all(&self) {
        self.filled.notify_one();
        self.drained.notify_waiters();
        self.closed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for what `condition` gives, looking again after each notification.
async fn until<T>(notify: &Notify, condition: impl Fn() -> Option<T>) -> T {
    loop {
        let notified = notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if let Some(met) = condition() {
            return met;
        }
        notified.await;
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.ping && self.lagging.is_empty() && self.close.is_none()
    }
}

impl State {
    fn push(&mut self, frame: &Arc<OutFrame>, bound: usize) -> Pushed {
        if self.close.is_some() {
            return Pushed::Closed;
        }
        match frame.kind {
            FrameKind::Event(Class::Transient | Class::Start) if self.bytes > bound / 2 => {
                return Pushed::DroppedTransient;
            }
            FrameKind::Event(Class::Delta) | FrameKind::Snapshot => {
                if self.drops_text(frame, bound) {
                    return Pushed::DroppedText;
                }
            }
            FrameKind::Event(Class::Final) => {
                if let Some(message_id) = frame.message_id() {
                    self.forget(message_id);
                }
            }
            FrameKind::Event(Class::Durable | Class::Transient | Class::Start)
            | FrameKind::Answer => {}
        }
        self.queue_up(frame, bound)
    }

    /// Whether the text in `frame` is dropped; then its reply is marked.
    fn drops_text(&mut self, frame: &Arc<OutFrame>, bound: usize) -> bool {
        let (Some(room), Some(message_id)) = (&frame.room, frame.message_id()) else {
            return false;
        };
        if self
            .lagging
            .iter()
            .any(|reply| reply.message_id == *message_id)
        {
            return true;
        }
        let is_crowded = self.is_behind(bound) && self.bytes + size_of(frame) > bound / 4 * 3;
        if is_crowded {
            self.lagging.push(Lagging {
                room: room.clone(),
                message_id: message_id.clone(),
                asked: false,
            });
        }
        is_crowded
    }

    fn queue_up(&mut self, frame: &Arc<OutFrame>, bound: usize) -> Pushed {
        let size = size_of(frame);
        if self.is_behind(bound) && self.bytes + size > bound {
            self.queue = VecDeque::new();
            self.bytes = 0;
            self.close = Some(CloseCode::TooSlow.into());
            return Pushed::Overflown;
        }
        self.bytes += size;
        self.queue.push_back(Arc::clone(frame));
        Pushed::Queued
    }

    /// Whether the reader may be called slow. Another is sent a frame however
    /// large it is, else that could never be sent.
    fn is_behind(&self, bound: usize) -> bool {
        !self.queue.is_empty() && self.bytes >= bound / 4
    }

    fn forget(&mut self, message_id: &MessageId) {
        self.lagging.retain(|reply| reply.message_id != *message_id);
    }

    fn take(&mut self, max_bytes: usize, low: usize) -> Batch {
        let mut batch = Batch {
            ping: std::mem::take(&mut self.ping),
            ..Batch::default()
        };
        let mut taken = 0;
        while let Some(frame) = self.queue.front() {
            let size = size_of(frame);
            if taken > 0 && taken + size > max_bytes {
                break;
            }
            taken += size;
            batch.frames.extend(self.queue.pop_front());
        }
        self.bytes -= taken;
        if self.queue.is_empty() {
            // What a burst made it grow to is given back.
            self.queue.shrink_to(8);
            batch.close = self.close.clone();
        }
        if self.bytes < low {
            for reply in self.lagging.iter_mut().filter(|reply| !reply.asked) {
                reply.asked = true;
                batch
                    .lagging
                    .push((reply.room.clone(), reply.message_id.clone()));
            }
        }
        batch
    }
}

fn size_of(frame: &OutFrame) -> usize {
    frame.json.len() + FRAME_OVERHEAD
}

#[cfg(test)]
mod tests;
