//! Word lists in logs and metrics: never a word.

use causerie_shared::bus::BusError;
use causerie_shared::protocol::data::Filtered;
use causerie_shared::room::RoomKey;
use metrics::{Counter, counter};

/// Shows what may be alarmed about as 0 before it first happens.
pub(crate) fn begin_at_zero() {
    for result in Filtered::ALL {
        messages(result).increment(0);
    }
}

/// A message for `room` holds so many words of lists.
pub(super) fn found(room: &RoomKey, result: Filtered, words: u64) {
    messages(result).increment(1);
    let result = result.as_str();
    tracing::debug!(%room, result, words, "a message holds words of a list");
}

fn messages(result: Filtered) -> Counter {
    counter!("causerie_filtered_messages_total", "result" => result.as_str())
}

/// Somebody is not told what was found.
pub(super) fn untold(room: &RoomKey, error: &BusError) {
    tracing::debug!(%room, %error, "a warning of words of a list is lost");
}
