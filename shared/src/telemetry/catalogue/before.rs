//! By the names that what Causerie replaces had: dashboards look for them. They count what
//! those of now do.

use super::{Metric, counter, gauge, histogram};

pub(super) const METRICS: &[Metric] = &[
    gauge("websocket_connections_total", "", "open WebSockets"),
    counter("websocket_connections_count", "", "WebSockets opened"),
    counter(
        "websocket_disconnections_total",
        "",
        "WebSockets that are gone",
    ),
    counter(
        "websocket_messages_sent_total",
        "",
        "frames given to clients: events, snapshots and answers",
    ),
    counter(
        "websocket_messages_received_total",
        "",
        "frames of clients, but for pings, pongs and closes",
    ),
    counter(
        "websocket_errors_total",
        "",
        "frames refused with an `error`, and WebSockets closed since what came is no WebSocket",
    ),
    histogram(
        "websocket_message_latency_ms",
        "",
        "from publishing to fanning out, in milliseconds",
    ),
    gauge(
        "websocket_active_sessions",
        "",
        "users who are connected, each once",
    ),
];
