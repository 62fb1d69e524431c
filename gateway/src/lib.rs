//! The gateway: WebSocket, SSE and HTTP in; rooms to local subscribers out.
//!
//! It keeps nothing that another gateway could not find on the bus: kill it
//! and nothing is lost.
//!
//! Its life:
//! - [`node`]: from its settings to its drain
//! - [`settings`]: what it needs of the configuration
//! - [`gateway`]: what all transports share
//! - [`drain`]: how it sends its clients to other nodes
//! - [`status`]: how it and all others fare
//! - `events`, `seldom`: log lines and metrics
//! - [`token`]: the command that prints a token
//! - [`keys`]: the command for API keys
//!
//! Who comes in:
//! - [`server`]: the public port
//! - [`tls`], `socket`: what is said there, encrypted or not
//! - [`http`], [`sse`], [`websocket`]: the transports
//! - [`address`]: from where they come
//! - [`limits`]: how often they may ask
//! - [`admission`]: who is let in
//! - [`auth`]: tokens, API keys and visitors
//! - `audit`: who did what
//! - [`identity`]: who a caller is
//! - [`permission`]: who may do what
//! - [`report`]: what a client tells of its way here
//! - [`rollout`]: which way it is told to come
//!
//! Clients:
//! - [`connection`]: one socket or stream
//! - [`registry`]: all of this node
//! - `orders`: what all gateways are told to do with connections
//! - `inquiries`: what is asked about a connection, wherever it is
//! - `surveys`: which connections a user has, wherever they are
//! - `sweeper`: heartbeats, idleness, tokens that end
//! - [`actions`]: what they may do
//! - `filter`: words that they may not write, or not unseen
//! - [`typing`]: who is typing
//! - [`presence`]: who is in which room
//!
//! Rooms, and what is said there:
//! - `feed`: from the bus to the hub
//! - [`hub`]: rooms, and who hears them here
//! - `changes`: finds what the feed lost and nothing followed
//! - `recovery`: brings a client up to date from the log
//! - [`frame`]: encoded once for all who get it
//! - [`outbox`]: what is sent to one client

pub mod actions;
pub mod address;
pub mod admission;
mod audit;
pub mod auth;
mod changes;
pub mod connection;
pub mod drain;
mod events;
mod feed;
mod filter;
pub mod frame;
pub mod gateway;
pub mod http;
pub mod hub;
pub mod identity;
mod inquiries;
pub mod keys;
pub mod limits;
pub mod node;
mod orders;
pub mod outbox;
pub mod permission;
pub mod presence;
mod recovery;
pub mod registry;
pub mod report;
pub mod rollout;
mod seldom;
pub mod server;
pub mod settings;
mod socket;
pub mod sse;
pub mod status;
mod surveys;
mod sweeper;
pub mod tls;
pub mod token;
pub mod typing;
pub mod websocket;
