//! The gateway: WebSocket, SSE and HTTP in; rooms to local subscribers out.
//!
//! It keeps nothing that another gateway could not find on the bus: kill it
//! and nothing is lost.
//!
//! - [`gateway`]: what all transports share
//! - [`identity`]: who a caller is, and which rooms are theirs
//! - [`connection`], [`registry`]: the clients of this node
//! - [`outbox`], [`frame`]: what waits to be sent to one of them
//! - [`hub`]: rooms, and who hears them here
//! - [`actions`]: what clients may do
//! - [`websocket`]: the WebSocket transport
//! - [`drain`]: how a node ends

pub mod actions;
pub mod connection;
pub mod drain;
mod events;
mod feed;
pub mod frame;
pub mod gateway;
pub mod hub;
pub mod identity;
pub mod outbox;
mod recovery;
pub mod registry;
pub mod settings;
mod sweeper;
pub mod typing;
pub mod websocket;
