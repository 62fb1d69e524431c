//! What clients and servers ask for.

use super::{Metric, counter, histogram};

pub(super) const METRICS: &[Metric] = &[
    counter(
        "causerie_messages_total",
        "`to`",
        "messages stored: for the `ai`, or for `people` alone",
    ),
    counter(
        "causerie_filtered_messages_total",
        "`result`",
        "messages that hold words of a [list](filtering.md): `flagged`, `masked` or `rejected`",
    ),
    counter(
        "causerie_repeated_messages_total",
        "",
        "messages that had been stored before",
    ),
    counter("causerie_deleted_messages_total", "", "messages deleted"),
    counter(
        "causerie_published_events_total",
        "`kind`",
        "events that servers published, once for each room: `durable` ones, or `transient`",
    ),
    counter(
        "causerie_repeated_publishings_total",
        "",
        "events of servers that a room had already",
    ),
    counter("causerie_actions_total", "`action`", "actions of clients"),
    counter(
        "causerie_errors_total",
        "`code`, `category`, `severity`",
        "errors answered, [sorted](#how-errors-are-sorted)",
    ),
    counter(
        "causerie_http_requests_total",
        "`route`, `status`",
        "requests answered",
    ),
    histogram(
        "causerie_http_request_seconds",
        "`route`",
        "requests, by route",
    ),
    counter(
        "causerie_chat_timeouts_total",
        "",
        "`POST /api/chat` past `ai.message_timeout`",
    ),
];
