//! What happens between us and Redis that an operator should see.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fred::error::Error;
use fred::types::config::Server;
use metrics::Histogram;
use tokio::task::JoinError;
use tracing::Span;

use crate::bus::BusError;
use crate::record::UnreadableRecord;
use crate::room::RoomKey;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Commands,
    Rooms,
    Wakes,
    Orders,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Commands, Self::Rooms, Self::Wakes, Self::Orders];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Rooms => "rooms",
            Self::Wakes => "wakes",
            Self::Orders => "orders",
        }
    }
}

/// While Redis is away every call fails, and what is damaged stays so: one in a second is told of.
static TOLD: OncePerSecond = OncePerSecond::new();

/// Of connections likewise: those to a node that is dead are tried again and again.
static BROKEN: OncePerSecond = OncePerSecond::new();

/// And of looks, which are made twice a second.
static LOOKED: OncePerSecond = OncePerSecond::new();

/// Shows what may be alarmed about as 0 before it first happens.
pub(super) fn begin_at_zero() {
    for purpose in Purpose::ALL {
        for name in [
            "causerie_redis_connection_errors_total",
            "causerie_redis_resubscriptions_total",
        ] {
            metrics::counter!(name, "purpose" => purpose.as_str()).increment(0);
        }
    }
    metrics::counter!("causerie_bus_unreadable_records_total").increment(0);
    metrics::counter!("causerie_redis_looks_failed_total").increment(0);
    metrics::counter!("causerie_redis_connects_failed_total").increment(0);
}

/// A verb was asked of Redis.
pub(super) fn asked(verb: &'static str, took: Duration, error: Option<&BusError>) {
    durations(verb).record(took);
    let Some(error) = error else {
        return;
    };
    metrics::counter!("causerie_bus_errors_total", "verb" => verb).increment(1);
    if TOLD.is_due() {
        tracing::warn!(verb, %error, "Redis did not do what it was asked");
    } else {
        tracing::debug!(verb, %error, "Redis did not do what it was asked");
    }
}

/// What is asked of Redis in a trace; nothing outside of one, where it would be a trace of its own.
pub(super) fn span(verb: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        "redis",
        otel.name = format!("redis {verb}"),
        otel.kind = "client",
        db.system.name = "redis",
        db.operation.name = verb,
    )
}

/// Kept by each thread: to look one up takes a lock that all share, and puts a key together.
fn durations(verb: &'static str) -> Histogram {
    thread_local! {
        static KEPT: RefCell<HashMap<&'static str, Histogram>> = RefCell::default();
    }
    let look_up = || metrics::histogram!("causerie_bus_verb_seconds", "verb" => verb);
    KEPT.with_borrow_mut(|kept| kept.entry(verb).or_insert_with(look_up).clone())
}

/// A connection is there: the first one, or one in place of another.
pub(super) fn link_connected(purpose: Purpose, server: &Server) {
    tracing::info!(purpose = purpose.as_str(), %server, "connected to Redis");
    metrics::counter!("causerie_redis_connections_total", "purpose" => purpose.as_str())
        .increment(1);
}

/// A connection broke.
pub(super) fn link_failed(purpose: Purpose, server: Option<&Server>, error: &str) {
    let server = server.map(ToString::to_string);
    let purpose = purpose.as_str();
    if BROKEN.is_due() {
        tracing::warn!(purpose, server, error, "the connection to Redis broke");
    } else {
        tracing::debug!(purpose, server, error, "the connection to Redis broke");
    }
    metrics::counter!("causerie_redis_connection_errors_total", "purpose" => purpose).increment(1);
}

/// The client gave up, and is started again.
pub(super) fn link_ended(purpose: Purpose, result: Result<Result<(), Error>, JoinError>) {
    let reason = match result {
        Ok(Ok(())) => "it was closed".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(
        purpose = purpose.as_str(),
        reason,
        "the client of Redis ended, starting it again"
    );
    metrics::counter!("causerie_redis_connection_errors_total", "purpose" => purpose.as_str())
        .increment(1);
}

/// We cut a connection, to have a better one.
pub(super) fn link_begun_anew(purpose: Purpose, why: &str) {
    tracing::warn!(purpose = purpose.as_str(), why, "connecting to Redis anew");
}

/// Nobody told who serves what; it goes on as it was known last.
pub(super) fn look_failed(error: &impl Display) {
    if LOOKED.is_due() {
        tracing::warn!(%error, "who serves what in Redis cannot be learnt, trying on");
    } else {
        tracing::debug!(%error, "who serves what in Redis cannot be learnt, trying on");
    }
    metrics::counter!("causerie_redis_looks_failed_total").increment(1);
}

/// Channels are subscribed again after a connection or a partition moved.
pub(super) fn subscribed_again(purpose: Purpose, channels: usize) {
    tracing::info!(
        purpose = purpose.as_str(),
        channels,
        "subscribed again to Redis's channels"
    );
    metrics::counter!("causerie_redis_resubscriptions_total", "purpose" => purpose.as_str())
        .increment(1);
}

/// Channels could not be subscribed to; it is tried until they can.
pub(super) fn not_subscribed(purpose: Purpose, channels: usize, error: &impl Display) {
    tracing::warn!(purpose = purpose.as_str(), channels, %error, "not subscribed to Redis's channels, trying on");
}

/// A record came that this program cannot read.
pub(super) fn record_unreadable(room: &RoomKey, error: &UnreadableRecord) {
    tracing::warn!(%room, %error, "a record cannot be read");
    metrics::counter!("causerie_bus_unreadable_records_total").increment(1);
}

/// An entry of a list of ours says nothing that this program understands.
pub(super) fn entry_unreadable(list: &'static str, entry: &str) {
    if TOLD.is_due() {
        tracing::warn!(
            list,
            entry,
            "an entry in Redis cannot be read, passing over it"
        );
    }
    metrics::counter!("causerie_bus_unreadable_records_total").increment(1);
}

/// Redis did not tell the time; our own runs on from what it told last.
pub(super) fn clock_not_taken(error: &BusError) {
    tracing::warn!(%error, "Redis does not tell the time");
}

/// A node is not there at the start; it is tried to connect to it until it is.
pub(super) fn node_away(server: &Server, error: &impl Display) {
    tracing::warn!(%server, %error, "a node of Redis does not answer: what it serves waits");
}

/// Redis is set up so that it may lose what it has confirmed.
pub(super) fn setting_may_lose_data(sentence: &str) {
    tracing::warn!("{sentence}");
}

/// Lets one in a second through.
struct OncePerSecond(Mutex<Option<Instant>>);

impl OncePerSecond {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1));
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_is_due() {
        let told = OncePerSecond::new();
        assert!(told.is_due());
        assert!(!told.is_due());
        *told.0.lock().unwrap() = Instant::now().checked_sub(Duration::from_secs(1));
        assert!(told.is_due());
    }
}
