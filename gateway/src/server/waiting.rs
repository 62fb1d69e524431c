//! Connections from which a request is awaited: so many may wait as memory allows.
//!
//! One that waits, amid a handshake of TLS or for the request itself, costs some 16 KiB,
//! nobody has counted it yet, and to open it costs a stranger nothing. An honest client's
//! request comes within a few round trips. So where too many wait it is the one that has
//! waited longest that goes, and those who come get in all the while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::seldom::Seldom;

/// How many may wait. Together they cost some 32 MiB.
pub(super) const MOST: usize = 2_000;

/// All connections that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    most: usize,
    queue: Mutex<Queue>,
    lines: Seldom,
}

/// By number, in the order in which they began to wait.
#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Waiting {
    /// Where `most` may wait.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            queue: Mutex::default(),
            lines: Seldom::default(),
        }
    }

    /// A place for one connection, which does not wait yet.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        Place {
            all: Arc::clone(self),
            number: Mutex::default(),
            has_to_go: CancellationToken::new(),
        }
    }

    fn begin(&self, has_to_go: &CancellationToken) -> u64 {
        let mut queue = lock(&self.queue);
        let number = queue.next;
        queue.next += 1;
        queue.waiting.insert(number, has_to_go.clone());
        if queue.waiting.len() > self.most
            && let Some((_, longest)) = queue.waiting.pop_first()
        {
            drop(queue);
            longest.cancel();
            hung_up(&self.lines);
        }
        number
    }
}

/// One connection, which waits or does not.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Waiting>,
    number: Mutex<Option<u64>>,
    has_to_go: CancellationToken,
}

impl Place {
    /// A request, or the handshake before it, is awaited from now on.
    pub(super) fn wait(&self) {
        let mut number = lock(&self.number);
        if number.is_none() {
            *number = Some(self.all.begin(&self.has_to_go));
        }
    }

    /// The request is there.
    pub(super) fn go_on(&self) {
        if let Some(number) = lock(&self.number).take() {
            lock(&self.all.queue).waiting.remove(&number);
        }
    }

    /// Comes when the connection has to make room for others.
    pub(super) async fn has_to_go(&self) {
        self.has_to_go.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.go_on();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who waited longest had to make room.
fn hung_up(lines: &Seldom) {
    metrics::counter!("causerie_waiting_hung_up_total").increment(1);
    if lines.is_due() {
        tracing::warn!(
            "so many connections are open that send no request that the oldest of them are \
             hung up on: somebody may be holding them open on purpose"
        );
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn has_to_go(place: &Place) -> bool {
        place.has_to_go().now_or_never().is_some()
    }

    #[test]
    fn who_has_waited_longest_makes_room() {
        let waiting = Arc::new(Waiting::new(2));
        let places = [(); 4].map(|()| waiting.place());
        places.iter().for_each(Place::wait);
        assert_eq!(places.each_ref().map(has_to_go), [true, true, false, false]);
    }

    #[test]
    fn whose_request_is_there_does_not_wait() {
        let waiting = Arc::new(Waiting::new(2));
        let [asked, gone, first, second, third] = [(); 5].map(|()| waiting.place());
        asked.wait();
        asked.go_on();
        gone.wait();
        drop(gone);
        first.wait();
        second.wait();
        assert!(!has_to_go(&asked) && !has_to_go(&first));
        // Its next request counts from when that is awaited.
        asked.wait();
        third.wait();
        assert!(has_to_go(&first) && has_to_go(&second) && !has_to_go(&asked));
    }
}
