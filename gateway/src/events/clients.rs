//! Clients come and go, and what they ask for.

use causerie_shared::bus::deletion::Deletion;
use causerie_shared::bus::question::Question;
use causerie_shared::ids::TenantId;
use causerie_shared::protocol::action::Action;
use causerie_shared::protocol::error::ErrorCode;
use causerie_shared::room::RoomKey;
use causerie_shared::telemetry::{count_for_tenant, show_for_tenant};
use metrics::{Counter, Gauge, counter, gauge, histogram};
use tracing::{debug, info};

use super::websocket;
use crate::connection::{Connection, Ended, Transport};
use crate::outbox::{Close, Outbox};
use crate::report::Report;
use crate::rollout::Mode;

pub(super) fn begin_at_zero() {
    for name in [
        "causerie_repeated_messages_total",
        "causerie_repeated_publishings_total",
        "causerie_deleted_messages_total",
        "causerie_revocations_total",
        "causerie_users_disconnected_total",
        "causerie_compressed_connects_total",
    ] {
        counter!(name).increment(0);
    }
    for transport in Transport::ALL {
        connections(transport).increment(0.0);
    }
    for from in RecoveredFrom::ALL {
        recoveries(from).increment(0);
    }
    count_compressed(0, 0);
    for mode in Mode::ALL {
        configured(mode).increment(0);
    }
    for is_to_ai in [true, false] {
        messages(is_to_ai).increment(0);
    }
    for is_believed in [true, false] {
        renewals(is_believed).increment(0);
    }
    for is_durable in [true, false] {
        published(is_durable).increment(0);
    }
    for is_found in [true, false] {
        inquiries(is_found).increment(0);
    }
    unanswered().increment(0);
    for is_whole in [true, false] {
        surveys(is_whole).increment(0);
    }
}

/// A client is connected.
pub(crate) fn connected(connection: &Connection) {
    let transport = connection.transport;
    connections(transport).increment(1);
    connects(transport).increment(1);
    if transport == Transport::WebSocket {
        websocket::opened();
    }
    let transport = transport.name();
    let (id, identity) = (&connection.id, connection.identity());
    info!(connection = %id, tenant = %identity.tenant, transport, "connected");
}

/// A client has told of its way here.
pub(crate) fn reported(transport: Transport, report: &Report) {
    let transport = transport.name();
    counter!(
        "causerie_client_connects_total",
        "transport" => transport, "last" => report.last.name(), "attempt" => report.attempt.name(),
    )
    .increment(1);
    if let Some(away) = report.away {
        histogram!("causerie_client_away_seconds", "transport" => transport).record(away);
    }
}

/// A client was told which transport to use.
pub(crate) fn client_configured(tenant: &TenantId, mode: Mode) {
    configured(mode).increment(1);
    debug!(%tenant, mode = mode.name(), "a client was told how to connect");
}

fn configured(mode: Mode) -> Counter {
    match mode {
        Mode::Auto => counter!("causerie_client_configs_total", "mode" => "auto"),
        Mode::Streaming => counter!("causerie_client_configs_total", "mode" => "streaming"),
        Mode::Http => counter!("causerie_client_configs_total", "mode" => "http"),
    }
}

/// From where a client was given what it missed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecoveredFrom {
    /// From the node's own recent events.
    Tail,
    /// From the log.
    Log,
    /// It was not: the log does not reach back.
    Nowhere,
}

impl RecoveredFrom {
    const ALL: [Self; 3] = [Self::Tail, Self::Log, Self::Nowhere];
}

/// A client came back with a position.
pub(crate) fn recovered(from: RecoveredFrom, outbox: &Outbox) {
    recoveries(from).increment(1);
    outbox.note_recovery();
}

fn recoveries(from: RecoveredFrom) -> Counter {
    match from {
        RecoveredFrom::Tail => counter!("causerie_recoveries_total", "from" => "tail"),
        RecoveredFrom::Log => counter!("causerie_recoveries_total", "from" => "log"),
        RecoveredFrom::Nowhere => counter!("causerie_recoveries_total", "from" => "lost"),
    }
}

