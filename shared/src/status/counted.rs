//! What was counted within a window of time, and what follows from it.

use serde::{Deserialize, Serialize};

use super::samples::Samples;
use crate::telemetry::SECONDS;

/// What was counted within a window of time, by one program or by several together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// The length of the window; of several the longest.
    pub seconds: f64,
    /// Sockets and streams that were opened.
    pub connects: u64,
    /// Those that were asked for in vain, through no fault of the client's.
    pub failed_connects: u64,
    /// Of those opened, those whose client had a connection before.
    pub returned: u64,
    /// Messages stored.
    pub messages: u64,
    /// Events given to a connection.
    pub deliveries: u64,
    /// Events that a connection was not given.
    pub undelivered: u64,
    /// Errors answered.
    pub errors: u64,
    /// Replies that ended.
    pub replies: u64,
    /// Of those, the ones that failed.
    pub failed_replies: u64,
    /// From publishing to fanning out, by the histogram's buckets.
    pub latencies: Vec<u64>,
    /// From the claim of a question to the reply's first text, likewise.
    pub first_texts: Vec<u64>,
}

impl Counted {
    /// All that a program has counted since its start.
    pub(super) fn in_all(samples: &Samples<'_>) -> Self {
        const REQUESTS: &str = "causerie_http_requests_total";
        let drops = |reason| {
            samples.sum_where("causerie_drops_total", |labels| labels.is("reason", reason))
        };
        let lost = samples.sum_where("causerie_repairs_total", |labels| {
            labels.is("outcome", "lost")
        });
        Self {
            seconds: 0.0,
            connects: whole(samples.sum("causerie_connects_total")),
            failed_connects: whole(samples.sum_where(REQUESTS, |labels| {
                let is_failed = |status: &str| status.starts_with('5');
                labels.get("route").is_some_and(is_door)
                    && labels.get("status").is_some_and(is_failed)
            })),
            returned: whole(
                samples.sum_where("causerie_client_connects_total", |labels| {
                    !labels.is("last", "none")
                }),
            ),
            messages: whole(samples.sum("causerie_messages_total")),
            deliveries: whole(samples.sum("causerie_deliveries_total")),
            undelivered: whole(drops("slow_transient") + drops("slow_closed") + lost),
            errors: whole(samples.sum("causerie_errors_total")),
            replies: whole(samples.sum("causerie_broker_replies_total")),
            failed_replies: whole(
                samples.sum_where("causerie_broker_replies_total", |labels| {
                    labels.is("finish_reason", "error")
                }),
            ),
            latencies: buckets(samples, "causerie_publish_to_deliver_seconds"),
            first_texts: buckets(samples, "causerie_broker_first_text_seconds"),
        }
    }

    /// What was counted since `before`, `seconds` ago.
    pub(super) fn since(&self, before: &Self, seconds: f64) -> Self {
        let mut since = self.joined(before, u64::saturating_sub);
        since.seconds = seconds;
        since
    }

    /// Adds what another program has counted.
    pub fn add(&mut self, other: &Self) {
        let seconds = self.seconds.max(other.seconds);
        *self = self.joined(other, u64::saturating_add);
        self.seconds = seconds;
    }

    fn joined(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let all = |ours: &[u64], others: &[u64]| {
            let of = |list: &[u64], at: usize| list.get(at).copied().unwrap_or(0);
            let places = 0..ours.len().max(others.len());
            places
                .map(|at| join(of(ours, at), of(others, at)))
                .collect()
        };
        Self {
            seconds: self.seconds,
            connects: join(self.connects, other.connects),
            failed_connects: join(self.failed_connects, other.failed_connects),
            returned: join(self.returned, other.returned),
            messages: join(self.messages, other.messages),
            deliveries: join(self.deliveries, other.deliveries),
            undelivered: join(self.undelivered, other.undelivered),
            errors: join(self.errors, other.errors),
            replies: join(self.replies, other.replies),
            failed_replies: join(self.failed_replies, other.failed_replies),
            latencies: all(&self.latencies, &other.latencies),
            first_texts: all(&self.first_texts, &other.first_texts),
        }
    }

    /// How many of `count` there were a second.
    pub fn rate(&self, count: u64) -> f64 {
        if self.seconds > 0.0 {
            count as f64 / self.seconds
        } else {
            0.0
        }
    }
}

