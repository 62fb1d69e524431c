//! What every program of Causerie shares.
//!
//! - [`ids`], [`room`], [`position`]: the words of the protocol

pub mod ids;
pub mod position;
pub mod room;
