//! What is sent to one connection: at once where it can be, else from a bounded
//! queue.
//!
//! Whoever puts frames in never waits. A WebSocket is written to by whoever has
//! something for it; only what its peer does not take at once waits, and its own
//! task sends that on. Other transports take everything from the queue.
//!
//! One who reads too slowly loses transient events when half of the bound is
//! filled, then the text of replies from three quarters on, which one
//! `message_snapshot` makes up for when the queue has drained, and is closed with
//! 4008 at the bound, to come back and recover. Nobody else notices.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use causerie_shared::ids::MessageId;
use causerie_shared::position::{Epoch, Position};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::room::RoomKey;
use tokio::sync::Notify;

use crate::events::Deliveries;
use crate::frame::OutFrame;
pub(crate) use expected::Expected;
pub(crate) use joined::Joined;
use state::{Sent, State, Way};
pub(crate) use wire::Wire;

mod expected;
mod joined;
mod queue;
mod state;
mod stored;
mod wire;

/// How many bytes of events go out with one write.
pub(crate) const JOINED_BYTES: usize = 16 << 10;

/// Names an outbox within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutboxId(u64);

impl OutboxId {
    /// None is before it.
    pub(crate) const FIRST: Self = Self(0);
}

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
    /// It is on its way.
    Written,
    /// It waits to be sent, or the rest of it does.
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

/// What became of it all, for whoever looks after one connection. Each number stops
/// at the most that it can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Frames that it was given: events, snapshots and answers.
    pub(crate) given: u32,
    /// Frames that it was not given, since it read too slowly.
    pub(crate) dropped: u16,
    /// Rooms that it came back to with a position.
    pub(crate) recoveries: u8,
}

/// What the task of a WebSocket is to look after.
#[derive(Debug)]
pub(crate) enum Call {
    /// Replies of which text was dropped and for which there is room again.
    Lagging(Vec<(RoomKey, MessageId)>),
    /// The connection is to be closed, perhaps with frames still waiting.
    Close(Close),
    /// The peer takes nothing more.
    PeerGone,
}

/// What is sent to one connection.
#[derive(Debug)]
pub struct Outbox {
    id: OutboxId,
    bound: usize,
    state: Mutex<State>,
    drained: Notify,
}

impl Outbox {
    /// One of which a reader takes all with [`next`](Self::next). At the most
    /// `bound` bytes wait.
    pub fn new(bound: usize) -> Arc<Self> {
        Self::with(Way::Taken, bound)
    }

    /// One that writes to `wire`. At the most `bound` bytes wait, which a task
    /// is to send on with [`poll_call`](Self::poll_call).
    pub(crate) fn to(wire: Wire, bound: usize) -> Arc<Self> {
        Self::with(Way::Written(wire), bound)
    }

