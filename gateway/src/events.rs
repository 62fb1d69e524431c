//! What happens on a gateway that an operator should see: log line and metric
//! of one happening together. No label holds an id.
//!
//! Where something happens often its labels are literals: else a key is put
//! together each time.

use causerie_shared::bus::BusError;
use causerie_shared::bus::log::{Missed, Page};
use causerie_shared::room::{Partition, RoomKey};
use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use crate::hub::order::Hole;
use crate::seldom::Seldom;
pub(crate) use clients::{
    RecoveredFrom, action_received, client_configured, closed, compression_agreed, connected,
    connection_ended, connections_of_tenant, disconnected, event_published, frame_compressed,
    inquired, inquired_in_vain, message_deleted, message_repeated, message_stored,
    publishing_repeated, recovered, refused, reported, surveyed, token_renewed, tokens_revoked,
    user_disconnected,
};
pub(crate) use deliveries::{
    Deliveries, delivered, snapshot_pushed, snapshots_sent, stale_record_dropped,
};
pub(crate) use states::{States, waiting};
pub(crate) use websocket::{frame_received, frame_refused, frames_sent, user_came, user_left};

/// A counter that is looked up once: that takes a lock which all threads share, and is too
/// dear for what happens with each message.
macro_rules! kept {
    ($counter:expr) => {{
        static KEPT: std::sync::LazyLock<metrics::Counter> = std::sync::LazyLock::new(|| $counter);
        &*KEPT
    }};
}

mod clients;
mod deliveries;
mod states;
mod websocket;

// What became of a hole.
const MENDED: &str = "mended";
const LOST: &str = "lost";

/// Shows what may be alarmed about as 0 before it first happens: to Prometheus
/// a counter that springs into being at 1 has not risen.
pub(crate) fn begin_at_zero() {
    clients::begin_at_zero();
    crate::limits::events::begin_at_zero();
    crate::filter::begin_at_zero();
    counter!("causerie_untrusted_proxy_requests_total").increment(0);
    deliveries::begin_at_zero();
    states::begin_at_zero();
    websocket::begin_at_zero();
    for name in [
        "causerie_feed_gaps_total",
        "causerie_feed_overflows_total",
        "causerie_shard_stalls_total",
        "causerie_rooms_given_up_total",
        "causerie_waiting_hung_up_total",
        "causerie_presence_told_total",
        "causerie_presence_renewals_total",
        "causerie_presence_sweeps_total",
        "causerie_accept_errors_total",
        "causerie_api_key_requests_total",
        "causerie_chat_timeouts_total",
        "causerie_key_reload_errors_total",
    ] {
        counter!(name).increment(0);
    }
    for name in ["causerie_rooms", "causerie_status_sockets"] {
        gauge!(name).increment(0.0);
    }
    for hole in Hole::ALL {
        counter!("causerie_gaps_total", "kind" => hole.name()).increment(0);
    }
    for outcome in ["fetched", "failed"] {
        counter!("causerie_key_set_fetches_total", "outcome" => outcome).increment(0);
    }
    for outcome in [MENDED, LOST] {
        counter!("causerie_repairs_total", "outcome" => outcome).increment(0);
    }
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

/// A room's shard did not answer one who wanted to join, and has not left since. That cannot
/// be, so it has no metric of its own; the closing is counted.
pub(crate) fn join_lost(room: &RoomKey) {
    error!(%room, "nobody answered a wish to join a room: its client is sent away, to come back");
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

/// The bus did not say which tokens were revoked.
pub(crate) fn revocations_unknown(error: &BusError) {
    bus_failed("revocations", None, error);
}

/// What another gateway asked about a connection was not answered: it tells who asked that
/// this one is out of reach.
pub(crate) fn inquiry_unanswered(error: &BusError) {
    bus_failed("order", None, error);
}

/// So much was told of who is in which room.
pub(crate) fn presence_told(count: usize) {
    counter!("causerie_presence_told_total").increment(count as u64);
}

/// It could not be told who is in a room: it is told again.
pub(crate) fn presence_untold(error: &BusError) {
    bus_failed("attend", None, error);
}

/// Too much waits to be told of who is in the rooms of a partition: all of them are told anew
/// once it answers. One line a minute for all partitions: they fall silent together.
pub(crate) fn presence_given_up(lines: &Seldom) {
    if lines.is_due() {
        warn!("too much of who is here cannot be told now: all of it is once the bus answers");
    }
}

/// The bus did not say which gateways live, or did not take back what one has told.
pub(crate) fn hosts_unknown(error: &BusError) {
    bus_failed("hosts", None, error);
}

/// What this gateway told of who is in the rooms of a partition may be lost, or was taken
/// back by others: it is told anew.
pub(crate) fn host_lost(partition: Partition) {
    counter!("causerie_presence_renewals_total").increment(1);
    debug!(%partition, "who is here is told anew");
}

/// What was told by gateways that show no life was taken back, of each in so many partitions.
pub(crate) fn hosts_swept(count: usize) {
    if count > 0 {
        counter!("causerie_presence_sweeps_total").increment(count as u64);
        info!(
            partitions = count,
            "who was at a gateway that is gone has left"
        );
    }
}

/// A typing indicator could not be published: nobody misses that somebody types, and that
/// somebody has stopped is told again.
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
    warn!("a shard is too slow: records were dropped, their rooms are read");
}

/// So much waits for crowds that a shard takes nothing more for now.
pub(crate) fn shard_full() {
    counter!("causerie_shard_stalls_total").increment(1);
    warn!("too much waits for crowded rooms: their shard takes nothing until some is sent");
}

/// A room is heard now.
pub(crate) fn room_added() {
    gauge!("causerie_rooms").increment(1);
}

/// A room is not heard any more.
pub(crate) fn room_removed() {
    gauge!("causerie_rooms").decrement(1);
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
