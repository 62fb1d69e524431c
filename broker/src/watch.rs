//! Whose broker has died.
//!
//! Pure logic over what looks at the leases have shown. A lease is *still*
//! while neither its attempt nor its beats change. Its stillness is measured
//! by this broker's own monotonic clock, and only across looks that the bus
//! answered: while the bus is away nobody can beat.

use std::collections::HashMap;
use std::time::Duration;

use causerie_shared::bus::reply::RunningLease;
use causerie_shared::ids::MessageId;
use causerie_shared::sabotage::Protection;
use tokio::time::Instant;

/// How often to look.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A lease that has been still for so long is taken over.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(2);

/// Looks are not to the microsecond half a second apart: without this chance would say
/// whether the fourth or the fifth still one is the one of two seconds.
const JITTER: Duration = Duration::from_millis(50);

/// The most stillness that the time from one look to the next adds. If the
/// bus, or this process, stood still in between, so did everybody's beats.
const LONGEST_STEP: Duration = Duration::from_millis(750);

/// What is known of the leases.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    looked_at: Option<Instant>,
    seen: HashMap<MessageId, Seen>,
}

#[derive(Debug)]
struct Seen {
    attempt: u32,
    beats: u64,
    still: Duration,
}

impl Watch {
    /// Takes in a look at all leases, and names those that are to be taken
    /// over. It names them again at each look, until they change or end.
    pub(crate) fn on_look(&mut self, now: Instant, leases: Vec<RunningLease>) -> Vec<RunningLease> {
        let step = match self.looked_at.replace(now) {
            Some(before) => (now - before).min(LONGEST_STEP),
            None => Duration::ZERO,
        };
        let mut before = std::mem::take(&mut self.seen);
        let mut dead = Vec::new();
        for lease in leases {
            let seen = match before.remove(&lease.lease.message_id) {
                Some(seen) if seen.is(&lease) => seen.still_for(step),
                Some(_) | None => Seen::now(&lease),
            };
            let is_dead = seen.still + JITTER >= DEAD_AFTER || Protection::Patience.is_missing();
            self.seen.insert(lease.lease.message_id.clone(), seen);
            if is_dead {
                dead.push(lease);
            }
        }
        dead
    }

    /// The bus did not answer a look: all stillness begins anew.
    pub(crate) fn on_no_answer(&mut self) {
        self.looked_at = None;
        self.seen.clear();
    }

    /// Begins anew for one lease, whose takeover is under way.
    pub(crate) fn forget(&mut self, reply: &MessageId) {
        self.seen.remove(reply);
    }
}

impl Seen {
    fn now(lease: &RunningLease) -> Self {
        Self {
            attempt: lease.lease.attempt,
            beats: lease.beats,
            still: Duration::ZERO,
        }
    }

    fn is(&self, lease: &RunningLease) -> bool {
        (self.attempt, self.beats) == (lease.lease.attempt, lease.beats)
    }

    fn still_for(mut self, step: Duration) -> Self {
        self.still += step;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_shared::bus::reply::Lease;
    use causerie_shared::room::RoomKey;

    fn lease(attempt: u32, beats: u64) -> RunningLease {
        let room: RoomKey = "demo:user:u1".parse().unwrap();
        let message_id = MessageId::new("64-reply").unwrap();
        let lease = Lease {
            room,
            message_id,
            attempt,
            claim: "c1".parse().unwrap(),
        };
        RunningLease { lease, beats }
    }

    /// Looks every half second at what `shown` says; which look found it dead.
    fn found_dead(watch: &mut Watch, shown: impl IntoIterator<Item = RunningLease>) -> Vec<usize> {
        let start = watch.looked_at.unwrap_or_else(Instant::now);
        let mut dead = Vec::new();
        for (number, lease) in shown.into_iter().enumerate() {
            let now = start + LOOK_EVERY * (number as u32 + 1);
            if !watch.on_look(now, vec![lease]).is_empty() {
                dead.push(number);
            }
        }
        dead
    }

    #[test]
    fn two_seconds_without_a_beat_are_death() {
        let still = std::iter::repeat_n(lease(1, 7), 6);
        assert_eq!(found_dead(&mut Watch::default(), still), [4, 5]);
    }

    #[test]
    fn looks_may_come_a_little_early() {
        let mut watch = Watch::default();
        let start = Instant::now();
        let mut look = |ms| watch.on_look(start + Duration::from_millis(ms), vec![lease(1, 7)]);
        for ms in [0, 495, 990, 1_485] {
            assert_eq!(look(ms), []);
        }
        assert_eq!(look(1_980).len(), 1);
    }

    #[test]
    fn a_beat_or_another_attempt_begins_anew() {
        let beating = (0..40).map(|look| lease(1, look / 4));
        assert_eq!(found_dead(&mut Watch::default(), beating), [0; 0]);
        let taken_over = (0..6).map(|look| lease(1 + look / 4, 7));
        assert_eq!(found_dead(&mut Watch::default(), taken_over), [0; 0]);
    }

    #[test]
    fn a_look_without_an_answer_begins_anew() {
        let mut watch = Watch::default();
        found_dead(&mut watch, std::iter::repeat_n(lease(1, 7), 4));
        watch.on_no_answer();
        let still = std::iter::repeat_n(lease(1, 7), 5);
        assert_eq!(found_dead(&mut watch, still), [4]);
    }

    #[test]
    fn a_bus_that_stood_still_ends_nobodys_lease() {
        let mut watch = Watch::default();
        let start = Instant::now();
        watch.on_look(start, vec![lease(1, 7)]);
        // The answer took long, and shows what was before everybody's beats.
        let late = start + Duration::from_secs(30);
        assert_eq!(watch.on_look(late, vec![lease(1, 7)]), []);
        assert_eq!(watch.on_look(late + LOOK_EVERY, vec![lease(1, 7)]), []);
    }

    #[test]
    fn a_lease_whose_takeover_is_under_way_begins_anew() {
        let mut watch = Watch::default();
        found_dead(&mut watch, std::iter::repeat_n(lease(1, 7), 5));
        watch.forget(&lease(1, 7).lease.message_id);
        let still = std::iter::repeat_n(lease(1, 7), 4);
        assert_eq!(found_dead(&mut watch, still), [0; 0]);
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let mut watch = Watch::default();
        watch.on_look(Instant::now(), vec![lease(1, 7)]);
        watch.on_look(Instant::now(), vec![]);
        assert!(watch.seen.is_empty());
    }
}
