//! What `causerie-loadtest` is made of.
//!
//! - [`clock`]: the machine's monotonic clock, which all its processes share
//! - [`payload`]: the text of a load message: who sent it, its number, when
//! - [`frame`]: WebSocket frames as a client writes and reads them, without
//!   allocation
//! - [`dialect`]: how a server is spoken to
//! - [`results`]: what a run found; [`distribution`]: how long things took;
//!   [`sample`]: what processes, Redis and machines had to do
//! - [`figures`]: what that comes to; [`comparison`]: how it compares to others';
//!   [`statistics`]: what can be said of many figures
//! - [`report`]: all of it for people to read

pub mod clock;
pub mod comparison;
pub mod dialect;
pub mod distribution;
pub mod figures;
pub mod frame;
pub mod payload;
pub mod report;
pub mod results;
pub mod sample;
pub mod statistics;
