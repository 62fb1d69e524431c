//! Questions, replies and AI backends.

use super::{Metric, counter, gauge, histogram};

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "causerie_broker_queue_depth",
        "",
        "replies of the whole installation that have not begun; every broker shows the same",
    ),
    gauge(
        "causerie_broker_queue_age_seconds",
        "",
        "how long ago the oldest was asked of the questions that are next in their tenants' lines; \
         0 where none waits. Every broker shows the same. Those that wait for an earlier one of \
         their session are not among them. Of more than 32 tenants that wait in one of Redis' \
         partitions some are looked at",
    ),
    histogram(
        "causerie_broker_question_waited_seconds",
        "",
        "from a question's acceptance to its claim",
    ),
    gauge(
        "causerie_broker_places_waiting",
        "",
        "tenants and partitions in which something may wait",
    ),
    gauge("causerie_broker_slots_taken", "", "replies being made here"),
    histogram(
        "causerie_broker_first_text_seconds",
        "",
        "from the claim to the reply's first text",
    ),
    histogram(
        "causerie_broker_text_gap_seconds",
        "",
        "between one text of the model and the next; those read at once have none between them",
    ),
    histogram(
        "causerie_broker_reply_seconds",
        "",
        "from the claim to the end of the reply",
    ),
    histogram(
        "causerie_broker_append_seconds",
        "",
        "one delta's way into the bus",
    ),
    counter("causerie_broker_deltas_total", "", "deltas sent"),
    counter(
        "causerie_broker_deltas_sent_again_total",
        "",
        "deltas that the bus had lost",
    ),
    counter(
        "causerie_broker_tokens_total",
        "`kind`",
        "tokens of prompts (`prompt`) and replies (`completion`)",
    ),
    counter(
        "causerie_broker_replies_total",
        "`finish_reason`",
        "replies ended: `stop`, `length`, `cancelled` or `error`",
    ),
    counter(
        "causerie_broker_takeovers_total",
        "",
        "replies taken over from a broker that died",
    ),
    counter(
        "causerie_broker_fenced_total",
        "",
        "replies that another has taken over",
    ),
    counter(
        "causerie_broker_given_up_total",
        "",
        "replies given up since the bus's answers cannot be read",
    ),
    counter(
        "causerie_broker_dead_letters_total",
        "",
        "questions put aside",
    ),
    counter(
        "causerie_broker_bus_retries_total",
        "`verb`",
        "calls of the bus that are made again",
    ),
    counter(
        "causerie_broker_config_refused_total",
        "",
        "reloads whose AI settings cannot work",
    ),
    counter(
        "causerie_ai_tries_total",
        "`backend`, `outcome`",
        "model calls: `ok`, or the error, such as `rate_limited`, `unavailable`, \
         `first_token_timeout`, `stalled`",
    ),
    counter(
        "causerie_ai_retries_total",
        "`backend`, `reason`",
        "model calls made again",
    ),
    counter(
        "causerie_ai_fallbacks_total",
        "`from`, `to`, `reason`",
        "calls that went to the next backend",
    ),
    histogram(
        "causerie_ai_first_token_seconds",
        "`backend`",
        "from a call to its first text",
    ),
    counter(
        "causerie_ai_cost_millionths_total",
        "`model`",
        "what replies cost, in millionths of your currency, of the models in \
         [`ai.prices`](backends.md)",
    ),
    counter(
        "causerie_ai_replies_cut_total",
        "`backend`",
        "replies over `ai.max_reply_bytes`",
    ),
    gauge(
        "causerie_ai_breaker_state",
        "`backend`",
        "0 closed, 1 half open, 2 open",
    ),
];
