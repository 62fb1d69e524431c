//! What is fanned out, and what is put right.

use super::{Metric, counter, gauge, histogram};

pub(super) const METRICS: &[Metric] = &[
    gauge("causerie_rooms", "", "rooms that somebody hears here"),
    counter(
        "causerie_deliveries_total",
        "",
        "records given to a connection",
    ),
    histogram(
        "causerie_publish_to_deliver_seconds",
        "",
        "from publishing to fanning out",
    ),
    counter(
        "causerie_drops_total",
        "`reason`",
        "records that were not given to a connection that reads too slowly: `slow_transient`, such \
         as typing indicators; `slow_text`, pieces of replies; `slow_closed`, the one too many, \
         with which it was closed. And `stale`: records that came twice or too late, and that the \
         gateway dropped",
    ),
    counter(
        "causerie_gaps_total",
        "`kind`",
        "holes found in a room's stream: `events` and `head`, durable events that were missed in \
         between or last; `life`, the beginning of a new epoch; `reply`, deltas or the beginning of \
         a reply; `feed`, perhaps anything",
    ),
    counter(
        "causerie_feed_gaps_total",
        "",
        "times that any room may have missed something: a slow feed, or a new connection to Redis",
    ),
    counter(
        "causerie_feed_overflows_total",
        "",
        "times that a feed's buffer was full",
    ),
    counter(
        "causerie_shard_stalls_total",
        "",
        "times that so much waited for crowded rooms that other rooms had to wait as well",
    ),
    counter(
        "causerie_repairs_total",
        "`outcome`",
        "holes `mended`, or `lost`",
    ),
    counter(
        "causerie_rooms_given_up_total",
        "",
        "rooms whose clients were sent away, since what is stored of them cannot be understood",
    ),
    counter(
        "causerie_recoveries_total",
        "`from`",
        "rooms that clients came back to with a position: what they missed came from the gateway's \
         `tail` of recent events or from the `log`, or was `lost` (`recovered: false`)",
    ),
    counter("causerie_snapshots_total", "", "snapshots sent"),
    counter(
        "causerie_presence_told_total",
        "",
        "times that a gateway told how many connections a user has in a room",
    ),
    counter(
        "causerie_presence_renewals_total",
        "",
        "partitions in which a gateway told anew who is there, since Redis was restarted, the \
         gateway had been taken for dead, or too much was to be told while Redis was away",
    ),
    counter(
        "causerie_presence_sweeps_total",
        "",
        "partitions in which it was taken back what a gateway had told that shows no life any more",
    ),
];
