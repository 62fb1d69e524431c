//! Who asks too often, in logs and metrics.

use metrics::{Counter, counter};

use super::pace::Counted;
use crate::connection::Connection;

pub(crate) fn begin_at_zero() {
    for what in Counted::ALL {
        limited(what).increment(0);
    }
    violations().increment(0);
}

/// Somebody asked for too much, and was told when to ask again.
pub(super) fn asked_too_often(what: Counted) {
    limited(what).increment(1);
}

fn limited(what: Counted) -> Counter {
    counter!("causerie_rate_limited_total", "what" => what.name())
}

/// Somebody did not wait as they were told.
pub(super) fn did_not_wait() {
    violations().increment(1);
}

fn violations() -> Counter {
    counter!("causerie_violations_total")
}

/// Somebody did not wait again and again, and is sent away.
pub(crate) fn sent_away(connection: &Connection) {
    let (id, tenant) = (&connection.id, &connection.identity.tenant);
    tracing::warn!(connection = %id, %tenant, "closed: it broke the limits again and again");
}
