//! What every program of Causerie shares.
//!
//! - [`ids`], [`room`], [`position`]: the words of the protocol
//! - [`config`]: what can be configured, and where it comes from

pub mod config;
pub mod ids;
pub mod position;
pub mod room;
