//! What measures Causerie, and what proves its promises.
//!
//! - [`ledger`]: what happened, as clients, the AI server and the plan of faults
//!   wrote it down
//! - [`check`]: whether all promises were kept, read from a ledger alone

pub mod check;
pub mod ledger;
