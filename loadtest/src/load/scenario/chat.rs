//! People ask the AI, and read its replies as they come.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::load::clock::{self, MILLISECOND, SECOND, seconds};
use crate::load::numeric::{more_than_zero, one_or_more, zero_or_more};
use crate::load::options::Common;
use crate::load::party::{Party, client, name_of_run};
use crate::load::results::Results;
use crate::load::sample::Sampler;
use crate::load::talk::{Act, Pace, Rhythm, Role, Setting};

/// Let each of many ask the built-in echo backend one question after another.
#[derive(Debug, Args)]
pub struct Options {
    /// How many ask: so many replies are read at once
    #[arg(long, default_value_t = 100, value_parser = one_or_more)]
    clients: usize,
    /// From a reply to the next question
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = zero_or_more)]
    pause: f64,
    /// How long is measured
    #[arg(long, default_value_t = 20.0, value_parser = more_than_zero)]
    seconds: f64,
    #[command(flatten)]
    echo: Echo,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What the servers' echo backend is set to.
#[derive(Debug, Args)]
pub(crate) struct Echo {
    /// The words of a reply
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(3..=5_000),
        help_heading = "Echo backend")]
    words: u32,
    /// What the broker's AI_ECHO_TOKENS_PER_SECOND is; it must not be 0
    #[arg(
        long,
        default_value_t = 50.0,
        value_name = "RATE",
        help_heading = "Echo backend", value_parser = more_than_zero)]
    tokens_per_second: f64,
    /// What the broker's AI_ECHO_FIRST_TOKEN_DELAY is
    #[arg(
        long,
        default_value_t = 200,
        value_name = "MS",
        help_heading = "Echo backend"
    )]
    first_token_delay: u64,
}

impl Echo {
    pub(super) fn pace(&self) -> Pace {
        let delay = self.first_token_delay * MILLISECOND;
        Pace::of_echo(delay, self.tokens_per_second, self.words)
    }
}

/// How much longer than it takes to say a reply its reader waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let common = &self.common;
        let (clients, first) = common.part.share(self.clients);
        common.check_open_files(clients)?;
        let pace = self.echo.pace();
        let reply = pace.whole();
        let setting = Arc::new(Setting {
            doors: common.doors()?,
            dialect: Arc::new(common.causerie()?),
            deflate: common.ramp.deflate,
            bytes: 0,
            pace,
        });
        let run = name_of_run();
        let role = |asker: usize| {
            let act = Act::Ask {
                asker: asker as u32,
            };
            client(&run, first + asker, Vec::new(), act)
        };
        let roles: Vec<Role> = (0..clients).map(role).collect();
        let mut party = Party::gather(&setting, roles, &common.ramp, sampler)?;
        party.wait_for(common.until_start()?)?;
        let round = reply + seconds(self.pause);
        let from = clock::now() + 10 * MILLISECOND;
        // All have begun when it is measured.
        let measured_from = from + round + SECOND;
        let rhythm = Rhythm {
            from,
            measured_from,
            until: measured_from + seconds(self.seconds),
            askers: clients as u32,
            ask_within: round,
            ask_after: seconds(self.pause),
            ..Rhythm::default()
        };
        let patience = Duration::from_nanos(reply) + PATIENCE;
        Ok(party.measure(rhythm, patience, Party::wait_until)?.results)
    }
}
