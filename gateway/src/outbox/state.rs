//! What an outbox's lock guards.

use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use causerie_shared::protocol::close::CloseCode;

use super::expected::Expected;
use super::queue::Queue;
use super::stored::Stored;
use super::wire::{PeerGone, Wire};
use super::{Batch, Call, Close, Joined, Pushed, Tally};
use crate::events::{self, Deliveries};
use crate::frame::{Control, FrameKind, OutFrame};
use crate::websocket::codec::encode;

/// How many frames one write takes.
const FRAMES_A_WRITE: usize = 64;

/// What an outbox's lock guards.
#[derive(Debug)]
pub(super) struct State {
    way: Way,
    pub(super) queue: Queue,
    ping: bool,
    // What the tally is made of: here, where it fits in beside `ping` and so costs a
    // connection nothing.
    given: u32,
    dropped: u16,
    pub(super) recoveries: u8,
    pub(super) close: Option<Close>,
    pub(super) stored: Stored,
    /// A message of the peer's own that the bus is asked to store.
    pub(super) expected: Option<Box<Expected>>,
    /// Who takes from the queue, if it waits for something to be there.
    pub(super) reader: Option<Waker>,
}

/// How frames leave.
#[derive(Debug)]
pub(super) enum Way {
    /// A reader takes them all from the queue.
    Taken,
    /// They are written.
    Written(Wire),
    /// They don't: nobody is there any more.
    Lost,
}

impl Way {
    /// Whether something that was written has not left yet.
    fn holds_back(&self) -> bool {
        match self {
            Self::Written(wire) => wire.holds_back(),
            Self::Taken | Self::Lost => false,
        }
    }
}

/// How much of what waits was sent.
pub(super) enum Sent {
    /// All of it.
    All,
    /// Some: there may be time for more.
    Some,
    /// Nothing will ever be.
    ToNobody,
}

