//! What happens on the bus that an operator should see: log line and metric of
//! one happening together.

/// A feed was made; its overflows are shown as 0 before there is one.
pub(super) fn feed_made() {
    metrics::counter!("causerie_feed_overflows_total").increment(0);
}

/// A feed's reader was too slow: records were dropped, and it is told so.
pub(super) fn feed_overflown() {
    tracing::warn!(
        "the feed's reader is too slow: records were dropped, its rooms will be read again"
    );
    metrics::counter!("causerie_feed_overflows_total").increment(1);
}

/// The program's first connection to Redis could not be made; it tries again.
pub(super) fn not_connected(error: &super::BusError) {
    tracing::warn!(%error, "no connection to Redis; trying again");
    metrics::counter!("causerie_redis_connects_failed_total").increment(1);
}

/// The bus answered a ping, after so long.
pub(super) fn answers(took: std::time::Duration) {
    metrics::histogram!("causerie_redis_ping_seconds").record(took.as_secs_f64());
}
