//! How a program fares, as it shows to all others on the bus.
//!
//! What it counts already for Prometheus is what it shows: nothing is counted twice.
//!
//! - [`Card`]: what is shown
//! - [`Counted`]: what was counted within a window of time, and what follows from it
//! - [`Pulse`]: makes cards
//! - `samples`: reading Prometheus's text format

mod card;
mod counted;
mod pulse;
mod samples;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use card::Card;
pub use counted::{Counted, percentile};
pub use pulse::Pulse;

use crate::bus::Bus;
use crate::bus::nodes::Showing;

/// Shows how a program fares that watches nobody, until `stop`; then that it ends.
pub async fn show(bus: Arc<dyn Bus>, mut pulse: Pulse, every: Duration, stop: CancellationToken) {
    let run = pulse.run();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let showing = |card| Showing {
        run,
        card,
        may_watch: false,
    };
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let card = pulse.card().encode();
        // What fails is shown a moment later; others notice the silence.
        let _ = bus.show_node(&showing(Some(card))).await;
    }
    let _ = bus.show_node(&showing(None)).await;
}
