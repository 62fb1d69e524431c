//! Sends a node's clients to other nodes before it ends.

use std::time::Duration;

use causerie_shared::protocol::close::CloseCode;
use rand::Rng;
use tokio::time::{Instant, sleep, timeout_at};

use crate::events;
use crate::gateway::Gateway;
use crate::outbox::Close;

/// How often a batch of clients is sent away.
const BATCH_EVERY: Duration = Duration::from_millis(100);

/// The least that are sent away at once.
const SMALLEST_BATCH: usize = 50;

/// The longest that a client is told to wait before it comes back.
const LONGEST_DELAY_MS: u64 = 2_000;

/// Refuses new connections and sends those that are away, in batches over half
/// of `grace`; returns when all are gone, or when `grace` is over.
pub async fn drain(gateway: &Gateway, grace: Duration) {
    let end = Instant::now() + grace;
    gateway.registry.begin_drain();
    let connections = gateway.registry.all();
    events::drain_began(connections.len());
    let batches = (grace / 2).as_millis() / BATCH_EVERY.as_millis();
    let batches = usize::try_from(batches).unwrap_or(1).max(1);
    let size = connections.len().div_ceil(batches).max(SMALLEST_BATCH);
    for (at, batch) in connections.chunks(size).enumerate() {
        if at > 0 {
            sleep(BATCH_EVERY).await;
        }
        for connection in batch {
            connection.outbox.close(sent_away());
        }
    }
    // An error means that time is up, which the number left tells too.
    let _ = timeout_at(end, gateway.registry.wait_until_empty()).await;
    events::drain_ended(gateway.registry.len());
}

/// A close with a delay of the client's own, so that not all come back at once.
pub(crate) fn sent_away() -> Close {
    let after = rand::rng().random_range(0..=LONGEST_DELAY_MS);
    Close {
        code: CloseCode::Draining,
        reason: format!("reconnect after={after}").into(),
    }
}
