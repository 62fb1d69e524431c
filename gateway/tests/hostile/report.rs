//! What the long run found: a row of a table for each attack, for `gateway/tests/hostile/run`.

use std::fs::File;
use std::io::Write;

use crate::good::Good;

/// Who behaves well may wait so many times as long as in calm.
const MAX_RATIO: f64 = 2.0;

/// For how long there is calm in the long run, and each attack after it; 0 where this is
/// not the long run.
pub(crate) fn seconds() -> usize {
    let seconds = std::env::var("HOSTILE_SECONDS").ok();
    seconds.map_or(0, |seconds| seconds.parse().expect("a number"))
}

/// Adds the row of those who did `what`, from the turn `first` on, and holds that who
/// behaves well was served as fast as that.
pub(crate) fn add(what: &str, good: &Good, first: usize, cost_kib: u64) {
    if seconds() == 0 {
        return;
    }
    let (calm, attacked) = (good.p99_of(0..first), good.p99_of(first..good.turns()));
    let ratio = attacked.as_secs_f64() / calm.as_secs_f64();
    let rows = std::env::var_os("HOSTILE_ROWS").expect("HOSTILE_ROWS names a file");
    let mut rows = File::options()
        .append(true)
        .create(true)
        .open(rows)
        .unwrap();
    let row = writeln!(
        rows,
        "| {what} | {:.2} | {:.2} | {ratio:.2} | {} | {:.1} |",
        1e3 * calm.as_secs_f64(),
        1e3 * attacked.as_secs_f64(),
        good.turns() - first,
        cost_kib as f64 / 1024.0,
    );
    row.unwrap();
    // Nobody is fast where nothing is optimised.
    assert!(
        cfg!(debug_assertions) || ratio <= MAX_RATIO,
        "who behaves well waits {ratio:.2} times as long while somebody {what}"
    );
}
