//! What can be done to servers.
//!
//! - [`connect`]: many come in, and do nothing
//! - [`fanout`]: many hear what few say in one room
//! - [`rooms`]: few in each of many rooms, all of whom speak
//! - [`chat`]: people ask the AI, and read its replies as they come
//! - [`mixed`]: what a day looks like; [`soak`]: for how long memory bears it

pub mod chat;
pub mod connect;
pub mod fanout;
pub mod mixed;
mod publishing;
pub mod rooms;
pub mod soak;

use clap::Subcommand;

use super::results::Results;

/// What is done to the servers.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each says it itself, and so to --help")]
pub enum Scenario {
    Connect(connect::Options),
    Fanout(fanout::Options),
    Rooms(rooms::Options),
    Chat(chat::Options),
    Mixed(mixed::Options),
    Soak(soak::Options),
}

impl Scenario {
    /// Runs it.
    ///
    /// # Errors
    /// It cannot be run, or does not come to its end.
    pub fn run(&self) -> anyhow::Result<Results> {
        match self {
            Self::Connect(options) => options.run(),
            Self::Fanout(options) => options.run(),
            Self::Rooms(options) => options.run(),
            Self::Chat(options) => options.run(),
            Self::Mixed(options) => options.run(),
            Self::Soak(options) => options.run(),
        }
    }
}
