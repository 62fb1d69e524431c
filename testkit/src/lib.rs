//! Real servers, real processes and protocol clients for Causerie's tests.
//!
//! - [`ai`]: servers that speak the AI providers' streaming formats

pub mod ai;
