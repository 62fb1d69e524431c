//! Waiting for a bus that does not answer.
//!
//! A lease has no time-out, so a reply outlives any pause of the storage: what
//! could not be done is done again until it is answered. All verbs of the bus
//! may be repeated.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use causerie_shared::bus::BusError;

use tracing::Span;

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

/// Calls the bus until it answers; what fails meanwhile is told in `span`.
pub(crate) async fn until_answered<T, F>(
    span: &Span,
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
        span.in_scope(|| events::bus_failed(verb, &error));
        if let BusError::Unreadable(what) = error {
            unreadable += 1;
            if unreadable == UNREADABLE_TRIES {
                return Err(Lost::Unreadable(what));
            }
        }
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn unavailable() -> Result<(), BusError> {
        Err(BusError::Unavailable("no answer".to_owned()))
    }

    fn unreadable() -> Result<(), BusError> {
        Err(BusError::Unreadable("half a record".to_owned()))
    }

    /// Calls a bus that gives these answers in turn; how many are left.
    async fn call(answers: &[fn() -> Result<(), BusError>]) -> (Result<(), Lost>, usize) {
        let mut left = VecDeque::from(answers.to_vec());
        let span = Span::none();
        let result = until_answered(&span, "test", || {
            let answer = left.pop_front().unwrap()();
            async { answer }
        });
        (result.await, left.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_bus_that_does_not_answer_is_asked_for_as_long_as_it_takes() {
        let mut answers = vec![unavailable as fn() -> _; 1_000];
        answers.push(|| Ok(()));
        assert_eq!(call(&answers).await, (Ok(()), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_is_given_up_at_the_third_time() {
        let twice = [unreadable, unavailable, unreadable, || Ok(())];
        assert_eq!(call(&twice).await, (Ok(()), 0));
        let thrice = [unreadable, unreadable, unreadable, || Ok(())];
        let lost = Lost::Unreadable("half a record".to_owned());
        assert_eq!(call(&thrice).await, (Err(lost), 1));
    }
}
