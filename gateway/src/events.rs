//! What happens on a gateway that an operator should see: log line and metric
//! of one happening together. No label holds an id.

use causerie_shared::bus::BusError;
use causerie_shared::bus::log::{Missed, Page};
use causerie_shared::bus::question::Question;
use causerie_shared::protocol::error::ErrorCode;
use causerie_shared::room::RoomKey;
use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::connection::{Connection, Transport};
use crate::hub::order::Hole;
use crate::outbox::{Close, Pushed};

// Why an event was not given to a connection.
const SLOW_TRANSIENT: &str = "slow_transient";
const SLOW_TEXT: &str = "slow_text";
const SLOW_CLOSED: &str = "slow_closed";
const STALE: &str = "stale";

// What became of a hole.
const MENDED: &str = "mended";
const LOST: &str = "lost";

// When bytes of a frame that is compressed are counted.
const BEFORE: &str = "before";
const AFTER: &str = "after";

// For whom a message is.
const TO_AI: &str = "ai";
const TO_PEOPLE: &str = "people";

/// Shows what may be alarmed about as 0 before it first happens: to Prometheus
/// a counter that springs into being at 1 has not risen.
pub(crate) fn begin_at_zero() {
    for name in [
        "causerie_deliveries_total",
        "causerie_feed_gaps_total",
        "causerie_feed_overflows_total",
        "causerie_rooms_given_up_total",
        "causerie_snapshots_total",
        "causerie_repeated_messages_total",
        "causerie_compressed_connects_total",
    ] {
        counter!(name).increment(0);
    }
    gauge!("causerie_rooms").increment(0.0);
    for transport in Transport::ALL {
        gauge!("causerie_connections", "transport" => transport.name()).increment(0.0);
    }
    for reason in [SLOW_TRANSIENT, SLOW_TEXT, SLOW_CLOSED, STALE] {
        counter!("causerie_drops_total", "reason" => reason).increment(0);
    }
    for hole in Hole::ALL {
        counter!("causerie_gaps_total", "kind" => hole.name()).increment(0);
    }
    for outcome in [MENDED, LOST] {
        counter!("causerie_repairs_total", "outcome" => outcome).increment(0);
    }
    for from in RecoveredFrom::ALL {
        counter!("causerie_recoveries_total", "from" => from.name()).increment(0);
    }
    for stage in [BEFORE, AFTER] {
        counter!("causerie_compressed_bytes_total", "stage" => stage).increment(0);
    }
    for to in [TO_AI, TO_PEOPLE] {
        counter!("causerie_messages_total", "to" => to).increment(0);
    }
}

/// What became of events, over all who are in their room.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    given: u64,
    transient_dropped: u64,
    text_dropped: u64,
    overflown: u64,
}

impl Deliveries {
    pub(crate) fn count(&mut self, pushed: Pushed, frames: usize) {
        let count = match pushed {
            Pushed::Written | Pushed::Queued => &mut self.given,
            Pushed::DroppedTransient => &mut self.transient_dropped,
            Pushed::DroppedText => &mut self.text_dropped,
            Pushed::Overflown => &mut self.overflown,
            Pushed::Closed => return,
        };
        *count += frames as u64;
    }
}

/// Events that were published then were given to all of their room.
pub(crate) fn delivered(
    deliveries: &Deliveries,
    published_ms: impl Iterator<Item = u64>,
    now_ms: u64,
) {
    counter!("causerie_deliveries_total").increment(deliveries.given);
    for (reason, count) in [
        (SLOW_TRANSIENT, deliveries.transient_dropped),
        (SLOW_TEXT, deliveries.text_dropped),
        (SLOW_CLOSED, deliveries.overflown),
    ] {
        if count > 0 {
            counter!("causerie_drops_total", "reason" => reason).increment(count);
        }
    }
    if deliveries.given > 0 {
        let delays = histogram!("causerie_publish_to_deliver_seconds");
        for published_ms in published_ms {
            let late_ms = now_ms.saturating_sub(published_ms);
            delays.record(late_ms as f64 / 1_000.0);
        }
    }
}

/// A record came twice, or too late.
pub(crate) fn stale_record_dropped() {
    counter!("causerie_drops_total", "reason" => STALE).increment(1);
}

/// Something of a room was missed.
pub(crate) fn gap_found(room: &RoomKey, hole: Hole) {
    counter!("causerie_gaps_total", "kind" => hole.name()).increment(1);
    debug!(%room, kind = hole.name(), "a gap was found: the room is read");
}

/// What was missed of a room was read.
pub(crate) fn room_repaired(room: &RoomKey, page: &Page) {
    match page.missed {
        Missed::Records(_) => {
            counter!("causerie_repairs_total", "outcome" => MENDED).increment(1);
        }
        Missed::Lost => {
            counter!("causerie_repairs_total", "outcome" => LOST).increment(1);
            warn!(%room, "a part of the room's log is gone: its clients reload");
        }
    }
}

