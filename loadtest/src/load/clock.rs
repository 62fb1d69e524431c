//! The machine's monotonic clock. Unlike `std`'s it has numbers, so that one
//! process can tell another when it sent something.

use nix::time::ClockId;

/// Nanoseconds of that clock. Only differences mean anything.
pub type Nanos = u64;

/// A millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// A second.
pub const SECOND: Nanos = 1_000_000_000;

/// The time.
pub fn now() -> Nanos {
    // Linux always has this clock, and it is never negative.
    let time = ClockId::CLOCK_MONOTONIC.now();
    let parts = time.map_or([0, 0], |time| [time.tv_sec(), time.tv_nsec()]);
    let [seconds, nanos] = parts.map(i64::unsigned_abs);
    seconds * SECOND + nanos
}

/// So many seconds, in nanoseconds.
pub fn seconds(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}