/// Compression was agreed on with a client.
pub(crate) fn compression_agreed() {
    counter!("causerie_compressed_connects_total").increment(1);
}

/// A frame was compressed, once for all who take it so.
pub(crate) fn frame_compressed(before: usize, after: usize) {
    count_compressed(before as u64, after as u64);
}

fn count_compressed(before: u64, after: u64) {
    kept!(counter!("causerie_compressed_bytes_total", "stage" => "before")).increment(before);
    kept!(counter!("causerie_compressed_bytes_total", "stage" => "after")).increment(after);
}

/// So many connections of a tenant are here now.
pub(crate) fn connections_of_tenant(tenant: &TenantId, count: usize) {
    show_for_tenant("causerie_tenant_connections", tenant, count);
}

/// A client is gone.
pub(crate) fn disconnected(connection: &Connection, ended: Ended) {
    connections(connection.transport).decrement(1);
    if connection.transport == Transport::WebSocket {
        websocket::ended();
    }
    let (closed_by, code) = match ended {
        Ended::ByClient(code) => ("client", code),
        Ended::ByServer(code) => ("server", Some(code.code())),
        Ended::Unclosed => ("nobody", None),
    };
    let tally = connection.outbox.tally();
    info!(
        connection = %connection.id,
        tenant = %connection.identity().tenant,
        transport = connection.transport.name(),
        ms = connection.age_ms(),
        closed_by,
        code,
        given = tally.given,
        dropped = tally.dropped,
        recoveries = tally.recoveries,
        rtt_ms = connection.rtt_ms(),
        "disconnected"
    );
}

fn connections(transport: Transport) -> Gauge {
    match transport {
        Transport::WebSocket => gauge!("causerie_connections", "transport" => "websocket"),
        Transport::Sse => gauge!("causerie_connections", "transport" => "sse"),
    }
}

fn connects(transport: Transport) -> Counter {
    match transport {
        Transport::WebSocket => counter!("causerie_connects_total", "transport" => "websocket"),
        Transport::Sse => counter!("causerie_connects_total", "transport" => "sse"),
    }
}

/// The server closed a connection.
pub(crate) fn closed(connection: &Connection, close: &Close) {
    let code = close.code.code();
    counter!("causerie_closes_total", "code" => code.to_string()).increment(1);
    debug!(connection = %connection.id, code, "closed by the server");
}

macro_rules! action {
    ($name:literal) => {
        kept!(counter!("causerie_actions_total", "action" => $name))
    };
}

/// A client sent a frame that was understood.
pub(crate) fn action_received(action: &Action) {
    let received = match action {
        Action::SendMessage(_) => action!("sendMessage"),
        Action::Typing(_) => action!("typing"),
        Action::Cancel(_) => action!("cancel"),
        Action::Status(_) => action!("status"),
        Action::Subscribe(_) => action!("subscribe"),
        Action::Unsubscribe(_) => action!("unsubscribe"),
        Action::Read(_) => action!("read"),
        Action::Delete(_) => action!("delete"),
        Action::Authenticate(_) => action!("authenticate"),
        Action::Ping(_) => action!("ping"),
    };
    received.increment(1);
}

/// A client showed a new token; whether it was believed.
pub(crate) fn token_renewed(is_believed: bool) {
    renewals(is_believed).increment(1);
    debug!(is_believed, "a client showed a new token");
}

fn renewals(is_believed: bool) -> Counter {
    if is_believed {
        counter!("causerie_token_renewals_total", "outcome" => "renewed")
    } else {
        counter!("causerie_token_renewals_total", "outcome" => "refused")
    }
}

/// A user's tokens were revoked; so many connections here came with them.
pub(crate) fn tokens_revoked(tenant: &TenantId, ended: usize) {
    counter!("causerie_revocations_total").increment(1);
    info!(%tenant, ended, "a user's tokens were revoked");
}

