//! What a day looks like: most are idle, some talk to each other, some ask the AI.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::chat::Echo;
use crate::load::clock::{self, MILLISECOND, seconds};
use crate::load::numeric::{more_than_zero, one_or_more, zero_or_more};
use crate::load::options::Common;
use crate::load::party::{Party, client, name_of_run};
use crate::load::record::Record;
use crate::load::results::Results;
use crate::load::sample::Sampler;
use crate::load::talk::{Act, Rhythm, Role, Setting};

/// Let 80 of 100 be idle, 15 talk in their rooms, and type before, and 5 ask the echo
/// backend.
#[derive(Debug, Args)]
pub struct Options {
    /// How long is measured
    #[arg(long, default_value_t = 60.0, value_parser = more_than_zero)]
    seconds: f64,
    /// How long it goes on before that
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS", value_parser = zero_or_more)]
    warm_up: f64,
    #[command(flatten)]
    pub(super) day: Day,
}

/// What a day looks like.
#[derive(Debug, Args)]
pub(crate) struct Day {
    /// How many there are
    #[arg(long, default_value_t = 1_000, value_parser = one_or_more)]
    clients: usize,
    /// How many share a room
    #[arg(long, default_value_t = 10, value_name = "CLIENTS", value_parser = one_or_more)]
    room_size: usize,
    /// From one message of somebody who talks to the next, on average; 2 s of that they
    /// type
    #[arg(long, default_value_t = 20.0, value_name = "SECONDS", value_parser = more_than_zero)]
    speak_every: f64,
    /// From a reply to the next question of somebody who asks, on average
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = zero_or_more)]
    ask_after: f64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128)]
    bytes: usize,
    #[command(flatten)]
    echo: Echo,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Of 100 so many talk, and those from there to here ask.
const SPEAKERS: usize = 15;
const ASKERS: usize = 20;

/// How much longer than it takes to say a reply its reader waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        Ok(self.day.run(self.warm_up, self.seconds, sampler)?.results)
    }
}

impl Day {
    /// Runs it for so many seconds, of which the later ones are measured.
    pub(super) fn run(
        &self,
        warm_up: f64,
        measured: f64,
        sampler: &Sampler,
    ) -> anyhow::Result<Record> {
        let common = &self.common;
        let (clients, first) = common.part.share(self.clients);
        common.check_open_files(clients)?;
        let pace = self.echo.pace();
        let reply = pace.whole();
        let setting = Arc::new(Setting {
            doors: common.doors()?,
            dialect: Arc::new(common.causerie()?),
            deflate: common.ramp.deflate,
            bytes: self.bytes,
            pace,
        });
        let roles = self.roles(first, clients);
        let [speakers, askers] = [
            |act: &Act| matches!(act, Act::Speak { .. }),
            |act: &Act| matches!(act, Act::Ask { .. }),
        ]
        .map(|does| roles.iter().filter(|role| does(&role.act)).count() as u32);
        let mut party = Party::gather(&setting, roles, &common.ramp, sampler)?;
        party.wait_for(common.until_start()?)?;
        let from = clock::now() + 10 * MILLISECOND;
        let measured_from = from + seconds(warm_up);
        let rhythm = Rhythm {
            from,
            measured_from,
            until: measured_from + seconds(measured),
            speakers,
            speak_every: Some(seconds(self.speak_every)),
            askers,
            ask_within: seconds(self.ask_after),
            ask_after: seconds(self.ask_after),
            is_human: true,
        };
        let patience = Duration::from_nanos(reply) + PATIENCE;
        party.measure(rhythm, patience, Party::wait_until)
    }

    fn roles(&self, first: usize, clients: usize) -> Vec<Role> {
        let run = name_of_run();
        let (mut senders, mut askers) = (0.., 0..);
        let mut role = |number: usize| {
            let room_number = number / self.room_size;
            let members = (clients - room_number * self.room_size).min(self.room_size);
            let room: Arc<str> = format!("load-{run}-{first}-{room_number}").into();
            // Those of a room do different things.
            let act = match number * 37 % 100 {
                0..SPEAKERS => Act::Speak {
                    sender: senders.next().unwrap_or_default(),
                    room: room.clone(),
                    hearers: members as u32 - 1,
                },
                SPEAKERS..ASKERS => Act::Ask {
                    asker: askers.next().unwrap_or_default(),
                },
                _ => Act::Listen,
            };
            client(&run, first + number, vec![room], act)
        };
        (0..clients).map(&mut role).collect()
    }
}
