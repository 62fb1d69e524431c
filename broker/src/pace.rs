//! How long the texts of a reply are gathered before they are sent.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody reads faster, and every delta costs each node that hears the room.
const SHORTEST: Duration = Duration::from_millis(30);

/// Longer would look as if the reply had stopped.
const LONGEST: Duration = Duration::from_millis(500);

/// About what a delta costs all processors that it passes. However many replies a
/// broker makes, their deltas together don't keep more than one of them busy.
const COST: Duration = Duration::from_micros(25);

/// The pace of one reply's deltas: the first at once, later ones gathered for
/// 30 ms, longer when the bus lags, or when the broker makes very many replies. A
/// bus that takes its time for one delta is given twice that time before the next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent_at: Option<Instant>,
    lag: Duration,
}

impl Pace {
    /// When the next delta may be sent, while so many replies are made here; `None`
    /// is at once.
    pub(crate) fn due(&self, replies: usize) -> Option<Instant> {
        let of_all = COST.saturating_mul(u32::try_from(replies).unwrap_or(u32::MAX));
        let gather = (self.lag * 2).max(of_all).clamp(SHORTEST, LONGEST);
        self.sent_at.map(|at| at + gather)
    }

    /// A delta was sent at `sent_at`, and the bus took until `now` for it.
    pub(crate) fn on_sent(&mut self, sent_at: Instant, now: Instant) {
        let took = (now - sent_at).min(LONGEST);
        // Follows a bus that slows down at once, and one that recovers within
        // a few deltas.
        self.lag = took.max((self.lag * 3 + took) / 4);
        self.sent_at = Some(sent_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// How long the texts are gathered after deltas that took so long.
    fn gathered_after(took: &[u64]) -> Duration {
        gathered_among(1, took)
    }

    /// The same where so many replies are made.
    fn gathered_among(replies: usize, took: &[u64]) -> Duration {
        let mut pace = Pace::default();
        let now = Instant::now();
        for took in took {
            pace.on_sent(now, now + ms(*took));
        }
        pace.due(replies).map_or(Duration::ZERO, |due| due - now)
    }

    #[test]
    fn the_first_delta_goes_at_once_and_later_ones_every_30_ms() {
        assert_eq!(gathered_after(&[]), Duration::ZERO);
        assert_eq!(gathered_after(&[1, 1]), ms(30));
    }

    #[test]
    fn a_bus_that_lags_is_sent_less_often() {
        assert_eq!(gathered_after(&[1, 100]), ms(200));
        assert_eq!(gathered_after(&[9_000]), ms(500));
    }

    #[test]
    fn of_very_many_replies_each_is_sent_less_often() {
        assert_eq!(gathered_among(1_000, &[1]), ms(30));
        assert_eq!(gathered_among(2_000, &[1]), ms(50));
        assert_eq!(gathered_among(1_000_000, &[1]), ms(500));
        assert_eq!(gathered_among(1_000_000, &[]), Duration::ZERO);
    }

    #[test]
    fn a_bus_that_recovers_gets_its_pace_back() {
        assert_eq!(gathered_after(&[&[100][..], &[1; 10]].concat()), ms(30));
    }
}
