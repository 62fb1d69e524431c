//! Gateways and brokers under a simulated clock and network: see
//! docs/simulation.md.
//!
//! - `run`: one seed, from its installation to its verdict
//! - `plan`: what strikes when
//! - `installation`: the nodes, the bus between them, and who lives
//! - `link`, `heard`, `condition`: the network between one node and the bus
//! - `client`: somebody who talks, goes, comes back, and writes down
//! - `oracle`: the AI
//! - `history`: what happened
//! - `told`: a value of which everybody is told
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod client;
mod condition;
mod heard;
mod history;
mod installation;
mod link;
mod oracle;
mod plan;
mod run;
mod seeds;
mod told;
