//! A node that tries again while the storage is away, as programs do. That
//! this is safe is one of the promises.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::{Bus, BusError};
use causerie_testkit::bus_before_another;

/// How long the storage may be away.
const DEADLINE: Duration = Duration::from_secs(20);

/// One node, and its patience.
#[derive(Debug)]
pub struct Patient {
    pub bus: Arc<dyn Bus>,
}

bus_before_another!(Patient);

impl Patient {
    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        let first_tried = Instant::now();
        loop {
            match call().await {
                Err(BusError::Unavailable(why)) => pause(first_tried, &why).await,
                done @ (Ok(_) | Err(BusError::Unreadable(_))) => return done,
            }
        }
    }
}

/// Waits a little before the next try, or gives up.
async fn pause(first_tried: Instant, why: &str) {
    assert!(
        first_tried.elapsed() < DEADLINE,
        "the storage stays away: {why}"
    );
    tokio::time::sleep(Duration::from_millis(10)).await;
}
