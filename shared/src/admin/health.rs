//! Whether a program is alive, and whether it should be sent clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::config::Program;

/// Which parts of a program are not ready, and why. Cheap to clone; all clones
/// are one.
#[derive(Clone)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// A program that has only just started: not ready, until
    /// [`ready`](Self::ready) is called for the part `start`.
    pub fn starting() -> Self {
        let reasons = BTreeMap::from([("start", "the program is starting".to_owned())]);
        Self(Arc::new(Mutex::new(reasons)))
    }

    /// `part` is ready.
    pub fn ready(&self, part: &'static str) {
        let mut reasons = self.reasons();
        if reasons.remove(part).is_some() {
            events::changed(part, None, reasons.is_empty());
        }
    }

    /// `part` is not ready, for this reason: a sentence for operators.
    pub fn not_ready(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        let mut reasons = self.reasons();
        if reasons.get(part) != Some(&reason) {
            events::changed(part, Some(&reason), false);
            reasons.insert(part, reason);
        }
    }

    /// Whether all parts are ready.
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

mod events {
    use metrics::gauge;
    use tracing::{info, warn};

    /// A part became ready, or is not, for a reason.
    pub(super) fn changed(part: &str, reason: Option<&str>, all_ready: bool) {
        gauge!("causerie_ready").set(if all_ready { 1.0 } else { 0.0 });
        match reason {
            None => info!(part, all_ready, "ready"),
            Some(reason) => warn!(part, reason, "not ready"),
        }
    }
}

/// What `/health` tells of a program.
#[derive(Clone)]
pub struct Health {
    program: Program,
    node: Arc<str>,
    started: Instant,
    readiness: Readiness,
}

impl Health {
    /// Of a program that has just started.
    pub fn new(program: Program, node: &str, readiness: Readiness) -> Self {
        Self {
            program,
            node: node.into(),
            started: Instant::now(),
            readiness,
        }
    }
}

/// `/health`, `/health/live` and `/health/ready`, which may stand on the public
/// port as well.
pub fn health_router(health: Health) -> Router {
    Router::new()
        .route("/health", get(summary))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(health)
}

/// Answers as long as the process can answer at all.
async fn live() -> Json<serde_json::Value> {
    Json(json!({"status": "alive"}))
}

/// 200, or 503 with the reasons.
async fn ready(State(health): State<Health>) -> Response {
    let reasons = health.readiness.reasons().clone();
    let body = json!({"status": status(&reasons), "reasons": reasons});
    (code(&reasons), Json(body)).into_response()
}

/// As [`ready`], with what the program is.
async fn summary(State(health): State<Health>) -> Response {
    let reasons = health.readiness.reasons().clone();
    let body = json!({
        "status": status(&reasons),
        "reasons": reasons,
        "program": health.program.name(),
        "version": env!("CARGO_PKG_VERSION"),
        "node": &*health.node,
        "uptime_seconds": health.started.elapsed().as_secs(),
    });
    (code(&reasons), Json(body)).into_response()
}

fn status(reasons: &BTreeMap<&str, String>) -> &'static str {
    if reasons.is_empty() {
        "ready"
    } else {
        "not ready"
    }
}

fn code(reasons: &BTreeMap<&str, String>) -> StatusCode {
    if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
