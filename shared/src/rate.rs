//! How often something may happen: the generic cell rate algorithm (GCRA), as
//! in ITU-T I.371, "virtual scheduling". All that is kept is one point in time.

use std::time::Duration;

/// So many in so long, and how many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many in [`per`](Self::per).
    pub count: u32,
    /// In how long.
    pub per: Duration,
    /// How many at once, after a pause; 1 at least.
    pub burst: u32,
}

impl Rate {
    /// So many a minute, and as many at once.
    pub const fn a_minute(count: u32) -> Self {
        Self {
            count,
            per: Duration::from_secs(60),
            burst: count,
        }
    }

    /// So many an hour, and as many at once.
    pub const fn an_hour(count: u32) -> Self {
        Self {
            count,
            per: Duration::from_secs(3_600),
            burst: count,
        }
    }

    /// So many a second, and so many at once.
    pub const fn a_second(count: u32, burst: u32) -> Self {
        Self {
            count,
            per: Duration::from_secs(1),
            burst,
        }
    }

    /// From one to the next where none is saved up, in microseconds.
    pub fn interval_us(&self) -> u64 {
        us(self.per) / u64::from(self.count.max(1))
    }

    /// How far ahead of the pace one may be, in microseconds.
    pub fn tolerance_us(&self) -> u64 {
        self.interval_us() * u64::from(self.burst.saturating_sub(1))
    }
}

/// When the next would be on time, had all come at an even pace: in microseconds
/// of whichever clock `now_us` goes by. One that was never used is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket(u64);

impl Bucket {
    /// Takes one, if there is one at `now_us`.
    ///
    /// # Errors
    /// How long until there is one; then none was taken.
    pub fn try_take(&mut self, rate: &Rate, now_us: u64) -> Result<(), Duration> {
        let mut due = self.0.max(now_us);
        // Further ahead it comes only by a clock set back, or by an earlier rate: it
        // begins anew, with one.
        if due - now_us > rate.tolerance_us() + rate.interval_us() {
            due = now_us + rate.tolerance_us();
        }
        let ahead = due - now_us;
        match ahead.checked_sub(rate.tolerance_us()) {
            None | Some(0) => {
                self.0 = due + rate.interval_us();
                Ok(())
            }
            Some(wait) => Err(Duration::from_micros(wait)),
        }
    }

    /// When all are there again, by the same clock.
    pub fn full_at_us(&self) -> u64 {
        self.0
    }
}

/// Microseconds, as many as there are.
pub fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let rate = Rate::a_minute(60);
        let mut bucket = Bucket::default();
        for _ in 0..60 {
            bucket.try_take(&rate, 5_000_000).unwrap();
        }
        let wait = bucket.try_take(&rate, 5_000_000).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert!(bucket.try_take(&rate, 5_999_999).is_err());
        bucket.try_take(&rate, 6_000_000).unwrap();
        assert!(bucket.try_take(&rate, 6_000_000).is_err());
        for _ in 0..2 {
            bucket.try_take(&rate, 8_000_000).unwrap();
        }
        assert!(bucket.try_take(&rate, 8_000_000).is_err());
    }

    #[test]
    fn another_rate_holds_at_once() {
        let mut bucket = Bucket::default();
        bucket.try_take(&Rate::a_minute(1), 0).unwrap();
        let fast = Rate::a_second(10, 1);
        bucket.try_take(&fast, 0).unwrap();
        let wait = bucket.try_take(&fast, 0).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
    }

    proptest! {
        /// Whatever comes when: no more than the burst and what the time gives,
        /// and whoever waits as they are told is let through.
        #[test]
        fn no_more_than_allowed_and_no_wait_in_vain(
            count in 1_u32..200,
            seconds in 1_u64..100,
            burst in 1_u32..100,
            pauses in prop::collection::vec(0_u64..200_000, 1..300),
        ) {
            let rate = Rate { count, per: Duration::from_secs(seconds), burst };
            let (mut bucket, mut now, mut taken) = (Bucket::default(), 1_000, 0_u64);
            let began = now;
            for pause in pauses {
                now += pause;
                match bucket.try_take(&rate, now) {
                    Ok(()) => taken += 1,
                    Err(wait) => {
                        let mut later = bucket;
                        prop_assert!(later.try_take(&rate, now + us(wait)).is_ok());
                        prop_assert!(bucket.try_take(&rate, now + us(wait) - 1).is_err());
                    }
                }
                prop_assert!(taken <= u64::from(burst) + (now - began) / rate.interval_us());
            }
        }
    }
}
