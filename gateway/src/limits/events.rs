//! Who asks too often, in logs and metrics.

use std::net::IpAddr;
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::protocol::error::Scope;
use metrics::{Counter, counter};

use super::counted::Counted;
use super::floods::Way;
use crate::connection::Connection;
use crate::seldom::Seldom;

/// What is counted, and of whom.
const LIMITS: [(Counted, Scope); 16] = [
    (Counted::Connections, Scope::Ip),
    (Counted::Connections, Scope::User),
    (Counted::Visitors, Scope::Ip),
    (Counted::Requests, Scope::Ip),
    (Counted::Requests, Scope::User),
    (Counted::Requests, Scope::Connection),
    (Counted::Requests, Scope::Tenant),
    (Counted::KeyRequests, Scope::User),
    (Counted::RulerRequests, Scope::Tenant),
    (Counted::Messages, Scope::User),
    (Counted::VisitorMessages, Scope::User),
    (Counted::Messages, Scope::Connection),
    (Counted::VisitorQuestions, Scope::Tenant),
    (Counted::Typing, Scope::Connection),
    (Counted::Typing, Scope::User),
    (Counted::Revocations, Scope::Tenant),
];

pub(crate) fn begin_at_zero() {
    for (what, scope) in LIMITS {
        limited(what, scope).increment(0);
    }
    for way in Way::ALL {
        floods(way).increment(0);
    }
    for counter in [violations(), held_off(), not_counted()] {
        counter.increment(0);
    }
}

/// Somebody asked for too much, and was told when to ask again.
pub(super) fn asked_too_often(what: Counted, scope: Scope) {
    limited(what, scope).increment(1);
}

fn limited(what: Counted, scope: Scope) -> Counter {
    let scope = match scope {
        Scope::Connection => "connection",
        Scope::Ip => "ip",
        Scope::User => "user",
        Scope::Tenant => "tenant",
        Scope::Node => "node",
    };
    counter!("causerie_rate_limited_total", "what" => what.name(), "scope" => scope)
}

/// Somebody did not wait as they were told.
pub(super) fn did_not_wait() {
    violations().increment(1);
}

fn violations() -> Counter {
    counter!("causerie_violations_total")
}

/// Somebody did not wait again and again, and is sent away.
pub(super) fn sent_away(connection: &Connection, time: Duration) {
    let (id, identity) = (&connection.id, connection.identity());
    let tenant = &identity.tenant;
    tracing::warn!(
        connection = %id, %tenant, address = %connection.client, held_off = ?time,
        "closed: it broke the limits again and again"
    );
}

/// Somebody did not wait again and again, without a connection to be closed.
pub(super) fn asks_on(client: IpAddr, time: Duration) {
    tracing::warn!(
        address = %client, held_off = ?time,
        "held off: asked again and again for what was refused"
    );
}

/// Somebody asked so often that their address is held off, where that is wanted.
pub(super) fn flooded(way: Way) {
    floods(way).increment(1);
}

fn floods(way: Way) -> Counter {
    counter!("causerie_floods_total", "transport" => way.name())
}

/// Somebody came from an address that is held off.
pub(super) fn turned_away() {
    held_off().increment(1);
}

fn held_off() -> Counter {
    counter!("causerie_held_off_total")
}

/// The bus does not count: everybody is let through.
pub(super) fn uncounted(error: &BusError, lines: &Seldom) {
    not_counted().increment(1);
    if lines.is_due() {
        tracing::warn!(%error, "limits of addresses, users and tenants do not hold now: nobody counts");
    }
}

fn not_counted() -> Counter {
    counter!("causerie_uncounted_total")
}

/// The bus did not keep that an address is held off.
pub(super) fn not_held_off(error: &BusError) {
    tracing::warn!(%error, "an address is not held off");
}
