//! What the kernel says of the whole machine.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use super::Busy;
use crate::load::results::unix_ms;

/// How busy it was until now.
pub(crate) fn look() -> Option<Busy> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten()?;
    let ticks = Ticks::read(&fs::read_to_string("/proc/stat").ok()?)?;
    let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
    Some(Busy {
        at: unix_ms(),
        cpu_seconds: seconds(ticks.busy),
        stolen_seconds: seconds(ticks.stolen),
    })
}

/// Of all cores together.
#[derive(Debug, PartialEq, Eq)]
struct Ticks {
    /// They were neither idle nor waited for a disk.
    busy: u64,
    /// Another machine on the same hardware had them.
    stolen: u64,
}

impl Ticks {
    fn read(stat: &str) -> Option<Self> {
        let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Option<Vec<u64>> = all
            .split_ascii_whitespace()
            .map(|ticks| ticks.parse().ok())
            .collect();
        let [user, nice, system, _idle, _iowait, irq, softirq, stolen, ..] = ticks?[..] else {
            return None;
        };
        let busy = user + nice + system + irq + softirq;
        Some(Self { busy, stolen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_stolen_time_is_not_busy() {
        let stat = "cpu  1 2 4 1000 2000 8 16 4000 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        let ticks = Ticks {
            busy: 31,
            stolen: 4000,
        };
        assert_eq!(Ticks::read(stat), Some(ticks));
        assert_eq!(Ticks::read("intr 7"), None);
        assert!(look().is_some_and(|busy| busy.cpu_seconds > 0.0));
    }
}
