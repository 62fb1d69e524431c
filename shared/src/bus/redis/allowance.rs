//! Counting over all nodes together.

use std::time::Duration;

use super::args::Args;
use super::script::HOLD_OFF;
use super::{RedisBus, millis, nothing};
use crate::bus::BusError;
use crate::bus::allowance::{Allowance, Taken};
use crate::room::Partition;

/// Who counts waits no longer than this: somebody stands at the door.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

impl RedisBus {
    pub(super) async fn take_of(
        &self,
        whom: &str,
        allowances: &[Allowance],
    ) -> Result<Taken, BusError> {
        let args = Args::default().text(whom).number(allowances.len() as u64);
        let args = allowances
            .iter()
            .fold(args, |args, Allowance { what, rate }| {
                args.text(what)
                    .number(rate.interval_us())
                    .number(rate.tolerance_us())
            });
        let answer = self.taking.ask(Partition::of_name(whom), args).await?;
        let mut answer = answer.ok_or_else(|| nothing("take"))?;
        match answer.text()?.as_str() {
            "granted" => Ok(Taken::Granted),
            "spent" => Ok(Taken::Spent {
                which: answer.parsed()?,
                wait: Duration::from_micros(answer.parsed()?),
            }),
            "held" => Ok(Taken::HeldOff(Duration::from_millis(answer.parsed()?))),
            other => Err(answer.unreadable(other)),
        }
    }

    pub(super) async fn hold_off_for(&self, whom: &str, time: Duration) -> Result<(), BusError> {
        let args = Args::default().text(whom).number(millis(time));
        let partition = Partition::of_name(whom);
        let answer = self.pool.run(partition, &HOLD_OFF, args).await?;
        answer.map(|_| ()).ok_or_else(|| nothing("hold_off"))
    }
}
