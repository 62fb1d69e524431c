//! The time that all nodes agree on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The bus's clock, as this node knows it. Token times and `ts` go by it;
/// durations go by the monotonic clock.
///
/// It begins with the node's own time and runs on the monotonic clock, so that
/// a jump of the node's time changes nothing; the bus puts it right every few
/// seconds.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    started_ms: AtomicU64,
    /// It knows nothing of the node's own time.
    is_apart: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(system_ms(), false)
    }
}

impl Clock {
    /// A clock that shows `now_ms` now, whatever the node's own time is.
    pub fn starting_at(now_ms: u64) -> Self {
        Self::new(now_ms, true)
    }

    fn new(now_ms: u64, is_apart: bool) -> Self {
        Self(Arc::new(Shared {
            started: Instant::now(),
            started_ms: AtomicU64::new(now_ms),
            is_apart,
        }))
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.0.started_ms.load(Ordering::Relaxed) + self.running_ms()
    }

    /// Takes over what the bus's clock shows now.
    pub fn set(&self, now_ms: u64) {
        let started_ms = now_ms.saturating_sub(self.running_ms());
        self.0.started_ms.store(started_ms, Ordering::Relaxed);
    }

    /// Takes over the node's own time. The monotonic clock may stand still
    /// while the machine sleeps.
    pub fn set_to_system(&self) {
        if !self.0.is_apart {
            self.set(system_ms());
        }
    }

    fn running_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_by_the_bus_where_own_time_is_an_hour_off() {
        let clock = Clock::default();
        let hour_ahead = clock.now_ms() + 3_600_000;
        clock.clone().set(hour_ahead);
        assert!((hour_ahead..hour_ahead + 1_000).contains(&clock.now_ms()));
    }
}
