//! The second listener of every program, for operators: health and metrics.

mod added;
mod health;
mod listen;

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::http::header;
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use added::Added;
pub use health::{Health, Readiness, health_router};
pub use listen::{ListenError, Listener, listen};

use crate::headers::protect;
use crate::telemetry::Metrics;

/// What is found where, for a person with a browser.
const INDEX: &str = "<!doctype html><title>Causerie</title>\
    <p><a href=\"/health\">/health</a>, <a href=\"/health/live\">/health/live</a>, \
    <a href=\"/health/ready\">/health/ready</a>, <a href=\"/metrics\">/metrics</a>; of a gateway \
    <a href=\"/admin\">/admin</a></p>\n";

/// `/health`, `/health/live`, `/health/ready`, `/metrics` and its other name
/// `/metrics/prometheus`; `/` links to them. Besides, what the program has `added`.
pub fn router(health: Health, metrics: Metrics, added: Added) -> Router {
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
        .fallback(move |request| added.clone().answer(request))
        .layer(from_fn(protect))
}

/// Answers on `listener` until `stop`.
pub fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> impl Future<Output = std::io::Result<()>> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .into_future()
}
