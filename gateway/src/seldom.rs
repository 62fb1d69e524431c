//! What is worth a line in the log, but not one each time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// At most one line in so long.
const PAUSE: Duration = Duration::from_secs(60);

/// Says when to write a line again: once a minute at most.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether a minute is over since this was last answered with yes.
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_goes_by_between_two_lines() {
        let seldom = Seldom::default();
        assert!(seldom.is_due());
        tokio::time::advance(PAUSE / 2).await;
        assert!(!seldom.is_due());
        tokio::time::advance(PAUSE / 2).await;
        assert!(seldom.is_due());
    }
}
