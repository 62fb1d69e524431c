//! Who goes on asking for what was refused.
//!
//! To ask too often is no offence, and nor is it to find out so: what one sends
//! before one can have heard of it counts for nothing. A violation is to go on
//! asking for what was refused before the time is over that one was told to wait.
//! Violations wait in a line that moves on at an even pace; who makes it a minute
//! long is sent away.

use std::time::Duration;

use causerie_shared::rate::us;

/// How long it may take to hear of a refusal, and to stop what is on its way.
const HEARING: Duration = Duration::from_secs(1);
/// How long the line may be.
const LINE: Duration = Duration::from_secs(60);

/// A row of refusals without a pause. Times are in microseconds of a clock of the
/// caller's.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    began_us: u64,
    last_us: u64,
    wait_until_us: u64,
}

impl Refusals {
    /// Something was refused for so long. Whether to have asked for it was a violation.
    pub(super) fn is_violation(&mut self, now_us: u64, wait_us: u64) -> bool {
        let is_hasty = now_us < self.wait_until_us;
        if !is_hasty && now_us.saturating_sub(self.last_us) >= us(HEARING) {
            self.began_us = now_us;
        }
        self.last_us = now_us;
        self.wait_until_us = now_us.saturating_add(wait_us);
        is_hasty && now_us.saturating_sub(self.began_us) >= us(HEARING)
    }
}

/// The line of somebody's violations.
#[derive(Debug, Default)]
pub(super) struct Line {
    empty_at_us: u64,
}

impl Line {
    /// Puts a violation into the line, out of which so many go a minute. Whether it is
    /// as long as it may be, with so many at once.
    pub(super) fn is_too_long(&mut self, a_minute: u32, now_us: u64) -> bool {
        let each = us(LINE) / u64::from(a_minute.max(1));
        let length = self.empty_at_us.saturating_sub(now_us) + each;
        self.empty_at_us = now_us.saturating_add(length);
        // Some of the first have gone while the last came.
        length > us(LINE) - each
    }

    /// Whether nobody waits in it.
    pub(super) fn is_empty(&self, now_us: u64) -> bool {
        self.empty_at_us <= now_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// How many violations it takes, one each `every_us`; `None` where it never does.
    fn taken(a_minute: u32, every_us: u64) -> Option<u64> {
        let mut line = Line::default();
        (1..=10_000).find(|at| line.is_too_long(a_minute, at * every_us))
    }

    #[test]
    fn so_many_at_once_are_a_minute_long() {
        for (a_minute, every_us, expected) in [
            (20, 1_000, Some(20)),
            (1, 1_000, Some(1)),
            (20, 2 * SECOND, Some(56)),
            // As fast as the line moves on.
            (20, 3 * SECOND, None),
            (20, 59 * SECOND, None),
        ] {
            assert_eq!(taken(a_minute, every_us), expected, "{a_minute} {every_us}");
        }
    }

    #[test]
    fn who_waits_or_cannot_have_heard_violates_nothing() {
        let mut refusals = Refusals::default();
        let begun = 100 * SECOND;
        // On its way when the first was refused.
        for at in 0..10 {
            assert!(!refusals.is_violation(begun + at * SECOND / 20, SECOND));
        }
        // Waited as told.
        assert!(!refusals.is_violation(begun + 3 * SECOND, SECOND));
        assert!(!refusals.is_violation(begun + 4 * SECOND, SECOND));
        // Did not.
        let mut later = (1..10).map(|at| begun + 4 * SECOND + at * SECOND / 4);
        assert!(later.any(|at| refusals.is_violation(at, SECOND)));
    }
}
