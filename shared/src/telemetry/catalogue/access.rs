//! Who may do what, and how much of it.

use super::{Metric, counter};

pub(super) const METRICS: &[Metric] = &[
    counter(
        "causerie_refusals_total",
        "`reason`",
        "requests refused: `token_expired`, `origin`, `unknown_tenant` …, else the error's code. \
         The access log has the same word as `refused`",
    ),
    counter(
        "causerie_token_renewals_total",
        "`outcome`",
        "new tokens that clients showed on a live connection: `renewed`, or `refused`",
    ),
    counter(
        "causerie_revocations_total",
        "",
        "revocations of users' tokens that a gateway heard of",
    ),
    counter(
        "causerie_users_disconnected_total",
        "",
        "users whom a gateway was told to disconnect",
    ),
    counter("causerie_visitors_total", "", "visitors' tokens made"),
    counter(
        "causerie_api_key_requests_total",
        "",
        "requests with an API key that was believed",
    ),
    counter(
        "causerie_key_set_fetches_total",
        "`outcome`",
        "fetches of key sets (JWKS): `fetched` or `failed`",
    ),
    counter(
        "causerie_key_reload_errors_total",
        "",
        "reloads whose keys could not be used",
    ),
    counter(
        "causerie_rate_limited_total",
        "`what`, `scope`",
        "what was refused since it came too often: `connections`, `visitors`, `requests` (frames \
         too), `key_requests` (of one API key), `ruler_requests` (of a tenant's servers and those \
         with a role), `messages`, `visitor_messages`, `visitor_questions`, `typing` (with `read` \
         and `status`) or `revocations`, of one `connection`, `ip`, `user` or `tenant`",
    ),
    counter(
        "causerie_violations_total",
        "",
        "times that a client did not wait as it was told: \
         [limits](limits.md#how-fast-a-connection-may-go)",
    ),
    counter(
        "causerie_floods_total",
        "`transport`",
        "times that somebody did not wait so often that their connection was closed with 4508, or \
         their address held off: over a `websocket` or asking for one, for an event stream (`sse`), \
         or in requests (`http`)",
    ),
    counter(
        "causerie_held_off_total",
        "",
        "requests refused since their address is held off, for a flood from there",
    ),
    counter(
        "causerie_uncounted_total",
        "",
        "times that somebody was let through uncounted, since the bus did not answer",
    ),
    counter(
        "causerie_untrusted_proxy_requests_total",
        "",
        "requests with `Forwarded` or `X-Forwarded-For` from a peer that is not among \
         `auth.trusted_proxies`: [limits](limits.md#behind-a-proxy)",
    ),
    counter(
        "causerie_audit_entries_total",
        "`what`",
        "entries of the [audit log](audit.md), by what was done",
    ),
    counter(
        "causerie_audit_dropped_total",
        "`part` (`acts`, `sessions`, `strangers`)",
        "notes for it that are not kept: more than could wait for Redis",
    ),
];
