//! How clients get in, and how their connections end.

use super::{Metric, counter, gauge, histogram};

pub(super) const METRICS: &[Metric] = &[
    gauge("causerie_connections", "`transport`", "open connections"),
    gauge(
        "causerie_connections_by_state",
        "`state`, `transport`",
        "connections `joining` their first rooms, those that have `joined` them, and those \
         `closing`, which get what waits, and the reason: all of them in a drain. They are counted \
         twice a second. Before that they are `waiting`: a request, or the handshake before it, is \
         awaited, and the transport is `none`",
    ),
    counter(
        "causerie_connects_total",
        "`transport`",
        "connections opened",
    ),
    counter(
        "causerie_client_connects_total",
        "`transport`, `last`, `attempt`",
        "connections opened, by what clients tell of their way: the transport `last` had (`none` \
         also where nothing is told), and whether this try was the first since then (`1`, `2-4`, \
         `5+`, `unknown`). What is not understood is `other`: [how well clients get \
         in](#how-well-clients-get-in)",
    ),
    counter(
        "causerie_client_configs_total",
        "`mode`",
        "times that a client asked which transport to use, by what it was told: `auto`, `streaming` \
         or `http` ([rolling out](rollout.md))",
    ),
    histogram(
        "causerie_client_away_seconds",
        "`transport`",
        "how long clients that came back had been without a connection when they began the try that \
         succeeded, as they tell",
    ),
    counter(
        "causerie_compressed_connects_total",
        "",
        "WebSockets opened with which compression was agreed on",
    ),
    counter(
        "causerie_compressed_bytes_total",
        "`stage`",
        "bytes of frames that were compressed, `before` and `after`; each frame once, however many \
         get it",
    ),
    counter(
        "causerie_closes_total",
        "`code`",
        "connections closed, by close code",
    ),
    counter(
        "causerie_connection_inquiries_total",
        "`outcome`",
        "times that a server asked about a connection, or wanted it ended: it was `found`, `gone`, \
         or its gateway left that `unanswered`",
    ),
    counter(
        "causerie_connection_surveys_total",
        "`outcome`",
        "times that a server asked for all connections of a user: the answer was `whole`, or \
         `partial` since a gateway did not answer",
    ),
    counter(
        "causerie_accept_errors_total",
        "",
        "connections that could not be accepted",
    ),
    counter(
        "causerie_waiting_hung_up_total",
        "",
        "connections that were hung up on since they had waited longest for a request among [too \
         many](limits.md#how-many-at-once)",
    ),
    counter(
        "causerie_tls_connections_total",
        "`version`",
        "connections over TLS that have begun, by its version; these four where there is [TLS](tls.md)",
    ),
    counter(
        "causerie_tls_handshake_failures_total",
        "`reason`",
        "connections to the port for TLS that did not come to it: [the \
         reasons](tls.md#who-does-not-get-in)",
    ),
    gauge(
        "causerie_tls_certificate_expiry_seconds",
        "",
        "when the certificate in use expires, in seconds since 1970",
    ),
    counter(
        "causerie_tls_reloads_total",
        "`result`",
        "times that certificate and key were read again: `ok` or `failed`",
    ),
];
