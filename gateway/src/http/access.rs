//! The access log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use causerie_shared::telemetry;
use tracing::Instrument;

use super::events;
use crate::admission::Reason;

/// Serves a request within its trace, and notes what became of it: never with
/// its query, which may hold a token, nor with ids, which name people.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %method, route);
    let traceparent = request.headers().get("traceparent");
    if let Some(traceparent) = traceparent.and_then(|value| value.to_str().ok()) {
        telemetry::continue_trace(&span, traceparent);
    }
    let response = next.run(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let refused = response.extensions().get().map(|Reason(why)| *why);
    events::served(
        &method,
        &route,
        response.status(),
        started.elapsed(),
        refused,
    );
    response
}
