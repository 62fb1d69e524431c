//! Redis's clock, taken over every few seconds.

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use tokio::time::{MissedTickBehavior, interval};

use super::events;
use crate::clock::Clock;

const EVERY: Duration = Duration::from_secs(5);

/// Keeps `clock` at Redis's, as long as Redis answers.
pub(super) async fn keep_right(client: Client, clock: Clock) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = set(&client, &clock).await {
            events::clock_not_taken(&error);
        }
    }
}

/// Takes over what Redis's clock shows.
pub(super) async fn set(client: &Client, clock: &Clock) -> Result<(), Error> {
    let asked = Instant::now();
    let command = CustomCommand::new_static("TIME", ClusterHash::FirstKey, false);
    let (seconds, micros): (u64, u64) = client.custom::<_, String>(command, Vec::new()).await?;
    // Half of the way there and back is taken to be the way back.
    let way_back = u64::try_from(asked.elapsed().as_millis() / 2).unwrap_or(0);
    clock.set(seconds * 1_000 + micros / 1_000 + way_back);
    Ok(())
}
