//! How long a model may be silent.

use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

/// A time-out that is put off with each word that a model says. The timer itself is
/// only touched when it goes off: putting it off with each of tens of thousands of words
/// a second costs more than looking at the clock.
#[derive(Default)]
pub(super) struct Silence(Option<Pin<Box<Sleep>>>);

impl Silence {
    /// Returns at `due`.
    pub(super) async fn until(&mut self, due: Instant) {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        loop {
            sleep.as_mut().await;
            if sleep.deadline() >= due {
                return;
            }
            sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn returns_when_it_is_due_however_often_that_was_put_off() {
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let mut silence = Silence::default();
        for due in [100, 150, 400] {
            assert_eq!(silence.until(after(due)).now_or_never(), None);
        }
        silence.until(after(400)).await;
        assert_eq!(began.elapsed(), Duration::from_millis(400));
        // And where it is due sooner than before.
        assert_eq!(silence.until(after(9_000)).now_or_never(), None);
        silence.until(after(500)).await;
        assert_eq!(began.elapsed(), Duration::from_millis(500));
        assert_eq!(silence.until(after(450)).now_or_never(), Some(()));
    }
}
