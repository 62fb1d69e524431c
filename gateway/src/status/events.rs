//! Log lines and metrics of the status service.

use causerie_shared::bus::BusError;
use causerie_shared::ids::RunId;
use metrics::{counter, gauge};
use tracing::{info, warn};

use super::view::View;

/// It was looked at all nodes.
pub(super) fn looked(view: &View) {
    for program in ["gateway", "broker", "standalone"] {
        for (state, is_gone) in [("up", false), ("gone", true)] {
            let nodes = view.nodes.iter();
            let count = nodes
                .filter(|node| node.card.program == program && node.is_gone == is_gone)
                .count();
            gauge!("causerie_nodes", "program" => program, "state" => state).set(count as f64);
        }
    }
    let watches = if view.is_watcher { 1.0 } else { 0.0 };
    gauge!("causerie_status_watcher").set(watches);
}

/// The bus did not answer a look.
pub(super) fn bus_is_silent(error: &BusError) {
    warn!(%error, "the bus does not answer: nothing is known of other nodes");
}

/// What a node shows of itself makes no sense; it may be of another version.
pub(super) fn card_unreadable(run: RunId, error: &serde_json::Error) {
    warn!(%run, %error, "what a node shows of itself cannot be read");
    counter!("causerie_bus_unreadable_records_total").increment(1);
}

/// Somebody watches, or no more.
pub(super) fn watching(count: usize) {
    gauge!("causerie_status_sockets").set(count as f64);
}

/// Somebody has come to watch.
pub(super) fn came(user: &str) {
    info!(user, "an operator watches the status");
}
