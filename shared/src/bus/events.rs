//! What happens on the bus that an operator should see: log line and metric of
//! one happening together.

/// A feed's reader was too slow: records were dropped, and it is told so.
pub(super) fn feed_overflown() {
    tracing::warn!(
        "the feed's reader is too slow: records were dropped, its rooms will be read again"
    );
    metrics::counter!("causerie_feed_overflows_total").increment(1);
}
