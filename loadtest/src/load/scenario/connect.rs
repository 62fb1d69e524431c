//! Many come in, and do nothing: how fast they can, and what each costs.

use std::ops::Range;
use std::sync::Arc;

use anyhow::ensure;
use clap::Args;

use crate::load::clock::{self, seconds};
use crate::load::numeric::{one_or_more, zero_or_more};
use crate::load::options::{Common, Language};
use crate::load::party::{Party, client, name_of_run};
use crate::load::results::{Results, unix_ms};
use crate::load::sample::Sampler;
use crate::load::talk::{Act, Pace, Role, Setting};

/// Let many clients connect, each a user of its own, and hold them idle.
#[derive(Debug, Args)]
pub struct Options {
    /// How many connect
    #[arg(long, default_value_t = 1_000, value_parser = one_or_more)]
    clients: usize,
    /// Pause for --hold when so many are in: memory at rest is seen twice then, and
    /// what it grew by is that of the connections between; without it no figure says so
    #[arg(long, value_name = "CLIENTS")]
    plateau: Option<usize>,
    /// How many share a room
    #[arg(long, default_value_t = 100, value_name = "CLIENTS", value_parser = one_or_more)]
    room_size: usize,
    /// How long all stay
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS", value_parser = zero_or_more)]
    hold: f64,
    /// How the server is spoken to
    #[arg(long, value_enum, default_value_t = Language::Causerie)]
    pub(super) dialect: Language,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let common = &self.common;
        let (clients, first) = common.part.share(self.clients);
        common.check_open_files(clients)?;
        ensure!(
            self.plateau.is_none_or(|plateau| plateau < self.clients),
            "--plateau must be less than --clients"
        );
        let setting = Arc::new(Setting {
            doors: common.doors()?,
            dialect: common.dialect(self.dialect)?,
            deflate: common.ramp.deflate,
            bytes: 0,
            pace: Pace::default(),
        });
        let hold = seconds(self.hold);
        let ramp = match self.plateau {
            Some(plateau) => common.ramp.with_pause(common.part.share(plateau).0, hold),
            None => common.ramp.clone(),
        };
        let roles = self.roles(first..first + clients);
        let mut party = Party::gather(&setting, roles, &ramp, sampler)?;
        party.wait_for(common.until_start()?)?;
        let from = unix_ms();
        party.wait_until(clock::now() + hold)?;
        let mut record = party.take_record()?;
        record.set_stretch(from, unix_ms());
        Ok(record.results)
    }

    fn roles(&self, numbers: Range<usize>) -> Vec<Role> {
        let run = name_of_run();
        let role = |number| {
            let room = format!("load-{run}-{}", number / self.room_size);
            client(&run, number, vec![room.into()], Act::Listen)
        };
        numbers.map(role).collect()
    }
}
