//! What the kernel says of the whole machine.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use super::Busy;
use crate::load::results::unix_ms;

/// How busy it was until now.
pub(super) fn look() -> Option<Busy> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten()?;
    let ticks = busy_ticks(&fs::read_to_string("/proc/stat").ok()?)?;
    Some(Busy {
        at: unix_ms(),
        cpu_seconds: ticks as f64 / ticks_per_second as f64,
    })
}

/// Ticks of all cores that were neither idle nor waited for a disk. Those that
/// another machine on the same hardware had are not ours.
fn busy_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Option<Vec<u64>> = all
        .split_ascii_whitespace()
        .map(|ticks| ticks.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = ticks?[..] else {
        return None;
    };
    Some(user + nice + system + irq + softirq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_stolen_time_is_not_busy() {
        let stat = "cpu  1 2 4 1000 2000 8 16 4000 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(stat), Some(31));
        assert_eq!(busy_ticks("intr 7"), None);
        assert!(look().is_some_and(|busy| busy.cpu_seconds > 0.0));
    }
}
