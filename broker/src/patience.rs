//! Waiting for a bus that does not answer.
//!
//! A lease has no time-out, so a reply outlives any pause of the storage: what
//! could not be done is done again until it is answered. All verbs of the bus
//! may be repeated.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use causerie_shared::bus::BusError;

use crate::events;

/// So often what is stored may turn out unreadable before the reply is given
/// up. (Another broker takes it over, and after three attempts it ends.)
const UNREADABLE_TRIES: u32 = 3;

/// The longest pause before another try, to which up to as much again is added
/// at random.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Why a reply is no longer this broker's to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Another broker has it, or it has ended.
    Fenced,
    /// What the bus holds of it cannot be read.
    Unreadable(String),
}

/// Calls the bus until it answers.
pub(crate) async fn until_answered<T, F>(
    verb: &'static str,
    mut call: impl FnMut() -> F,
) -> Result<T, Lost>
where
    F: Future<Output = Result<T, BusError>>,
{
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
        .build();
    let mut unreadable = 0;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        events::bus_failed(verb, &error);
        if let BusError::Unreadable(what) = error {
            unreadable += 1;
            if unreadable == UNREADABLE_TRIES {
                return Err(Lost::Unreadable(what));
            }
        }
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
    }
}
