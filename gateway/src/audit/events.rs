//! The audit log in logs and metrics.

use causerie_shared::bus::BusError;
use causerie_shared::bus::audit::AuditPart;
use causerie_shared::ids::TenantId;
use metrics::{Counter, counter};

use super::note::{Entry, What};
use crate::seldom::Seldom;

pub(super) fn begin_at_zero() {
    for what in What::ALL {
        entries(what).increment(0);
    }
    for part in AuditPart::ALL {
        drops(part).increment(0);
    }
}

/// Somebody did something: the audit log's line in the log.
pub(super) fn noted(tenant: Option<&TenantId>, entry: &Entry<'_>) {
    entries(entry.what).increment(1);
    tracing::info!(
        target: "audit",
        tenant = tenant.map(TenantId::as_str),
        at = entry.at,
        what = entry.what.name(),
        who = entry.who,
        address = entry.address,
        connection = entry.connection,
        transport = entry.transport,
        on = entry.on,
        result = entry.result,
        count = entry.count,
        "audit"
    );
}

fn entries(what: What) -> Counter {
    counter!("causerie_audit_entries_total", "what" => what.name())
}

/// So many notes are not kept: there was no room, or the bus did not take them.
pub(super) fn dropped(part: AuditPart, count: usize, lines: &Seldom) {
    drops(part).increment(count as u64);
    if lines.is_due() {
        tracing::error!(
            part = part.name(),
            "the audit log has holes: more is noted than can be kept"
        );
    }
}

fn drops(part: AuditPart) -> Counter {
    counter!("causerie_audit_dropped_total", "part" => part.name())
}

/// The bus does not take entries now.
pub(super) fn not_kept(error: &BusError, lines: &Seldom) {
    if lines.is_due() {
        tracing::warn!(%error, "entries of the audit log cannot be kept now");
    }
}
