//! The WebSocket transport.
//!
//! - [`upgrade`]: from an HTTP request to a WebSocket
//! - [`session`]: what one socket sends and is sent
//! - [`closing`]: how one ends, so that the peer learns why

mod closing;
mod session;
mod upgrade;

pub use upgrade::{Handshake, upgrade};
