//! By tenant, unless `telemetry.tenant_metrics` says otherwise.

use super::{Metric, counter, gauge};

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "causerie_tenant_connections",
        "`tenant`",
        "its connections at a gateway, WebSockets and streams",
    ),
    counter(
        "causerie_tenant_messages_total",
        "`tenant`, `to`",
        "its people's messages: for the `ai`, or for `people` alone",
    ),
    counter(
        "causerie_tenant_replies_total",
        "`tenant`, `finish_reason`",
        "replies of a broker that ended",
    ),
    counter(
        "causerie_tenant_tokens_total",
        "`tenant`, `kind`",
        "tokens of prompts (`prompt`) and replies (`completion`)",
    ),
];
