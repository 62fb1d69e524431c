//! Faults that strike an installation while people talk.
//!
//! - [`installation`]: Redis, gateways, brokers and an AI server as processes,
//!   with a bad network between any two of them
//! - [`storage`]: which of the servers that rooms are kept in serves one
//! - [`fault`]: what can strike; [`link`]: of it, what can become of a network
//! - [`strike`]: how it does
//! - [`plan`]: what strikes when, from a seed
//! - [`wanted`]: what a run is to do; [`machine`]: whether it can here
//! - [`round`]: people, a plan, and the ledger of both; `crowd`: the people, `seat`: who
//!   they are, `closing`: what is written down in the end
//! - [`elsewhere`]: the same people at an installation that somebody else runs and strikes
//! - [`watch`]: whether another server of the storage took over by itself
//! - [`one`]: a round is run, and judged by its ledger; [`found`]: all of them are
//! - [`tally`]: what the programs' own metrics say
//! - [`report`]: all of it for people to read

mod closing;
mod crowd;
pub mod elsewhere;
pub mod fault;
pub mod found;
pub mod installation;
pub mod link;
pub mod machine;
pub mod one;
pub mod plan;
pub mod report;
pub mod round;
mod seat;
pub mod storage;
pub mod strike;
pub mod tally;
pub mod wanted;
pub mod watch;
