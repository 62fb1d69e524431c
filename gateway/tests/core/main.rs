//! The gateway's core over real sockets and the bus in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod actions;
mod frames;
mod life;
#[path = "../kit/making.rs"]
mod making;
mod membership;
mod recovery;
mod redis;
mod slow_readers;
mod support;
mod together;
mod typing;
