//! The second listener of every program, for operators: health and metrics.

mod health;
mod listen;

use std::future::Future;

use axum::Router;
use axum::http::header;
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use health::{Health, Readiness, health_router};
pub use listen::{ListenError, Listener, listen};

use crate::headers::protect;
use crate::telemetry::Metrics;

/// What is found where, for a person with a browser.
const INDEX: &str = "<!doctype html><title>Causerie</title>\
    <p><a href=\"/health\">/health</a>, <a href=\"/health/live\">/health/live</a>, \
    <a href=\"/health/ready\">/health/ready</a>, <a href=\"/metrics\">/metrics</a></p>\n";

/// `/health`, `/health/live`, `/health/ready`, `/metrics` and its other name
/// `/metrics/prometheus`; `/` links to them.
pub fn router(health: Health, metrics: Metrics) -> Router {
    let render = move || {
        let metrics = metrics.clone();
        async move {
            (
                [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
                metrics.render(),
            )
                .into_response()
        }
    };
    health_router(health)
        .route("/", get(|| async { Html(INDEX) }))
        .route("/metrics", get(render.clone()))
        .route("/metrics/prometheus", get(render))
        .layer(from_fn(protect))
}

/// Answers on `listener` until `stop`.
pub fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> impl Future<Output = std::io::Result<()>> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .into_future()
}
