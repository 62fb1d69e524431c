//! What `causerie-loadtest` is made of.
//!
//! - [`clock`]: the machine's monotonic clock, which all its processes share
//! - [`payload`]: the text of a load message: who sent it, its number, when
//! - [`frame`]: WebSocket frames as a client writes and reads them, without
//!   allocation
//! - [`dialect`]: how a server is spoken to

pub mod clock;
pub mod dialect;
pub mod frame;
pub mod payload;
