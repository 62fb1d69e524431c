//! The access log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use causerie_shared::telemetry;
use http::Method;
use tracing::Instrument;

use super::events;
use crate::admission::Reason;

/// Serves a request within its trace, and notes what became of it: never with
/// its query, which may hold a token, nor with ids, which name people.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = name_of(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
    );
    let traceparent = request.headers().get("traceparent");
    if let Some(traceparent) = traceparent.and_then(|value| value.to_str().ok()) {
        telemetry::continue_trace(&span, traceparent);
    }
    let response = next.run(request).instrument(span.clone()).await;
    let status = i64::from(response.status().as_u16());
    telemetry::set(&span, "http.response.status_code", status);
    let _entered = span.enter();
    let refused = response.extensions().get().map(|Reason(why)| *why);
    events::served(
        method,
        &route,
        response.status(),
        started.elapsed(),
        refused,
    );
    response
}

/// A method's name, unless a client made it up: then it may hold anything.
fn name_of(method: &Method) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let mut known = known.into_iter();
    known.find(|name| *method == *name).unwrap_or("other")
}