impl State {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            queue: Queue::default(),
            ping: false,
            given: 0,
            dropped: 0,
            recoveries: 0,
            close: None,
            stored: Stored::default(),
            expected: None,
            reader: None,
        }
    }

    /// Whether its reader has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.ping && !self.queue.is_owed_text() && !self.way.holds_back()
    }

    pub(super) fn is_drained(&self, bound: usize) -> bool {
        self.queue.bytes() < bound / 4 || self.close.is_some()
    }

    /// Has the reader woken when there is something to do again.
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        match &mut self.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            None => self.reader = Some(cx.waker().clone()),
        }
    }

    pub(super) fn push(&mut self, frame: &Arc<OutFrame>, bound: usize) -> Pushed {
        if let Some(refused) = self.refuse(frame, bound) {
            return refused;
        }
        if self.queue.is_empty()
            && let Way::Written(wire) = &self.way
        {
            let bytes = wire.bytes_of(frame);
            return match wire.try_write(bytes) {
                Ok(written) if written == bytes.len() => {
                    self.count_one();
                    Pushed::Written
                }
                Ok(written) => {
                    self.queue.push_rest(std::slice::from_ref(frame), written);
                    self.count_one();
                    Pushed::Queued
                }
                Err(PeerGone) => {
                    self.lose_peer();
                    Pushed::Closed
                }
            };
        }
        self.queue_up(frame, bound)
    }

    /// With one write, where nothing waits and nothing is to be dropped. What the peer does
    /// not take of that waits, even past the bound: who had taken all that came before is not
    /// slow, however much comes at once.
    pub(super) fn push_joined(
        &mut self,
        joined: &Joined,
        bound: usize,
        deliveries: &mut Deliveries,
    ) {
        if let Some(ack) = self.ack_of_expected(joined, bound) {
            return self.push_with_ack(joined, &ack, bound, deliveries);
        }
        if self.close.is_none()
            && self.queue.drops_nothing()
            && let Way::Written(wire) = &self.way
        {
            let is_deflated = wire.is_deflated();
            let Ok(written) = wire.try_write(joined.bytes(is_deflated)) else {
                return self.lose_peer();
            };
            let (whole, begun) = joined.split_at(written, is_deflated);
            let left = joined.frames().get(whole..).unwrap_or_default();
            self.queue.push_rest(left, begun);
            deliveries.count(Pushed::Written, whole);
            deliveries.count(Pushed::Queued, left.len());
            deliveries.count_joined(joined.frames().len());
            return self.count_given(joined.frames().len());
        }
        for frame in joined.frames() {
            let pushed = self.push(frame, bound);
            deliveries.count(pushed, 1);
        }
    }

    /// The `ack` of what is expected, if that is among these and both can go out together;
    /// else it follows when the bus has answered.
    fn ack_of_expected(&mut self, joined: &Joined, bound: usize) -> Option<Arc<OutFrame>> {
        let expected = self.expected.as_mut().filter(|message| !message.is_acked)?;
        let position = expected.position_in(joined.frames())?;
        let bytes: usize = joined.frames().iter().map(|frame| frame.size()).sum();
        if self.close.is_some() || !self.queue.drops_nothing() || bytes > bound / 8 {
            return None;
        }
        expected.is_acked = true;
        self.stored.note(&expected.room, position);
        Some(expected.ack(position))
    }

    /// With one write where nothing waits: the queue is where frames of several kinds are
    /// put together.
    fn push_with_ack(
        &mut self,
        joined: &Joined,
        ack: &Arc<OutFrame>,
        bound: usize,
        deliveries: &mut Deliveries,
    ) {
        for frame in joined.frames() {
            deliveries.count(self.queue_up(frame, bound), 1);
        }
        self.queue_up(ack, bound);
        deliveries.count_joined(joined.frames().len());
        self.try_send();
    }

    /// With one write, where all fits into one.
    pub(super) fn push_all<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a Arc<OutFrame>>,
        bound: usize,
        deliveries: &mut Deliveries,
    ) {
        for frame in frames {
            let refused = self.refuse(frame, bound);
            let pushed = refused.unwrap_or_else(|| self.queue_up(frame, bound));
            match frame.kind {
                FrameKind::Snapshot => deliveries.count_snapshot(pushed),
                FrameKind::Event(_) | FrameKind::Answer | FrameKind::Control(_) => {
                    deliveries.count(pushed, 1);
                }
            }
        }
        self.try_send();
    }

    pub(super) fn ping(&mut self) {
        match self.way {
            Way::Taken => self.ping = true,
            Way::Written(_) => self.push_control(Control::Ping, encode::ping()),
            Way::Lost => {}
        }
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.push_control(Control::Pong, encode::pong(payload));
    }

    fn push_control(&mut self, control: Control, bytes: Bytes) {
        // Nothing follows a close frame.
        if self.close.is_none() {
            self.queue.push_control(OutFrame::control(control, bytes));
            self.try_send();
        }
    }

    pub(super) fn say_last(&mut self, close: Bytes) {
        self.close.get_or_insert(CloseCode::InternalError.into());
        self.queue.drop_unbegun();
        let close = OutFrame::control(Control::Close, close);
        self.queue.push_control(close);
        self.try_send();
    }

    fn refuse(&mut self, frame: &OutFrame, bound: usize) -> Option<Pushed> {
        if self.close.is_some() {
            return Some(Pushed::Closed);
        }
        let dropped = self.queue.try_drop(frame, bound)?;
        self.dropped = self.dropped.saturating_add(1);
        Some(dropped)
    }

    fn count_one(&mut self) {
        if matches!(self.way, Way::Written(_)) {
            events::frames_sent(1);
        }
        self.count_given(1);
    }

    /// Once for all that one write takes.
    fn count_given(&mut self, frames: usize) {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        self.given = self.given.saturating_add(frames);
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            given: self.given,
            dropped: self.dropped,
            recoveries: self.recoveries,
        }
    }

    fn queue_up(&mut self, frame: &Arc<OutFrame>, bound: usize) -> Pushed {
        if self.queue.push(frame, bound) {
            self.count_one();
            return Pushed::Queued;
        }
        self.close = Some(CloseCode::TooSlow.into());
        Pushed::Overflown
    }

    /// Sends what can be sent now.
    fn try_send(&mut self) {
        while let Some(Sent::Some) = self.try_send_some() {}
    }

    /// The next of what waits; `None` where the peer takes nothing now, or its
    /// reader takes all.
    fn try_send_some(&mut self) -> Option<Sent> {
        let wire = match &self.way {
            Way::Taken => return None,
            Way::Written(wire) if self.queue.is_empty() => {
                return match wire.try_flush() {
                    Ok(true) => Some(Sent::All),
                    Ok(false) => None,
                    Err(PeerGone) => {
                        self.lose_peer();
                        Some(Sent::ToNobody)
                    }
                };
            }
            Way::Written(wire) => wire,
            Way::Lost => return Some(Sent::ToNobody),
        };
        let mut slices = [IoSlice::new(&[]); FRAMES_A_WRITE];
        let (waiting, begun) = self.queue.waiting();
        for (at, (slice, frame)) in slices.iter_mut().zip(waiting).enumerate() {
            let sent = if at == 0 { begun } else { 0 };
            *slice = IoSlice::new(wire.bytes_of(frame).get(sent..).unwrap_or_default());
        }
        let count = self.queue.len().min(FRAMES_A_WRITE);
        match wire.try_write_all(slices.get(..count).unwrap_or_default()) {
            Ok(0) => None,
            Ok(written) => {
                let len = |frame: &OutFrame| wire.bytes_of(frame).len();
                self.queue.advance(written, len);
                Some(Sent::Some)
            }
            Err(PeerGone) => {
                self.lose_peer();
                Some(Sent::ToNobody)
            }
        }
    }

    /// The same, but waits until the peer takes some.
    pub(super) fn poll_send_some(&mut self, cx: &mut Context<'_>) -> Poll<Sent> {
        loop {
            if let Some(sent) = self.try_send_some() {
                return Poll::Ready(sent);
            }
            let Way::Written(wire) = &self.way else {
                return Poll::Pending;
            };
            if let Err(PeerGone) = ready!(wire.poll_ready(cx)) {
                self.lose_peer();
            }
        }
    }

    /// Sends some of what waits, or gives what else there is to do.
    pub(super) fn poll_call(&mut self, cx: &mut Context<'_>, bound: usize) -> Poll<Option<Call>> {
        self.register(cx);
        if self.is_lost() {
            return Poll::Ready(Some(Call::PeerGone));
        }
        if let Some(close) = &self.close {
            return Poll::Ready(Some(Call::Close(close.clone())));
        }
        let sent = self.poll_send_some(cx);
        // Whoever has sent what waited: others do too.
        let lagging = self.queue.lagging(bound);
        if !lagging.is_empty() {
            return Poll::Ready(Some(Call::Lagging(lagging)));
        }
        match ready!(sent) {
            Sent::Some => Poll::Ready(None),
            Sent::All => Poll::Pending,
            Sent::ToNobody => Poll::Ready(Some(Call::PeerGone)),
        }
    }

    /// Sends nothing any more.
    pub(super) fn lose_peer(&mut self) {
        self.way = Way::Lost;
        self.queue = Queue::default();
        self.close.get_or_insert(CloseCode::InternalError.into());
    }

    pub(super) fn take(&mut self, max_bytes: usize, bound: usize) -> Batch {
        let mut batch = Batch {
            ping: std::mem::take(&mut self.ping),
            ..Batch::default()
        };
        let mut taken = 0;
        while let Some((frame, size)) = self.queue.pop(taken, max_bytes) {
            batch.frames.push(frame);
            taken = size;
        }
        if self.queue.is_empty() {
            batch.close.clone_from(&self.close);
        }
        batch.lagging = self.queue.lagging(bound);
        batch
    }

    fn is_lost(&self) -> bool {
        matches!(self.way, Way::Lost)
    }
}
