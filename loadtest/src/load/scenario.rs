//! What can be done to servers.
//!
//! - [`connect`]: many come in, and do nothing
//! - [`fanout`]: many hear what few say in one room
//! - [`rooms`]: few in each of many rooms, all of whom speak
//! - [`chat`]: people ask the AI, and read its replies as they come
//! - [`storm`]: all lose their connections at once, and come back
//! - [`mixed`]: what a day looks like; [`soak`]: for how long memory bears it

pub mod chat;
pub mod connect;
pub mod fanout;
pub mod mixed;
mod publishing;
pub mod rooms;
pub mod soak;
pub mod storm;

use std::collections::BTreeMap;

use clap::Subcommand;

use super::options::{Common, Language};
use super::results::Results;
use super::sample::Sampler;
use crate::circumstances::Circumstances;

/// What is done to the servers.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each says it itself, and so to --help")]
pub enum Scenario {
    Connect(connect::Options),
    Fanout(fanout::Options),
    Rooms(rooms::Options),
    Chat(chat::Options),
    Storm(storm::Options),
    Mixed(mixed::Options),
    Soak(soak::Options),
}

impl Scenario {
    /// Runs it; gives what it found, which is written where it is wanted as well. A
    /// report tells its name, and how it was set.
    ///
    /// # Errors
    /// It cannot be run, or does not come to its end.
    pub fn run(&self, name: &str, parameters: BTreeMap<String, String>) -> anyhow::Result<Results> {
        let common = self.common();
        let sampler = Sampler::start(&common.watch)?;
        let found = self.found(&sampler)?;
        // What the scenario found of its own settings goes before these.
        let parameters = parameters.into_iter().chain(found.parameters);
        let results = Results {
            scenario: name.to_owned(),
            subject: self.language().subject().to_owned(),
            parameters: parameters.collect(),
            circumstances: Circumstances::now(),
            samples: sampler.end()?,
            ..found
        };
        common.output.put(results)
    }

    fn found(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        match self {
            Self::Connect(options) => options.run(sampler),
            Self::Fanout(options) => options.run(sampler),
            Self::Rooms(options) => options.run(sampler),
            Self::Chat(options) => options.run(sampler),
            Self::Storm(options) => options.run(sampler),
            Self::Mixed(options) => options.run(sampler),
            Self::Soak(options) => options.run(sampler),
        }
    }

    fn common(&self) -> &Common {
        match self {
            Self::Connect(options) => &options.common,
            Self::Fanout(options) => &options.common,
            Self::Rooms(options) => &options.common,
            Self::Chat(options) => &options.common,
            Self::Storm(options) => &options.common,
            Self::Mixed(options) => &options.day.common,
            Self::Soak(options) => &options.day.common,
        }
    }

    fn language(&self) -> Language {
        match self {
            Self::Connect(options) => options.dialect,
            Self::Fanout(options) => options.publishing.dialect,
            Self::Rooms(options) => options.publishing.dialect,
            Self::Chat(_) | Self::Storm(_) | Self::Mixed(_) | Self::Soak(_) => Language::Causerie,
        }
    }
}
