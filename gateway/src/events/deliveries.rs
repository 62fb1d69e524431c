//! What becomes of events on their way to connections.

use std::sync::LazyLock;

use metrics::{Counter, Histogram, counter, histogram};

use super::websocket;
use crate::outbox::Pushed;

// Why an event was not given to a connection.
const SLOW_TRANSIENT: &str = "slow_transient";
const SLOW_TEXT: &str = "slow_text";
const SLOW_CLOSED: &str = "slow_closed";
const STALE: &str = "stale";

/// What is used for each event. To look it up takes a lock that all threads share.
static DELIVERING: LazyLock<Delivering> = LazyLock::new(|| Delivering {
    given: counter!("causerie_deliveries_total"),
    delays: histogram!("causerie_publish_to_deliver_seconds"),
    snapshots: counter!("causerie_snapshots_total"),
});

struct Delivering {
    given: Counter,
    delays: Histogram,
    snapshots: Counter,
}

pub(super) fn begin_at_zero() {
    for name in ["causerie_deliveries_total", "causerie_snapshots_total"] {
        counter!(name).increment(0);
    }
    for reason in [SLOW_TRANSIENT, SLOW_TEXT, SLOW_CLOSED, STALE] {
        counter!("causerie_drops_total", "reason" => reason).increment(0);
    }
}

/// What became of events, over all who are in their room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    given: u64,
    transient_dropped: u64,
    text_dropped: u64,
    overflown: u64,
    snapshots: u64,
    /// Frames that went out over WebSockets joined to others; the rest is counted one
    /// by one.
    joined: u64,
}

impl Deliveries {
    pub(crate) fn count(&mut self, pushed: Pushed, frames: usize) {
        let count = match pushed {
            Pushed::Written | Pushed::Queued => &mut self.given,
            Pushed::DroppedTransient => &mut self.transient_dropped,
            Pushed::DroppedText => &mut self.text_dropped,
            Pushed::Overflown => &mut self.overflown,
            Pushed::Closed => return,
        };
        *count += frames as u64;
    }

    /// The same for a snapshot of a reply.
    pub(crate) fn count_snapshot(&mut self, pushed: Pushed) {
        self.count(pushed, 1);
        self.snapshots += u64::from(is_given(pushed));
    }

    /// So many frames went out over a WebSocket, joined.
    pub(crate) fn count_joined(&mut self, frames: usize) {
        self.joined += frames as u64;
    }

    /// How many of what was given were snapshots of replies.
    pub(crate) fn snapshots(&self) -> u64 {
        self.snapshots
    }
}

fn is_given(pushed: Pushed) -> bool {
    match pushed {
        Pushed::Written | Pushed::Queued => true,
        Pushed::DroppedTransient | Pushed::DroppedText | Pushed::Overflown | Pushed::Closed => {
            false
        }
    }
}

/// Events that were published then were given to all of their room.
pub(crate) fn delivered(
    deliveries: &Deliveries,
    published_ms: impl Iterator<Item = u64>,
    now_ms: u64,
) {
    DELIVERING.given.increment(deliveries.given);
    websocket::frames_sent(deliveries.joined);
    for (reason, count) in [
        (SLOW_TRANSIENT, deliveries.transient_dropped),
        (SLOW_TEXT, deliveries.text_dropped),
        (SLOW_CLOSED, deliveries.overflown),
    ] {
        if count > 0 {
            counter!("causerie_drops_total", "reason" => reason).increment(count);
        }
    }
    if deliveries.given > 0 {
        for published_ms in published_ms {
            let late_ms = now_ms.saturating_sub(published_ms);
            DELIVERING.delays.record(late_ms as f64 / 1_000.0);
            websocket::delivered(late_ms);
        }
    }
}

/// A record came twice, or too late.
pub(crate) fn stale_record_dropped() {
    kept!(counter!("causerie_drops_total", "reason" => STALE)).increment(1);
}

/// Of what one who comes into a room got, replies' texts were sent whole.
pub(crate) fn snapshots_sent(deliveries: &Deliveries) {
    DELIVERING.snapshots.increment(deliveries.snapshots());
}

/// A reply's text was sent whole, unless it was dropped.
pub(crate) fn snapshot_pushed(pushed: Pushed) {
    DELIVERING.snapshots.increment(is_given(pushed).into());
}
