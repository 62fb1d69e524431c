//! What the gateways see of the whole installation.

use super::{Metric, counter, gauge};

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "causerie_nodes",
        "`program`, `state`",
        "programs of the whole installation that are `up` or `gone`, as this gateway sees them \
         ([status](status.md))",
    ),
    gauge(
        "causerie_status_watcher",
        "",
        "1 where this gateway watches over all programs; one does",
    ),
    gauge(
        "causerie_alerts",
        "`severity`",
        "[alerts](status.md#alerts) that stand: `critical`, `warning` or `informational`; each \
         gateway shows all",
    ),
    counter(
        "causerie_alerts_raised_total",
        "`alert`, `severity`",
        "alerts that this gateway has raised, as the one that watches",
    ),
    counter(
        "causerie_recovery_attempts_total",
        "`what`, `outcome`",
        "what it saw recover, or try to: a `node`, an `ai_backend`, the `store`; it `tried`, \
         `failed` or `recovered`",
    ),
    gauge(
        "causerie_status_sockets",
        "",
        "operators who watch at `/ws/status`",
    ),
];
