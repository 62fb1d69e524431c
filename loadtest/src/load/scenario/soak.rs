//! What a day looks like, for long: whether memory grows.

use clap::Args;

use super::mixed::Day;
use crate::load::numeric::{more_than_zero, zero_or_more};
use crate::load::results::Results;
use crate::load::sample::Sampler;

/// Do as `mixed` does for long, and see whether the memory of --server grows.
#[derive(Debug, Args)]
pub struct Options {
    /// How long is measured
    #[arg(long, default_value_t = 30.0, value_parser = more_than_zero)]
    minutes: f64,
    /// How long it goes on before that
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES", value_parser = zero_or_more)]
    warm_up: f64,
    #[command(flatten)]
    pub(super) day: Day,
}

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let record = self
            .day
            .run(self.warm_up * 60.0, self.minutes * 60.0, sampler)?;
        Ok(record.results)
    }
}