/// In how many milliseconds that share of what `buckets` counts was done, as Prometheus's
/// `histogram_quantile` guesses; nothing where nothing was.
pub fn percentile(buckets: &[u64], share: f64) -> Option<f64> {
    let all: u64 = buckets.iter().sum();
    if all == 0 {
        return None;
    }
    let wanted = share * all as f64;
    let (mut below, mut from) = (0.0, 0.0);
    for (count, to) in buckets.iter().zip(SECONDS) {
        let count = *count as f64;
        if below + count >= wanted && count > 0.0 {
            let within = (wanted - below) / count;
            return Some((from + (to - from) * within) * 1_000.0);
        }
        (below, from) = (below + count, to);
    }
    // Beyond the last bound nothing is known but that.
    Some(from * 1_000.0)
}

/// Whether sockets or streams are opened there.
fn is_door(route: &str) -> bool {
    route == "/ws" || route == "/ws/chat" || route == "/api/events" || route.ends_with("/events")
}

/// How many there are in each bucket alone, of all histograms called so.
fn buckets(samples: &Samples<'_>, name: &str) -> Vec<u64> {
    let name = format!("{name}_bucket");
    let up_to = |bound: &str| whole(samples.sum_where(&name, |labels| labels.is("le", bound)));
    let bounds = SECONDS
        .iter()
        .map(f64::to_string)
        .chain(["+Inf".to_owned()]);
    let mut below = 0;
    let each = bounds.map(|bound| {
        let all = up_to(&bound);
        let here = all.saturating_sub(below);
        below = below.max(all);
        here
    });
    each.collect()
}

/// A count is never negative, nor a part of one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is clamped"
)]
pub(super) fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
causerie_connects_total{transport=\"websocket\"} 7
causerie_connects_total{transport=\"sse\"} 3
causerie_http_requests_total{route=\"/ws\",status=\"101\"} 7
causerie_http_requests_total{route=\"/ws\",status=\"503\"} 2
causerie_http_requests_total{route=\"/api/rooms/{room}/events\",status=\"500\"} 1
causerie_http_requests_total{route=\"/api/chat\",status=\"504\"} 5
causerie_http_requests_total{route=\"/ws\",status=\"401\"} 4
causerie_drops_total{reason=\"slow_closed\"} 1
causerie_drops_total{reason=\"stale\"} 9
causerie_publish_to_deliver_seconds_bucket{le=\"0.0005\"} 10
causerie_publish_to_deliver_seconds_bucket{le=\"0.001\"} 30
causerie_publish_to_deliver_seconds_bucket{le=\"+Inf\"} 31
";

    #[test]
    fn what_a_program_counts_is_read_from_its_metrics() {
        let all = Counted::in_all(&Samples::read(TEXT));
        assert_eq!((all.connects, all.failed_connects), (10, 3));
        assert_eq!(all.undelivered, 1);
        assert_eq!(all.latencies[..2], [10, 20]);
        // Buckets that are not there hold none of their own.
        assert_eq!(all.latencies.iter().sum::<u64>(), 31);
    }

    #[test]
    fn a_window_is_what_came_since_and_several_are_joined() {
        let before = Counted {
            messages: 2,
            latencies: vec![1, 1],
            ..Counted::default()
        };
        let now = Counted {
            messages: 12,
            latencies: vec![1, 4, 2],
            ..Counted::default()
        };
        let mut window = now.since(&before, 5.0);
        assert_eq!((window.messages, window.rate(window.messages)), (10, 2.0));
        assert_eq!(window.latencies, [0, 3, 2]);
        window.add(&window.clone());
        assert_eq!((window.messages, window.seconds), (20, 5.0));
        assert_eq!(window.latencies, [0, 6, 4]);
    }

    #[test]
    fn percentiles_lie_within_their_buckets() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[0; 17], 0.5), None);
        // All between 1 and 2 ms.
        let half = percentile(&[0, 0, 10], 0.5).unwrap();
        assert!((1.0..=2.0).contains(&half), "{half}");
        let mut slow = vec![0; 17];
        slow[16] = 3;
        assert_eq!(percentile(&slow, 0.95), Some(60_000.0));
    }
}
