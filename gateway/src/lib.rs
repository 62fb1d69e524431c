//! The gateway: WebSocket, SSE and HTTP in; rooms to local subscribers out.
//!
//! It keeps nothing that another gateway could not find on the bus: kill it
//! and nothing is lost.
//!
//! - [`auth`]: tokens, keys and visitors
//! - [`identity`]: who a caller is, and which rooms are theirs
//! - [`token`]: the command that prints one

pub mod auth;
pub mod identity;
pub mod token;
