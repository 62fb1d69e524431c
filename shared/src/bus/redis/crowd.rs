//! How long it pays to wait for more who ask for the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many a second are each asked for as they come.
const FEW: f64 = 500.0;

/// How much longer a row waits for each who came within a second, and each row that
/// there is: what is asked at once then costs Redis as much as all that it is asked
/// beside it.
const FOR_EACH: Duration = Duration::from_nanos(500);

/// The longest that a row waits.
const LONGEST: Duration = Duration::from_millis(100);

/// Those who ask for something, counted as they come.
#[derive(Debug)]
pub(super) struct Crowd {
    rows: usize,
    came: Mutex<Came>,
}

/// Those who came just now in full, less for each that is longer ago, none after a
/// second.
#[derive(Debug)]
struct Came {
    recent: f64,
    last: Instant,
}

impl Crowd {
    /// Those who stand in so many rows.
    pub(super) fn of_rows(rows: usize) -> Self {
        let came = Came {
            recent: 0.0,
            last: Instant::now(),
        };
        Self {
            rows,
            came: Mutex::new(came),
        }
    }

    pub(super) fn count_one(&self) {
        let now = Instant::now();
        self.recent_at(now, 1.0);
    }

    /// How long those of a row wait for more, now that those before them were served:
    /// not at all where few come, longer the more come, and the fewer of these come to
    /// each row.
    pub(super) fn pause(&self) -> Duration {
        self.pause_at(Instant::now())
    }

    fn pause_at(&self, now: Instant) -> Duration {
        let recent = (self.recent_at(now, 0.0) - FEW).max(0.0);
        let pause = FOR_EACH.mul_f64(recent * self.rows as f64);
        pause.min(LONGEST)
    }

    /// How many came of late, with `more` of just now.
    fn recent_at(&self, now: Instant, more: f64) -> f64 {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(came.last).as_secs_f64();
        came.recent = came.recent * (1.0 - since).max(0.0) + more;
        came.last = now.max(came.last);
        came.recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many rows, when so many a second have come for five seconds.
    fn pause(rows: usize, a_second: u32) -> Duration {
        let crowd = Crowd::of_rows(rows);
        let began = crowd.came.lock().unwrap().last;
        let mut now = began;
        for at in 0..5 * a_second {
            now = began + Duration::from_secs_f64(f64::from(at) / f64::from(a_second));
            crowd.recent_at(now, 1.0);
        }
        let pause = crowd.pause_at(now);
        assert_eq!(crowd.pause_at(now + Duration::from_secs(1)), Duration::ZERO);
        pause
    }

    #[test]
    fn few_do_not_wait_and_a_crowd_waits_for_one_another() {
        for rows in [4, 128] {
            assert_eq!(pause(rows, 50), Duration::ZERO);
            assert_eq!(pause(rows, 500), Duration::ZERO);
        }
        let ms = |rows, a_second| pause(rows, a_second).as_millis();
        assert!((1..=5).contains(&ms(4, 2_000)), "{}", ms(4, 2_000));
        assert!((15..=40).contains(&ms(4, 20_000)), "{}", ms(4, 20_000));
        assert_eq!(ms(128, 20_000), 100);
    }
}
