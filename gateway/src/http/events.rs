//! What happens over HTTP, in logs and metrics.

use std::time::Duration;

use http::StatusCode;

/// A request was answered; an event stream or a WebSocket only began. `refused`
/// says why it was not carried out.
pub(super) fn served(
    method: &str,
    route: &str,
    status: StatusCode,
    took: Duration,
    refused: Option<&'static str>,
) {
    let code = status.as_u16();
    let ms = took.as_secs_f64() * 1_000.0;
    let is_nothing = route == "-" || refused == Some("held_off");
    if is_nothing || route.starts_with("/health") {
        // Asked for every few seconds by whoever looks after the node; and what costs a stranger
        // nothing is counted, and fills no log.
        tracing::debug!(method, route, status = code, refused, ms, "served");
    } else {
        tracing::info!(method, route, status = code, refused, ms, "served");
    }
    metrics::counter!(
        "causerie_http_requests_total", "route" => route.to_owned(), "status" => code.to_string(),
    )
    .increment(1);
    if let Some(reason) = refused {
        metrics::counter!("causerie_refusals_total", "reason" => reason).increment(1);
    }
    metrics::histogram!("causerie_http_request_seconds", "route" => route.to_owned())
        .record(took.as_secs_f64());
}

/// A reply was not complete in the time that `POST /api/chat` waits.
pub(super) fn reply_awaited_in_vain() {
    tracing::debug!("a reply was not complete in time");
    metrics::counter!("causerie_chat_timeouts_total").increment(1);
}
