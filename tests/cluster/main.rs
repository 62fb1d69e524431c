//! What people see of a whole installation: two gateways, two brokers and Redis
//! as real processes, and an AI server that keeps a record of its calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod alerts;
mod api_keys;
mod bad_settings;
mod busy_sessions;
mod calm;
mod canaries;
mod cancelling;
mod connections;
mod conversation;
mod devices;
mod draining;
mod kit;
mod late_joiner;
mod lost_processes;
mod lost_redis;
mod lost_tail;
mod many_replies;
mod moving;
mod moving_streams;
mod observing;
mod on_one_machine;
mod presence;
mod publishing;
mod redis_cluster;
mod redis_over_tls;
mod revoking;
mod rollout;
mod standalone;
mod status;
mod tls;
mod traces;
mod trimming;
mod warnings;
