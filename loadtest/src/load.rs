//! What `causerie-loadtest` is made of.
//!
//! - [`scenario`]: what can be done to servers; [`options`]: what all of it is
//!   told; [`parameters`]: that, for a report; `numeric`: numbers that make sense
//! - `party`: clients who are in, and who conducts them; `record`: what
//!   they found, second by second
//! - `talk`: clients who come in, listen, say things and ask questions
//! - [`storm`]: clients who lose their connections at once, and come back
//! - `behaviour`, `worker`, `crowd`: what clients do, on threads of many
//! - `upgrade`, `connection`, `line`, `inflate`: one client's socket
//! - [`target`]: where clients connect to, and from where
//! - [`dialect`]: how a server is spoken to
//! - [`frame`]: WebSocket frames as a client writes and reads them, without
//!   allocation
//! - [`payload`]: the text of a load message: who sent it, its number, when
//! - [`numbers`]: what a client heard of each sender: nothing lost, doubled or
//!   out of order
//! - [`clock`]: the machine's monotonic clock, which all its processes share
//! - [`results`]: what a run found; [`distribution`]: how long things took;
//!   [`sample`]: what processes, Redis and machines had to do
//! - [`figures`]: what that comes to; [`goal`]: what it is to come to;
//!   [`comparison`]: how it compares to others'; [`statistics`]: what can be said of many figures
//! - [`report`]: all of it for people to read; [`reporting`]: what is done with
//!   results; [`display`]: how far a run is

mod behaviour;
pub mod clock;
pub mod comparison;
mod connection;
mod crowd;
pub mod dialect;
pub mod display;
pub mod distribution;
pub mod figures;
pub mod frame;
pub mod goal;
mod inflate;
mod line;
pub mod numbers;
mod numeric;
pub mod options;
pub mod parameters;
mod party;
pub mod payload;
mod record;
pub mod report;
pub mod reporting;
pub mod results;
pub mod sample;
pub mod scenario;
pub mod statistics;
pub mod storm;
mod talk;
pub mod target;
mod upgrade;
mod worker;
