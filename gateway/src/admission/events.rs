//! What happens at the door, in logs and metrics.

use super::refusal::Refusal;

/// Somebody was refused who wanted to connect.
pub(super) fn refused(refusal: &Refusal) {
    let status = refusal.status().as_u16();
    tracing::debug!(status, "connection refused");
    metrics::counter!("causerie_connections_refused_total", "status" => status.to_string())
        .increment(1);
}
