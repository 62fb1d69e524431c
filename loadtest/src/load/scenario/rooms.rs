//! Few in each of many rooms, all of whom speak.

use std::sync::Arc;

use anyhow::ensure;
use clap::Args;

use super::publishing::Publishing;
use crate::load::numeric::one_or_more;
use crate::load::options::Common;
use crate::load::party::{client, name_of_run};
use crate::load::results::Results;
use crate::load::sample::Sampler;
use crate::load::talk::{Act, Role};

/// Let all speak in many small rooms.
#[derive(Debug, Args)]
pub struct Options {
    /// How many rooms there are
    #[arg(long, default_value_t = 1_000, value_parser = one_or_more)]
    rooms: usize,
    /// How many are in each, and speak; neighbours are on different targets
    #[arg(long, default_value_t = 2, value_parser = one_or_more)]
    members: usize,
    #[command(flatten)]
    pub(super) publishing: Publishing,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let (rooms, first) = self.common.part.share(self.rooms);
        let clients = rooms * self.members;
        self.common.check_open_files(clients)?;
        ensure!(
            clients > 1 && self.members > 1,
            "there must be a room at least, and two --members"
        );
        let roles = || self.roles(first..first + rooms);
        self.publishing
            .run(roles, u32::try_from(clients)?, &self.common, sampler)
    }

    fn roles(&self, rooms: std::ops::Range<usize>) -> Vec<Role> {
        let run = name_of_run();
        let mut roles = Vec::new();
        for number in rooms {
            let room: Arc<str> = format!("load-{run}-{number}").into();
            for member in 0..self.members {
                let act = Act::Speak {
                    sender: roles.len() as u32,
                    room: room.clone(),
                    hearers: self.members as u32 - 1,
                };
                let client = client(
                    &run,
                    number * self.members + member,
                    vec![room.clone()],
                    act,
                );
                roles.push(client);
            }
        }
        roles
    }
}
