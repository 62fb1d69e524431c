//! What a day looks like, for long: whether memory grows.

use clap::Args;

use super::mixed::Day;
use crate::load::results::Results;

/// Do as `mixed` does for long, and see whether the memory of --pid grows.
#[derive(Debug, Args)]
pub struct Options {
    /// How long is measured
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// How long it goes on before that
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    warm_up: f64,
    #[command(flatten)]
    day: Day,
}

impl Options {
    pub(crate) fn run(&self) -> anyhow::Result<Results> {
        let record = self.day.run(self.warm_up * 60.0, self.minutes * 60.0)?;
        Ok(record.results)
    }
}
