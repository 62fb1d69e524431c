//! Clients that speak the protocol, with frames as [`serde_json::Value`]: a test
//! reads what is on the wire, not what our own types make of it.

pub mod http;
pub mod raw;
pub mod sse;
pub mod ws;

mod inbox;
mod stream;
