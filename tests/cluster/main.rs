//! What people see of a whole installation: two gateways, two brokers and Redis
//! as real processes, and an AI server that keeps a record of its calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod busy_sessions;
mod cancelling;
mod conversation;
mod devices;
mod kit;
mod late_joiner;
mod moving;
mod moving_streams;
