//! What happens in model calls: the metric and the log line of each.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use tracing::{debug, info, warn};

use super::breaker::BreakerState;
use super::{BackendError, CallId, ErrorKind};

/// After which errors the same backend is asked again.
const RETRIED: [ErrorKind; 7] = [
    ErrorKind::RateLimited { retry_after: None },
    ErrorKind::Overloaded { retry_after: None },
    ErrorKind::Unavailable,
    ErrorKind::FirstTokenTimeout,
    ErrorKind::Stalled,
    ErrorKind::BrokeOff,
    ErrorKind::Malformed,
];

/// A try of `model` at `place` ended in an error.
pub(super) fn try_failed(call: &CallId, error: &BackendError, place: Option<&str>, model: &str) {
    let outcome = error.kind.as_str();
    let hint = hint(error);
    counter!("causerie_ai_tries_total", "backend" => error.backend, "outcome" => outcome)
        .increment(1);
    warn!(
        backend = error.backend,
        place, model, %call, outcome, detail = error.detail, hint, "AI call failed"
    );
}

/// Which key of the configuration to look at.
fn hint(error: &BackendError) -> Option<String> {
    let key = match error.kind {
        ErrorKind::Unavailable => "base_url",
        ErrorKind::Unauthorized => "api_key",
        // That is how servers say that they have no such model.
        ErrorKind::BadRequest if error.detail.starts_with("HTTP 404") => "model",
        ErrorKind::BadRequest
        | ErrorKind::RateLimited { .. }
        | ErrorKind::Overloaded { .. }
        | ErrorKind::FirstTokenTimeout
        | ErrorKind::Timeout
        | ErrorKind::Stalled
        | ErrorKind::BrokeOff
        | ErrorKind::Malformed => return None,
    };
    let backend = error.backend;
    let variable = format!("AI_{backend}_{key}").to_ascii_uppercase();
    Some(format!("see ai.{backend}.{key} ({variable})"))
}

/// The first text of a reply came in, so long after the try began.
pub(super) fn first_token(backend: &'static str, call: &CallId, after: Duration) {
    histogram!("causerie_ai_first_token_seconds", "backend" => backend).record(after.as_secs_f64());
    debug!(backend, %call, after_ms = after.as_secs_f64() * 1000.0, "AI reply begins");
}

/// A reply is complete.
pub(super) fn replied(backend: &'static str, call: &CallId) {
    counter!("causerie_ai_tries_total", "backend" => backend, "outcome" => "ok").increment(1);
    debug!(backend, %call, "AI reply complete");
}

/// The same backend will be asked again.
pub(super) fn retrying(call: &CallId, error: &BackendError, wait: Duration) {
    let reason = error.kind.as_str();
    counter!("causerie_ai_retries_total", "backend" => error.backend, "reason" => reason)
        .increment(1);
    info!(backend = error.backend, %call, reason, wait_ms = wait.as_millis(), "AI call is retried");
}

/// The next backend is asked.
pub(super) fn falling_back(call: &CallId, error: &BackendError, to: &'static str) {
    let reason = error.kind.as_str();
    counter!("causerie_ai_fallbacks_total", "from" => error.backend, "to" => to, "reason" => reason)
        .increment(1);
    warn!(from = error.backend, to, %call, reason, "AI call falls back");
}

/// A breaker was made, and is closed: its backend may be called from now on.
pub(super) fn breaker_made(backend: &'static str) {
    for reason in RETRIED {
        let reason = reason.as_str();
        counter!("causerie_ai_retries_total", "backend" => backend, "reason" => reason)
            .increment(0);
    }
    counter!("causerie_ai_replies_cut_total", "backend" => backend).increment(0);
    show_breaker(backend, BreakerState::Closed);
}

fn show_breaker(backend: &'static str, state: BreakerState) {
    let value = match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    };
    gauge!("causerie_ai_breaker_state", "backend" => backend).set(value);
}

/// A breaker came into a state: 0 closed, 1 half open, 2 open.
pub(super) fn breaker_is(backend: &'static str, state: BreakerState) {
    show_breaker(backend, state);
    match state {
        BreakerState::Closed => info!(backend, "AI breaker closed: the backend answers"),
        BreakerState::HalfOpen => {
            info!(backend, "AI breaker half open: one call tries the backend")
        }
        BreakerState::Open => warn!(backend, "AI breaker open: the backend is not asked for now"),
    }
}

/// A reply grew over the longest allowed, and was cut.
pub(super) fn reply_cut(backend: &'static str, call: &CallId, limit: usize) {
    counter!("causerie_ai_replies_cut_total", "backend" => backend).increment(1);
    warn!(backend, %call, limit, "AI reply cut at ai.max_reply_bytes");
}
