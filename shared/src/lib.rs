//! What every program of Causerie shares.
//!
//! - [`protocol`]: what clients send and are sent
//! - [`ids`], [`room`], [`position`]: the protocol's words
//! - [`rate`]: how often something may happen
//! - [`api_key`]: by what a tenant's servers are known
//! - [`filter`]: words that people may not write, or not unseen
//! - [`record`]: a frame on its way between nodes
//! - [`bus`]: storage and messaging between nodes, on Redis or in memory
//! - [`task`]: what a gateway stores with a question for brokers
//! - [`clock`]: the time that all nodes agree on
//! - [`config`]: what can be configured, and where it comes from
//! - [`headers`]: what a browser is to make of an answer
//! - [`cli`]: the common command line, and the way from it to a running program
//! - [`sabotage`]: protections that can be taken out, to see that it is noticed
//! - [`status`]: how a program fares, as it shows to all others
//! - [`telemetry`], [`admin`]: logs, traces, metrics, and the listener that shows them

pub mod admin;
pub mod api_key;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod config;
pub mod filter;
pub mod headers;
pub mod ids;
pub mod position;
pub mod protocol;
pub mod rate;
pub mod record;
pub mod room;
pub mod sabotage;
pub mod status;
pub mod task;
pub mod telemetry;