    fn with(way: Way, bound: usize) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            id: OutboxId(NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            bound,
            state: Mutex::new(State::new(way)),
            drained: Notify::new(),
        })
    }

    /// Its name within this process.
    pub fn id(&self) -> OutboxId {
        self.id
    }

    /// How many bytes of events may be put in together: where little may wait, fewer
    /// than go out with one write, since all wait before they are written.
    pub(crate) fn at_once(&self) -> usize {
        JOINED_BYTES.min(self.bound / 8)
    }

    /// Sends a frame, or drops it as the reader's slowness demands.
    pub fn push(&self, frame: &Arc<OutFrame>) -> Pushed {
        self.change(|state| state.push(frame, self.bound))
    }

    /// Sends frames that many get, put together once for all of them.
    pub(crate) fn push_joined(&self, joined: &Joined, deliveries: &mut Deliveries) {
        self.change(|state| state.push_joined(joined, self.bound, deliveries));
    }

    /// Sends frames that not all get who are in their room, in as few writes as can
    /// be. They should be no more bytes than [`at_once`](Self::at_once).
    pub(crate) fn push_all<'a>(
        &self,
        frames: impl IntoIterator<Item = &'a Arc<OutFrame>>,
        deliveries: &mut Deliveries,
    ) {
        self.change(|state| state.push_all(frames.into_iter(), self.bound, deliveries));
    }

    /// Ends the dropping of a reply's text: the reply has ended, or a snapshot
    /// of it follows.
    pub(crate) fn forget(&self, message_id: &MessageId) {
        self.lock().queue.forget(message_id);
    }

    /// Ends the dropping of text in all of a room, which was left: nothing more of
    /// it comes that would.
    pub(crate) fn forget_room(&self, room: &RoomKey) {
        self.lock().queue.forget_room(room);
    }

    /// A message of the peer's is about to be stored: its `ack` goes out with it, where
    /// the room's stream brings it first.
    pub(crate) fn expect(&self, message: Expected) {
        self.lock().expected = Some(Box::new(message));
    }

    /// The bus has answered: whether the `ack` of what was expected has gone out already.
    pub(crate) fn end_expecting(&self) -> bool {
        let expected = self.lock().expected.take();
        expected.is_some_and(|message| message.is_acked)
    }

    /// Notes that the peer is told: its message is stored there.
    pub(crate) fn note_stored(&self, room: &RoomKey, position: &Position) {
        self.lock().stored.note(room, position);
    }

    /// A new life of the room begins at `kept`: whether the peer was told that a
    /// message of its is stored there which that does not have. Lives that have begun
    /// since are `later`.
    pub(crate) fn has_lost(&self, room: &RoomKey, kept: &Position, later: &[Epoch]) -> bool {
        self.lock().stored.on_new_life(room, kept, later)
    }

    /// Notes that the peer came back to a room with a position.
    pub(crate) fn note_recovery(&self) {
        let mut state = self.lock();
        state.recoveries = state.recoveries.saturating_add(1);
    }

    /// What became of it all up to now.
    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally()
    }

    /// Asks the peer for a sign of life.
    pub fn ping(&self) {
        self.change(State::ping);
    }

    /// Answers a ping of the peer.
    pub(crate) fn pong(&self, payload: &[u8]) {
        self.change(|state| state.pong(payload));
    }

    /// Ends the connection once what waits is sent. The first reason given
    /// stands.
    pub fn close(&self, close: impl Into<Close>) {
        self.change(|state| {
            state.close.get_or_insert_with(|| close.into());
        });
    }

    /// Whether the connection ends or has ended.
    pub fn is_closed(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Waits until less than a quarter of the bound is filled, or the
    /// connection ends.
    pub async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            if self.lock().is_drained(self.bound) {
                return;
            }
            drained.await;
        }
    }

    /// Whether `bytes` more still leave half of the bound free.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.lock().queue.bytes() + bytes <= self.bound / 2
    }

    /// Waits for something to send, and takes it: frames of `max_bytes`
    /// together, but one at least where one waits.
    pub async fn next(&self, max_bytes: usize) -> Batch {
        poll_fn(|cx| {
            self.change(|state| {
                let batch = state.take(max_bytes, self.bound);
                if batch.is_empty() {
                    state.register(cx);
                    return Poll::Pending;
                }
                Poll::Ready(batch)
            })
        })
        .await
    }

    /// Sends what waits, as the peer takes it, until there is something else to
    /// do; for the one task of a WebSocket.
    pub(crate) fn poll_call(&self, cx: &mut Context<'_>) -> Poll<Call> {
        loop {
            if let Some(call) = ready!(self.change(|state| state.poll_call(cx, self.bound))) {
                return Poll::Ready(call);
            }
        }
    }

    /// Waits until what waits is sent, or nobody is there any more who would take
    /// it.
    pub(crate) async fn sent(&self) {
        poll_fn(|cx| self.poll_sent(cx)).await;
    }

    /// As [`sent`](Self::sent).
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match ready!(self.lock().poll_send_some(cx)) {
                Sent::Some => {}
                Sent::All | Sent::ToNobody => return Poll::Ready(()),
            }
        }
    }

    /// Sends a close frame in place of all that has not begun.
    pub(crate) fn say_last(&self, close: Bytes) {
        self.change(|state| state.say_last(close));
    }

    /// Tells the peer that nothing more comes.
    pub(crate) fn hang_up(&self) {
        self.change(State::lose_peer);
    }

    /// Changes the state, and wakes those whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let was_idle = state.is_idle();
        let was_closed = state.close.is_some();
        let was_drained = state.is_drained(self.bound);
        let changed = change(&mut state);
        let is_closed = state.close.is_some() && !was_closed;
        let is_drained = state.is_drained(self.bound) && !was_drained;
        // One who has something to do looks at it all before it rests.
        let woken = (is_closed || was_idle && !state.is_idle())
            .then(|| state.reader.take())
            .flatten();
        drop(state);
        if let Some(reader) = woken {
            reader.wake();
        }
        if is_drained {
            self.drained.notify_waiters();
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.ping && self.lagging.is_empty() && self.close.is_none()
    }
}

#[cfg(test)]
mod tests;
