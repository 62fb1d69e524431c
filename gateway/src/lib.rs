//! The gateway: WebSocket, SSE and HTTP in; rooms to local subscribers out.
//!
//! It keeps nothing that another gateway could not find on the bus: kill it
//! and nothing is lost.
//!
//! - [`node`]: a gateway's life
//! - [`server`]: the public port
//! - [`auth`]: tokens, keys and visitors
//! - [`admission`]: who is let in
//! - [`http`], `sse`, [`websocket`]: the transports
//! - [`identity`]: who a caller is, and which rooms are theirs
//! - [`gateway`]: what all transports share
//! - [`connection`], [`registry`]: the clients of this node
//! - [`outbox`], [`frame`]: what is sent to one of them
//! - [`hub`]: rooms, and who hears them here
//! - [`actions`]: what clients may do
//! - [`drain`]: how a node ends
//! - [`token`]: the command that prints a token

pub mod actions;
pub mod admission;
pub mod auth;
mod changes;
pub mod connection;
pub mod drain;
mod events;
mod feed;
pub mod frame;
pub mod gateway;
pub mod http;
pub mod hub;
pub mod identity;
pub mod node;
pub mod outbox;
mod recovery;
pub mod registry;
pub mod server;
pub mod settings;
mod sse;
mod sweeper;
pub mod token;
pub mod typing;
pub mod websocket;