/// A user was disconnected, with so many connections here.
pub(crate) fn user_disconnected(tenant: &TenantId, ended: usize) {
    counter!("causerie_users_disconnected_total").increment(1);
    info!(%tenant, ended, "a user was disconnected");
}

/// A server asked about a connection, or wanted it ended; whether it was there.
pub(crate) fn inquired(ends_it: bool, is_found: bool) {
    inquiries(is_found).increment(1);
    debug!(ends_it, is_found, "a server asked about a connection");
}

/// A server asked about a connection, or wanted it ended, and its gateway did not answer.
pub(crate) fn inquired_in_vain(ends_it: bool) {
    unanswered().increment(1);
    debug!(
        ends_it,
        "the gateway of a connection that a server asked about does not answer"
    );
}

fn unanswered() -> Counter {
    counter!("causerie_connection_inquiries_total", "outcome" => "unanswered")
}

fn inquiries(is_found: bool) -> Counter {
    if is_found {
        counter!("causerie_connection_inquiries_total", "outcome" => "found")
    } else {
        counter!("causerie_connection_inquiries_total", "outcome" => "gone")
    }
}

/// A server asked for a user's connections, and the gateways of these names did not answer.
pub(crate) fn surveyed(silent: &[String]) {
    surveys(silent.is_empty()).increment(1);
    debug!(unanswered = ?silent, "a server asked for a user's connections");
}

fn surveys(is_whole: bool) -> Counter {
    if is_whole {
        counter!("causerie_connection_surveys_total", "outcome" => "whole")
    } else {
        counter!("causerie_connection_surveys_total", "outcome" => "partial")
    }
}

/// A connection is ended, since a server wants that.
pub(crate) fn connection_ended(connection: &Connection) {
    let tenant = &connection.identity().tenant;
    info!(connection = %connection.id, %tenant, "a server ended a connection");
}

/// A person's message is safely stored.
pub(crate) fn message_stored(question: &Question) {
    let is_to_ai = question.reply.is_some();
    messages(is_to_ai).increment(1);
    let to = ("to", if is_to_ai { "ai" } else { "people" });
    count_for_tenant(
        "causerie_tenant_messages_total",
        to,
        &question.room.tenant,
        1,
    );
    debug!(room = %question.room, is_to_ai, "a message was stored");
}

fn messages(is_to_ai: bool) -> &'static Counter {
    if is_to_ai {
        kept!(counter!("causerie_messages_total", "to" => "ai"))
    } else {
        kept!(counter!("causerie_messages_total", "to" => "people"))
    }
}

/// A message came again, and got the first one's receipt.
pub(crate) fn message_repeated() {
    counter!("causerie_repeated_messages_total").increment(1);
}

/// A message was deleted: by one who said it, or by an admin.
pub(crate) fn message_deleted(deletion: &Deletion) {
    counter!("causerie_deleted_messages_total").increment(1);
    let by_admin = deletion.author.is_none();
    debug!(room = %deletion.room, by_admin, "a message was deleted");
}

/// A server's event was published to a room.
pub(crate) fn event_published(room: &RoomKey, is_durable: bool) {
    published(is_durable).increment(1);
    debug!(%room, is_durable, "an event was published");
}

fn published(is_durable: bool) -> Counter {
    if is_durable {
        counter!("causerie_published_events_total", "kind" => "durable")
    } else {
        counter!("causerie_published_events_total", "kind" => "transient")
    }
}

/// A server's event came again to a room that had it.
pub(crate) fn publishing_repeated() {
    counter!("causerie_repeated_publishings_total").increment(1);
}

/// A client was answered with an error.
pub(crate) fn refused(code: ErrorCode) {
    counter!(
        "causerie_errors_total",
        "code" => code.name(),
        "category" => code.category(),
        "severity" => code.severity(),
    )
    .increment(1);
}
