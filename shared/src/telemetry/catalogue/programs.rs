//! Of every program.

use super::{Metric, counter, gauge, histogram};

pub(super) const METRICS: &[Metric] = &[
    gauge("causerie_info", "`program`, `node`, `version`", "always 1"),
    counter(
        "causerie_config_reloads_total",
        "`result`",
        "times that the configuration was read again: `ok` or `failed`",
    ),
    counter(
        "causerie_log_lines_dropped_total",
        "",
        "log lines that were not written: more than 1 MiB of them waited for stderr, or it takes \
         none any more",
    ),
    histogram(
        "causerie_event_loop_lag_seconds",
        "",
        "how late a timer is that is looked at ten times a second: a millisecond or two where \
         threads are free; tens where the machine is too busy",
    ),
    counter(
        "causerie_trace_spans_total",
        "`result`",
        "spans that were `sent` to a collector, that it did not take (`failed`), or of which more \
         came than may wait (`dropped`); where there is [a collector](traces.md)",
    ),
    gauge("causerie_ready", "", "1 where `/health/ready` says so"),
    histogram("causerie_bus_verb_seconds", "`verb`", "calls of the bus"),
    counter(
        "causerie_bus_errors_total",
        "`verb`",
        "calls of the bus that failed",
    ),
    counter(
        "causerie_bus_unreadable_records_total",
        "",
        "records and entries passed over: damaged, or of another version",
    ),
    histogram(
        "causerie_redis_ping_seconds",
        "",
        "an empty command's way to Redis and back",
    ),
    counter(
        "causerie_redis_connections_total",
        "`purpose`",
        "connections made to Redis: for `commands`, to hear `rooms`, the `wakes` of brokers and the \
         `orders` of gateways; here and below",
    ),
    counter(
        "causerie_redis_connects_failed_total",
        "",
        "connections to Redis that could not be made at the start",
    ),
    counter(
        "causerie_redis_connection_errors_total",
        "`purpose`",
        "connections to Redis that broke",
    ),
    counter(
        "causerie_redis_looks_failed_total",
        "",
        "times that no Sentinel, or no node of a Cluster, told who serves what, or that the primary \
         which Sentinels name is not there, is none, or is another than before though they tell of \
         no fail-over: a fail-over may raise it by a few",
    ),
    counter(
        "causerie_redis_resubscriptions_total",
        "`purpose`",
        "times that all channels were subscribed again",
    ),
];