/// A room cannot be read until somebody mends what is stored of it.
pub(crate) fn room_given_up(room: &RoomKey, error: &BusError) {
    counter!("causerie_rooms_given_up_total").increment(1);
    error!(%room, %error, "a room is given up: its clients are sent away");
}

/// A room could not be read.
pub(crate) fn read_failed(room: &RoomKey, error: &BusError) {
    bus_failed("read", Some(room), error);
}

/// A room could not be unsubscribed from.
pub(crate) fn unsubscribe_failed(room: &RoomKey, error: &BusError) {
    bus_failed("unsubscribe", Some(room), error);
}

/// The bus did not say which rooms have changed.
pub(crate) fn changes_unknown(error: &BusError) {
    bus_failed("changed", None, error);
}

/// The bus did not carry out what a client asked for.
pub(crate) fn action_failed(error: &BusError) {
    bus_failed("action", None, error);
}

/// A typing indicator could not be published; nobody misses it.
pub(crate) fn typing_lost(error: &BusError) {
    bus_failed("publish", None, error);
}

fn bus_failed(verb: &'static str, room: Option<&RoomKey>, error: &BusError) {
    let room = room.map(tracing::field::display);
    match error {
        // The bus counts and tells it; here it would be told again for each
        // room and for each client.
        BusError::Unavailable(_) => debug!(verb, room, %error, "the bus failed"),
        BusError::Unreadable(_) => warn!(verb, room, %error, "the bus failed"),
    }
}

/// The feed may have missed records of any room.
pub(crate) fn feed_lost_its_place() {
    counter!("causerie_feed_gaps_total").increment(1);
    warn!("the feed may have missed records: all rooms are read");
}

/// A shard was too slow: records were dropped, and it is told so.
pub(crate) fn feed_overflown() {
    counter!("causerie_feed_overflows_total").increment(1);
    warn!("a shard is too slow: records were dropped, its rooms are read");
}

/// A room is heard now.
pub(crate) fn room_added() {
    gauge!("causerie_rooms").increment(1);
}

/// A room is not heard any more.
pub(crate) fn room_removed() {
    gauge!("causerie_rooms").decrement(1);
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

    const fn name(self) -> &'static str {
        match self {
            Self::Tail => "tail",
            Self::Log => "log",
            Self::Nowhere => "lost",
        }
    }
}

/// A client came back with a position.
pub(crate) fn recovered(from: RecoveredFrom) {
    counter!("causerie_recoveries_total", "from" => from.name()).increment(1);
}

/// A reply's text was sent whole.
pub(crate) fn snapshot_sent() {
    counter!("causerie_snapshots_total").increment(1);
}

/// A client is connected.
pub(crate) fn connected(connection: &Connection) {
    let transport = connection.transport.name();
    gauge!("causerie_connections", "transport" => transport).increment(1);
    counter!("causerie_connects_total", "transport" => transport).increment(1);
    let (id, identity) = (&connection.id, &connection.identity);
    info!(connection = %id, tenant = %identity.tenant, transport, "connected");
}

/// Compression was agreed on with a client.
pub(crate) fn compression_agreed() {
    counter!("causerie_compressed_connects_total").increment(1);
}

/// A frame was compressed, once for all who take it so.
pub(crate) fn frame_compressed(before: usize, after: usize) {
    for (stage, bytes) in [(BEFORE, before), (AFTER, after)] {
        counter!("causerie_compressed_bytes_total", "stage" => stage).increment(bytes as u64);
    }
}

/// A client is gone.
pub(crate) fn disconnected(connection: &Connection) {
    let transport = connection.transport.name();
    gauge!("causerie_connections", "transport" => transport).decrement(1);
    info!(connection = %connection.id, transport, "disconnected");
}

/// The server closed a connection.
pub(crate) fn closed(connection: &Connection, close: &Close) {
    let code = close.code.code();
    counter!("causerie_closes_total", "code" => code.to_string()).increment(1);
    debug!(connection = %connection.id, code, "closed by the server");
}

/// A client sent a frame that was understood.
pub(crate) fn action_received(action: &'static str) {
    counter!("causerie_actions_total", "action" => action).increment(1);
}

/// A person's message is safely stored.
pub(crate) fn message_stored(question: &Question) {
    let to = if question.reply.is_some() {
        TO_AI
    } else {
        TO_PEOPLE
    };
    counter!("causerie_messages_total", "to" => to).increment(1);
    debug!(room = %question.room, to, "a message was stored");
}

/// A message came again, and got the first one's receipt.
pub(crate) fn message_repeated() {
    counter!("causerie_repeated_messages_total").increment(1);
}

/// A client was answered with an error.
pub(crate) fn refused(code: ErrorCode) {
    counter!("causerie_errors_total", "code" => code.name()).increment(1);
}

/// The node sends its clients away.
pub(crate) fn drain_began(connections: usize) {
    info!(connections, "draining: clients are sent to other nodes");
}

/// The node has no clients any more, or has waited long enough.
pub(crate) fn drain_ended(left: usize) {
    if left == 0 {
        info!("drained");
    } else {
        warn!(left, "the grace period is over: connections are cut");
    }
}
