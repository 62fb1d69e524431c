//! The library that shows a program another time.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Node;

const DAY: i64 = 86_400;

impl Node {
    /// By how many seconds its wall clock is wrong, as its answers show it; up
    /// to half a day either way.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn clock_is_off_by(&self) -> i64 {
        let answer = self.ask("/health/live").await;
        let answer = answer.expect("the admin listener answers");
        let date = answer.headers().get("date").expect("an answer has a date");
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.expect("it is later than 1970").as_secs() as i64;
        let shown = seconds_of_day(date.to_str().expect("a date is text"));
        (shown - now + DAY / 2).rem_euclid(DAY) - DAY / 2
    }
}

/// What the library keeps in shared memory for the process of this id, and only
/// removes where that ends by itself. The next process of the same id would find a
/// semaphore that nobody ever gives back.
#[derive(Debug)]
pub(super) struct Leftovers(pub(super) u32);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for name in ["faketime_shm", "sem.faketime_sem"] {
            // Most often there is none.
            let _ = std::fs::remove_file(format!("/dev/shm/{name}_{}", self.0));
        }
    }
}

/// Of `Sat, 21 Nov 2026 08:36:40 GMT`.
fn seconds_of_day(date: &str) -> i64 {
    let time = date.split(' ').nth(4).expect("a date holds a time");
    let parts = time.split(':');
    parts.fold(0, |sum, part| {
        sum * 60 + part.parse::<i64>().expect("a number")
    })
}

/// Where it is: `CAUSERIE_LIBFAKETIME`, or what `./chaos` has fetched.
///
/// # Panics
/// When it is nowhere.
pub(super) fn library() -> PathBuf {
    if let Some(named) = std::env::var_os("CAUSERIE_LIBFAKETIME") {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "CAUSERIE_LIBFAKETIME: there is no file {}",
            named.display()
        );
        return named;
    }
    // One folder below, named by the machine's architecture.
    let fetched = crate::target_dir().join("tools/faketime/usr/lib");
    let folders = std::fs::read_dir(fetched).into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .unwrap_or_else(|| {
            panic!("no libfaketime here: run ./chaos once, which fetches one into target/tools")
        })
}
