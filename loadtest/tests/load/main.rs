//! Each scenario of `causerie-loadtest` against real servers for some seconds, for
//! correctness; and what it says of servers that break their promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod breaker;
mod program;
mod refusals;
mod scenarios;
mod wrongs;
