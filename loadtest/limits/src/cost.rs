//! What a send costs this process.

use std::io::Write;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Counts sends, and prints what they cost.
pub struct Cost {
    sends: usize,
    since: Instant,
    cpu: Duration,
}

impl Cost {
    /// # Errors
    /// If the kernel does not tell the CPU time.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            sends: 0,
            since: Instant::now(),
            cpu: cpu()?,
        })
    }

    /// So many sockets were sent to.
    pub fn count(&mut self, sends: usize) {
        self.sends += sends;
    }

    /// Prints `sends=… cpu_us_per_send=…` of the last second, if it had any.
    ///
    /// # Errors
    /// If nobody reads what is printed, or the kernel does not tell the CPU time.
    pub fn print_each_second(&mut self) -> anyhow::Result<()> {
        if self.since.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        let (sends, before) = (self.sends, self.cpu);
        *self = Self::new()?;
        if sends > 0 {
            let spent = self.cpu.saturating_sub(before).as_secs_f64() * 1e6;
            let each = spent / sends as f64;
            writeln!(std::io::stdout(), "sends={sends} cpu_us_per_send={each:.2}")?;
        }
        Ok(())
    }
}

/// User and system time of this process.
fn cpu() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let spent = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(
        spent.num_microseconds().unsigned_abs(),
    ))
}
