//! All lose their connections at once, and come back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use crate::load::clock::{self, Nanos, SECOND};
use crate::load::distribution::Distribution;
use crate::load::numeric::{more_than_zero, one_or_more};
use crate::load::options::Common;
use crate::load::party::name_of_run;
use crate::load::record::Record;
use crate::load::results::{Measure, Results, unix_ms};
use crate::load::sample::Sampler;
use crate::load::storm::{Guests, Return, Storm};

/// Let all clients hang up at once, and come back with the positions that they had,
/// each to its next target. Who is back is who has caught up: the ledger of all of it
/// is checked for what is missing, doubled or out of order.
#[derive(Debug, Args)]
pub struct Options {
    /// How many there are
    #[arg(long, default_value_t = 1_000, value_parser = one_or_more)]
    clients: usize,
    /// How many share a room
    #[arg(long, default_value_t = 100, value_name = "CLIENTS", value_parser = one_or_more)]
    room_size: usize,
    /// How many messages each has to catch up on in that room, beside the one in its
    /// own
    #[arg(long, default_value_t = 5, value_name = "MESSAGES")]
    missed: u32,
    /// How long all have to come back
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = more_than_zero)]
    patience: f64,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Options {
    pub(super) fn run(&self, sampler: &Sampler) -> anyhow::Result<Results> {
        let common = &self.common;
        let (clients, _) = common.part.share(self.clients);
        common.check_open_files(clients)?;
        ensure!(clients > 0, "there are fewer --clients than parts");
        let patience = Duration::from_secs_f64(self.patience);
        let guests = Guests {
            clients,
            room_size: self.room_size,
            name: format!("load-{}", name_of_run()),
            missed: self.missed,
            are_together: false,
            seed: 0,
        };
        let (doors, dialect) = (common.doors()?, common.causerie()?);
        let storm = Storm::gather(&doors, &dialect, guests, &common.ramp, patience)?;
        storm.say_what_is_missed(patience)?;
        std::thread::sleep(common.until_start()?);
        sampler.look();
        let (from, began) = (unix_ms(), clock::now());
        storm.break_off()?;
        storm.wait_until_back(patience)?;
        let back_at = unix_ms();
        sampler.look();
        let outcome = storm.end(Vec::new())?;
        let mut record = Record::default();
        record.set_stretch(from, back_at);
        let results = &mut record.results;
        results.counts.connections = clients as u64;
        let each = 1 + u64::from(self.missed);
        results.counts.expected = clients as u64 * each;
        results.counts.delivered = outcome.returns.len() as u64 * each;
        results.stretch.deliveries = results.counts.delivered;
        for violation in &outcome.violations {
            let errors = &mut results.counts.errors;
            *errors.entry(format!("{:?}", violation.broken)).or_default() += 1;
        }
        write_down(&outcome.returns, from, began, results)?;
        Ok(record.results)
    }
}

/// Writes down who came back when; all left at `began`, which is `from` in
/// milliseconds of Unix time.
fn write_down(
    returns: &[Return],
    from: u64,
    began: Nanos,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut seconds: BTreeMap<u64, (Distribution, u64)> = BTreeMap::new();
    for back in returns {
        let after = back.at.saturating_sub(began) / (SECOND / 1_000);
        let (times, failures) = seconds.entry((from + after) / 1_000).or_default();
        times.note(back.caught_up.as_nanos() as Nanos);
        *failures += u64::from(back.failures);
    }
    let latency = results.latencies.entry(Measure::Return).or_default();
    let mut are_back = 0;
    for (second, (times, failures)) in &seconds {
        latency.take(*second, times)?;
        are_back += times.count();
        let of = results.seconds.entry(*second).or_default();
        of.connections = are_back;
        of.errors = *failures;
        results.counts.refused += failures;
    }
    Ok(())
}
