//! Many hear what few say in one room.

use anyhow::ensure;
use clap::Args;

use super::publishing::Publishing;
use crate::load::numeric::one_or_more;
use crate::load::options::Common;
use crate::load::party::{client, name_of_run};
use crate::load::results::Results;
use crate::load::sample::Sampler;
use crate::load::talk::{Act, Role};

/// Let few speak in one room that many hear.
#[derive(Debug, Args)]
pub struct Options {
    /// How many are in the room; with --part each part has a room of its own for its
    /// share of them
    #[arg(long, default_value_t = 1_000, value_parser = one_or_more)]
    subscribers: usize,
    /// How many of them speak
    #[arg(long, default_value_t = 1)]
    publishers: u32,
    #[command(flatten)]
    pub(super) publishing: Publishing,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let (clients, _) = self.common.part.share(self.subscribers);
        self.common.check_open_files(clients)?;
        ensure!(
            clients > 1 && (1..=clients).contains(&(self.publishers as usize)),
            "there must be two --subscribers at least, and no more --publishers than these"
        );
        let roles = || self.roles(clients);
        self.publishing
            .run(roles, self.publishers, &self.common, sampler)
    }

    fn roles(&self, clients: usize) -> Vec<Role> {
        let run = name_of_run();
        let room: std::sync::Arc<str> = format!("load-{run}").into();
        let role = |number: usize| {
            let sender = u32::try_from(number).ok();
            let act = match sender.filter(|sender| *sender < self.publishers) {
                Some(sender) => Act::Speak {
                    sender,
                    room: room.clone(),
                    hearers: clients as u32 - 1,
                },
                None => Act::Listen,
            };
            client(&run, number, vec![room.clone()], act)
        };
        (0..clients).map(role).collect()
    }
}
