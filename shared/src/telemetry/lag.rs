//! How late the event loop is: whoever waits for a moment is woken after it where
//! all threads are busy, and so is whoever waits for a socket.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::histogram;
use tokio::time::{Instant, sleep_until};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// So many looks make a window: five seconds.
const WINDOW: u32 = 50;

/// The greatest of this window and the one before it, in microseconds.
static GREATEST_US: AtomicU64 = AtomicU64::new(0);

/// How late the event loop was at the most in the last five to ten seconds. A millisecond
/// or two is what timers are late by themselves.
pub fn event_loop_lag() -> Duration {
    Duration::from_micros(GREATEST_US.load(Ordering::Relaxed))
}

/// Looks on for as long as the process runs.
pub(crate) async fn watch_event_loop() {
    let lags = histogram!("causerie_event_loop_lag_seconds");
    let mut before = Duration::ZERO;
    loop {
        let mut greatest = Duration::ZERO;
        for _ in 0..WINDOW {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            let lag = due.elapsed();
            lags.record(lag);
            greatest = greatest.max(lag);
            let shown = greatest.max(before).as_micros();
            GREATEST_US.store(u64::try_from(shown).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        before = greatest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever holds up the one thread is seen.
    #[tokio::test]
    async fn a_thread_that_is_held_up_shows() {
        let _watching = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(watch_event_loop()));
        let held_up = Duration::from_millis(150);
        while event_loop_lag() < held_up / 4 {
            // Its look is due in the middle of this.
            std::thread::sleep(held_up);
            tokio::task::yield_now().await;
        }
    }
}
