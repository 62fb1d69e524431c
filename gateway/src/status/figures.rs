//! What follows from what was counted.

use causerie_shared::status::{Counted, percentile};
use serde::Serialize;

/// What follows from what was counted within a window of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) window_seconds: f64,
    pub(crate) per_second: Rates,
    pub(crate) percent: Shares,
    pub(crate) latency_ms: Percentiles,
    pub(crate) first_text_ms: Percentiles,
}

/// So many a second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rates {
    connects: f64,
    messages: f64,
    deliveries: f64,
    errors: f64,
    replies: f64,
}

/// Shares in percent; nothing where there was nothing to have one of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shares {
    pub(crate) connection_success: Option<f64>,
    pub(crate) delivery_failure: Option<f64>,
    pub(crate) reconnection: Option<f64>,
    pub(crate) reply_failure: Option<f64>,
}

/// Times in milliseconds; nothing where nothing was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl Figures {
    pub(crate) fn of(counted: &Counted) -> Self {
        let rate = |count| rounded(counted.rate(count));
        let tried = counted.connects + counted.failed_connects;
        let due = counted.deliveries + counted.undelivered;
        Self {
            window_seconds: rounded(counted.seconds),
            per_second: Rates {
                connects: rate(counted.connects),
                messages: rate(counted.messages),
                deliveries: rate(counted.deliveries),
                errors: rate(counted.errors),
                replies: rate(counted.replies),
            },
            percent: Shares {
                connection_success: percent(counted.connects, tried),
                delivery_failure: percent(counted.undelivered, due),
                reconnection: percent(counted.returned, counted.connects),
                reply_failure: percent(counted.failed_replies, counted.replies),
            },
            latency_ms: Percentiles::of(&counted.latencies),
            first_text_ms: Percentiles::of(&counted.first_texts),
        }
    }
}

impl Percentiles {
    fn of(buckets: &[u64]) -> Self {
        let at = |share| percentile(buckets, share).map(rounded);
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
        }
    }
}

fn percent(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| rounded(part as f64 / all as f64 * 100.0))
}

/// To three places: nobody reads more.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_none() {
        let none = Figures::of(&Counted::default());
        assert_eq!(none.percent.connection_success, None);
        assert_eq!(none.latency_ms.p95, None);
        let some = Figures::of(&Counted {
            seconds: 10.0,
            connects: 19,
            failed_connects: 1,
            returned: 3,
            deliveries: 999,
            undelivered: 1,
            ..Counted::default()
        });
        assert_eq!(some.per_second.connects, 1.9);
        assert_eq!(some.percent.connection_success, Some(95.0));
        assert_eq!(some.percent.delivery_failure, Some(0.1));
        assert_eq!(some.percent.reconnection, Some(15.789));
    }
}
