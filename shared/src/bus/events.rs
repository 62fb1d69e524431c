//! What happens on the bus that an operator should see: log line and metric of
//! one happening together.

/// The program's first connection to Redis could not be made; it tries again.
pub(super) fn not_connected(error: &super::BusError) {
    tracing::warn!(%error, "no connection to Redis; trying again");
    metrics::counter!("causerie_redis_connects_failed_total").increment(1);
}

/// The bus answered a ping, after so long.
pub(super) fn answers(took: std::time::Duration) {
    metrics::histogram!("causerie_redis_ping_seconds").record(took.as_secs_f64());
}
