//! What happens in a broker: the metric and the log line of each.

use std::sync::LazyLock;
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::bus::reply::{Claim, Lease, Waiting};
use causerie_shared::config::Price;
use causerie_shared::protocol::data::{FinishReason, Reply};
use causerie_shared::telemetry::count_for_tenant;
use metrics::{Counter, Histogram, counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::backend::ConfigError;
use crate::outcome::Outcome;
use crate::patience::Lost;

/// What is used for each text. To look it up takes a lock that all threads share.
static PER_TEXT: LazyLock<PerText> = LazyLock::new(|| PerText {
    gaps: histogram!("causerie_broker_text_gap_seconds"),
    deltas: counter!("causerie_broker_deltas_total"),
    appends: histogram!("causerie_broker_append_seconds"),
});

struct PerText {
    gaps: Histogram,
    deltas: Counter,
    appends: Histogram,
}

// Kinds of tokens.
const PROMPT: &str = "prompt";
const COMPLETION: &str = "completion";

const REASONS: [FinishReason; 4] = [
    FinishReason::Stop,
    FinishReason::Length,
    FinishReason::Cancelled,
    FinishReason::Error,
];

const fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Error => "error",
    }
}

/// Shows what may be alarmed about as 0 before it first happens: to Prometheus
/// a counter that springs into being at 1 has not risen.
pub(crate) fn begin_at_zero() {
    for name in [
        "causerie_broker_takeovers_total",
        "causerie_broker_fenced_total",
        "causerie_broker_given_up_total",
        "causerie_broker_dead_letters_total",
        "causerie_broker_deltas_total",
        "causerie_broker_deltas_sent_again_total",
        "causerie_broker_config_refused_total",
    ] {
        counter!(name).increment(0);
    }
    for verb in [
        "announce",
        "append",
        "beat",
        "claim",
        "finish",
        "leases",
        "take_over",
        "waiting",
    ] {
        counter!("causerie_broker_bus_retries_total", "verb" => verb).increment(0);
    }
    for reason in REASONS {
        counter!("causerie_broker_replies_total", "finish_reason" => reason_name(reason))
            .increment(0);
    }
    for kind in [PROMPT, COMPLETION] {
        counter!("causerie_broker_tokens_total", "kind" => kind).increment(0);
    }
}

/// Slots were taken or given back, or questions were heard of.
pub(crate) fn slots(running: usize, places: usize) {
    gauge!("causerie_broker_slots_taken").set(running as f64);
    gauge!("causerie_broker_places_waiting").set(places as f64);
}

/// What waits in the whole installation.
pub(crate) fn waiting(waiting: &Waiting) {
    gauge!("causerie_broker_queue_depth").set(waiting.replies as f64);
    gauge!("causerie_broker_queue_age_seconds").set(waiting.oldest.as_secs_f64());
}

/// A question was claimed, and waits no longer.
pub(crate) fn claimed(claim: &Claim) {
    histogram!("causerie_broker_question_waited_seconds").record(claim.waited_ms as f64 / 1000.0);
    debug!(
        reply = %claim.lease.message_id,
        room = %claim.lease.room,
        waited_ms = claim.waited_ms,
        "question claimed"
    );
}

/// A reply of a broker that died was taken over.
pub(crate) fn taken_over(claim: &Claim) {
    counter!("causerie_broker_takeovers_total").increment(1);
    warn!(
        reply = %claim.lease.message_id,
        room = %claim.lease.room,
        attempt = claim.lease.attempt,
        "reply taken over from a broker that is gone"
    );
}

/// The first text of a reply came, so long after its question was claimed.
pub(crate) fn first_text(after: Duration) {
    histogram!("causerie_broker_first_text_seconds").record(after.as_secs_f64());
}

/// Another text came, so long after the one before it.
pub(crate) fn next_text(after: Duration) {
    PER_TEXT.gaps.record(after);
}

