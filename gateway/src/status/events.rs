//! Log lines and metrics of the status service.

use causerie_shared::bus::BusError;
use causerie_shared::ids::{RunId, UserId};
use causerie_shared::protocol::error::ProtocolError;
use metrics::{counter, gauge};
use tracing::{info, warn};

use super::alerts::{Alert, Severity};
use super::recovery::Recovery;
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
    for severity in Severity::ALL {
        let alerts = view.alerts.iter();
        let count = alerts.filter(|alert| alert.severity == severity).count();
        gauge!("causerie_alerts", "severity" => severity.name()).set(count as f64);
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
pub(super) fn came(user: &UserId) {
    info!(%user, "an operator watches the status");
}

/// Something is wrong.
pub(super) fn raised(alert: &Alert) {
    let severity = alert.severity.name();
    warn!(alert = alert.alert, severity, "alert: {}", alert.message);
    let kind = alert.kind().to_owned();
    counter!("causerie_alerts_raised_total", "alert" => kind, "severity" => severity).increment(1);
}

/// It is no longer.
pub(super) fn cleared(alert: &Alert) {
    info!(alert = alert.alert, "the alert is over");
}

/// Something has tried to recover.
pub(super) fn recovered(recovery: &Recovery) {
    let (what, outcome) = (recovery.what, recovery.outcome);
    info!(
        what,
        name = recovery.name,
        node = recovery.node,
        outcome,
        "recovery"
    );
    counter!("causerie_recovery_attempts_total", "what" => what, "outcome" => outcome).increment(1);
}

/// A tenant could not be told.
pub(super) fn not_told(kind: &str, error: &ProtocolError) {
    warn!(
        kind,
        code = error.code.name(),
        "a tenant that is to hear of the status was not told"
    );
}

/// What was to be kept was not; the next look tries again.
pub(super) fn not_kept(error: &BusError) {
    warn!(%error, "what is wrong could not be kept");
}
