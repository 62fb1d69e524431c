//! The eight metrics that monitoring made for what Causerie replaces looks for, by the
//! names that it has there. Handles are kept: several of them are used for each frame.

use std::sync::LazyLock;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    open: gauge!("websocket_connections_total"),
    opened: counter!("websocket_connections_count"),
    ended: counter!("websocket_disconnections_total"),
    sent: counter!("websocket_messages_sent_total"),
    received: counter!("websocket_messages_received_total"),
    errors: counter!("websocket_errors_total"),
    latency_ms: histogram!("websocket_message_latency_ms"),
    sessions: gauge!("websocket_active_sessions"),
});

struct Metrics {
    open: Gauge,
    opened: Counter,
    ended: Counter,
    sent: Counter,
    received: Counter,
    errors: Counter,
    latency_ms: Histogram,
    sessions: Gauge,
}

pub(super) fn begin_at_zero() {
    let all = &*METRICS;
    for gauge in [&all.open, &all.sessions] {
        gauge.increment(0.0);
    }
    for counter in [
        &all.opened,
        &all.ended,
        &all.sent,
        &all.received,
        &all.errors,
    ] {
        counter.increment(0);
    }
}

/// A WebSocket is open.
pub(super) fn opened() {
    METRICS.open.increment(1);
    METRICS.opened.increment(1);
}

/// A WebSocket is gone.
pub(super) fn ended() {
    METRICS.open.decrement(1);
    METRICS.ended.increment(1);
}

/// So many frames go out over WebSockets, or wait to.
pub(crate) fn frames_sent(frames: u64) {
    METRICS.sent.increment(frames);
}

/// A frame came that asks for something.
pub(crate) fn frame_received() {
    METRICS.received.increment(1);
}

/// A frame of a client was refused, or nobody can read what it sends.
pub(crate) fn frame_refused() {
    METRICS.errors.increment(1);
}

/// An event reached those who are in its room, so late.
pub(super) fn delivered(late_ms: u64) {
    METRICS.latency_ms.record(late_ms as f64);
}

/// The first connection of a user is there.
pub(crate) fn user_came() {
    METRICS.sessions.increment(1);
}

/// The last connection of a user is gone.
pub(crate) fn user_left() {
    METRICS.sessions.decrement(1);
}