/// A delta is on the bus, which took so long.
pub(crate) fn delta_sent(took: Duration) {
    PER_TEXT.deltas.increment(1);
    PER_TEXT.appends.record(took);
}

/// The bus has lost deltas; they are sent again.
pub(crate) fn sending_again(lease: &Lease, from: u64, to: usize) {
    counter!("causerie_broker_deltas_sent_again_total").increment((to as u64).saturating_sub(from));
    info!(reply = %lease.message_id, from, to, "bus lost deltas; sending them again");
}

/// The bus did not answer; it will be asked again.
pub(crate) fn bus_failed(verb: &'static str, error: &BusError) {
    counter!("causerie_broker_bus_retries_total", "verb" => verb).increment(1);
    match error {
        // The bus tells once that it is away; here it would be told for each reply.
        BusError::Unavailable(_) => debug!(verb, %error, "bus call failed; it is tried again"),
        BusError::Unreadable(_) => warn!(verb, %error, "bus call failed; it is tried again"),
    }
}

/// A reply has ended.
pub(crate) fn reply_finished(lease: &Lease, reply: &Reply, outcome: &Outcome) {
    let reason = reason_name(reply.finish_reason);
    let metadata = &reply.metadata;
    counter!("causerie_broker_replies_total", "finish_reason" => reason).increment(1);
    histogram!("causerie_broker_reply_seconds").record(metadata.response_time as f64 / 1000.0);
    let tenant = &lease.room.tenant;
    let finished = ("finish_reason", reason);
    count_for_tenant("causerie_tenant_replies_total", finished, tenant, 1);
    for (kind, tokens) in [
        (PROMPT, metadata.prompt_tokens),
        (COMPLETION, metadata.token_count),
    ] {
        let tokens = tokens.unwrap_or_default();
        counter!("causerie_broker_tokens_total", "kind" => kind).increment(tokens);
        count_for_tenant(
            "causerie_tenant_tokens_total",
            ("kind", kind),
            tenant,
            tokens,
        );
    }
    info!(
        reply = %lease.message_id,
        room = %lease.room,
        attempt = lease.attempt,
        finish_reason = reason,
        model = metadata.model_used,
        response_ms = metadata.response_time,
        first_text_ms = metadata.time_to_first_token,
        tokens = metadata.token_count,
        "reply finished"
    );
    if let Some(why) = outcome.dead_letter() {
        counter!("causerie_broker_dead_letters_total").increment(1);
        error!(reply = %lease.message_id, room = %lease.room, why, "question is a dead letter");
    }
}

/// What a reply cost, in millionths of the currency. The label is a model that has a price.
pub(crate) fn paid(price: &Price, millionths: u64) {
    let model = price.model.clone();
    counter!("causerie_ai_cost_millionths_total", "model" => model).increment(millionths);
}

/// A reply is no longer this broker's to make.
pub(crate) fn reply_lost(lease: &Lease, lost: &Lost) {
    let (reply, attempt) = (&lease.message_id, lease.attempt);
    match lost {
        Lost::Fenced => {
            counter!("causerie_broker_fenced_total").increment(1);
            warn!(%reply, attempt, "fenced: the reply is another broker's now, or has ended");
        }
        Lost::Unreadable(what) => {
            counter!("causerie_broker_given_up_total").increment(1);
            error!(%reply, attempt, what, "reply given up: what the bus holds cannot be read");
        }
    }
}

/// A change of the configuration cannot be taken over.
pub(crate) fn ai_not_changed(error: &ConfigError) {
    counter!("causerie_broker_config_refused_total").increment(1);
    error!(%error, "changed AI settings cannot work; the old ones stay");
}

/// Nothing new is claimed from now on.
pub(crate) fn draining(running: usize) {
    info!(running, "broker drains");
}

/// The drain is over.
pub(crate) fn drained(left: usize, in_time: bool) {
    if in_time {
        info!("broker drained");
    } else {
        warn!(
            left,
            "drain grace is over; other brokers take over what is left"
        );
    }
}
