//! Redis's clock, taken over every few seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use tokio::time::{MissedTickBehavior, interval};

use super::pool::Pool;
use super::{events, names};
use crate::bus::BusError;
use crate::clock::Clock;

const EVERY: Duration = Duration::from_secs(5);
/// What took longer is taken over only where the clock is wrong whichever way the time
/// went by.
const LATE: Duration = Duration::from_millis(500);

/// Keeps `clock` at Redis's, as long as Redis answers.
pub(super) async fn keep_right(pool: Arc<Pool>, clock: Clock) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = set_within(LATE, &pool, &clock).await {
            events::clock_not_taken(&error);
        }
    }
}

/// Takes over what Redis's clock shows, however long that takes.
pub(super) async fn set(pool: &Pool, clock: &Clock) -> Result<(), BusError> {
    set_within(Duration::MAX, pool, clock).await
}

async fn set_within(limit: Duration, pool: &Pool, clock: &Clock) -> Result<(), BusError> {
    // Of a cluster always the same node's, as long as it is there: the one without which
    // nobody starts.
    let lend = || pool.links.lend_of_key(names::INSTALLATION);
    let take_over = |client| take_over(client, limit, clock);
    pool.ask_of("clock", lend, take_over).await
}

/// Nothing where it takes longer than `limit` and the clock that there is may be right:
/// it runs on.
async fn take_over(client: Client, limit: Duration, clock: &Clock) -> Result<(), Error> {
    let asked = Instant::now();
    let command = CustomCommand::new_static("TIME", ClusterHash::FirstKey, false);
    let (seconds, micros): (u64, u64) = client.custom::<_, String>(command, Vec::new()).await?;
    let took = asked.elapsed();
    // Half of the way there and back is taken to be the way back.
    let way_back = u64::try_from(took.as_millis() / 2).unwrap_or(0);
    let now_ms = seconds * 1_000 + micros / 1_000 + way_back;
    if took <= limit || clock.now_ms().abs_diff(now_ms) > way_back {
        clock.set(now_ms);
    }
    Ok(())
}
