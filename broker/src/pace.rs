//! How long the texts of a reply are gathered before they are sent.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody reads faster, and every delta costs each node that hears the room.
const SHORTEST: Duration = Duration::from_millis(30);

/// Longer would look as if the reply had stopped.
const LONGEST: Duration = Duration::from_millis(500);

/// However many replies a broker makes, from one of its deltas to the next it is so long on
/// average. A delta costs Redis some 23 µs, so that they keep it two thirds busy and no more.
const COST: Duration = Duration::from_micros(35);

/// A delta does not grow beyond this by gathering, in bytes.
pub(crate) const MAX_GATHERED: usize = 16 * 1024;

/// How long texts gather where so many replies are made that one after another would
/// cost too much; `None` where they are few.
pub(crate) fn gathering(replies: usize) -> Option<Duration> {
    let of_all = COST.saturating_mul(u32::try_from(replies).unwrap_or(u32::MAX));
    (of_all > SHORTEST).then_some(of_all.min(LONGEST))
}

/// The pace of one reply's deltas: the first at once, a later one not before 30 ms
/// have passed. Where the bus lags, or the broker makes very many replies, the first
/// text that waits is what counts: it waits for company, and no text waits longer. A
/// bus that takes its time for one delta is given twice that time for the next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent_at: Option<Instant>,
    lag: Duration,
}

impl Pace {
    /// When texts may be sent of which the first has waited since then, while so many
    /// replies are made here; `None` is at once.
    pub(crate) fn due(&self, waiting_since: Instant, replies: usize) -> Option<Instant> {
        let next = self.sent_at? + SHORTEST;
        let of_bus = (self.lag * 2).min(LONGEST);
        let of_bus = (of_bus > SHORTEST).then_some(of_bus);
        let gather = of_bus.max(gathering(replies));
        Some(gather.map_or(next, |gather| next.max(waiting_since + gather)))
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

    /// How long texts wait that come with the delta before, after deltas that took so long.
    fn gathered_after(took: &[u64]) -> Duration {
        waits(1, took, 0)
    }

    /// How long a text waits that comes so much later than the delta before, while so
    /// many replies are made, after deltas that took so long.
    fn waits(replies: usize, took: &[u64], later: u64) -> Duration {
        let mut pace = Pace::default();
        let now = Instant::now();
        for took in took {
            pace.on_sent(now, now + ms(*took));
        }
        let came = now + ms(later);
        let due = pace.due(came, replies);
        due.map_or(Duration::ZERO, |due| due.saturating_duration_since(came))
    }

    #[test]
    fn the_first_delta_goes_at_once_and_later_ones_every_30_ms() {
        assert_eq!(gathered_after(&[]), Duration::ZERO);
        assert_eq!(gathered_after(&[1, 1]), ms(30));
        assert_eq!(waits(1, &[1], 20), ms(10));
        assert_eq!(waits(1, &[1], 40), Duration::ZERO);
    }

    #[test]
    fn a_bus_that_lags_is_sent_less_often() {
        assert_eq!(gathered_after(&[1, 100]), ms(200));
        assert_eq!(gathered_after(&[9_000]), ms(500));
    }

    #[test]
    fn of_very_many_replies_each_is_sent_less_often() {
        assert_eq!(waits(500, &[1], 0), ms(30));
        assert_eq!(waits(2_000, &[1], 0), ms(70));
        assert_eq!(waits(1_000_000, &[1], 0), ms(500));
        assert_eq!(waits(1_000_000, &[], 0), Duration::ZERO);
    }

    #[test]
    fn the_first_that_waits_waits_for_company_whenever_it_came() {
        for later in [0, 33, 1_000] {
            assert_eq!(waits(2_000, &[1], later), ms(70), "{later} ms later");
        }
    }

    #[test]
    fn a_bus_that_recovers_gets_its_pace_back() {
        assert_eq!(gathered_after(&[&[100][..], &[1; 10]].concat()), ms(30));
    }
}
