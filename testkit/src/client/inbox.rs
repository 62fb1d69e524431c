//! What a client has received, in order, and waiting for more.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Filled by the task that reads a socket, looked at by the test.
#[derive(Debug)]
pub(crate) struct Inbox<T, E> {
    state: Mutex<State<T, E>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T, E> {
    items: Vec<T>,
    /// Beside each item: has an `expect` been given it already?
    taken: Vec<bool>,
    end: Option<E>,
}

impl<T: Clone + Debug, E: Clone + Debug> Inbox<T, E> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            items: Vec::new(),
            taken: Vec::new(),
            end: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    pub(crate) fn push(&self, item: T) {
        let mut state = self.state.lock().unwrap();
        state.items.push(item);
        state.taken.push(false);
        drop(state);
        self.changed.notify_waiters();
    }

    /// The first end holds.
    pub(crate) fn end(&self, end: E) {
        self.state.lock().unwrap().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    pub(crate) fn items(&self) -> Vec<T> {
        self.state.lock().unwrap().items.clone()
    }

    /// The first item that fits and that no earlier call was given.
    pub(crate) async fn take(&self, what: &str, limit: Duration, fits: impl Fn(&T) -> bool) -> T {
        // What did not fit once never will: a busy client sees thousands.
        let mut looked_at = 0;
        let found = self.wait(limit, |state| {
            let index = (looked_at..state.items.len())
                .find(|&at| !state.taken[at] && fits(&state.items[at]));
            looked_at = state.items.len();
            if let Some(index) = index {
                state.taken[index] = true;
                return Some(Ok(state.items[index].clone()));
            }
            state
                .end
                .as_ref()
                .map(|end| Err(format!("the stream ended: {end:?}")))
        });
        match found.await {
            Some(Ok(item)) => item,
            Some(Err(reason)) => panic!("no {what}: {reason}; {}", self.seen()),
            None => panic!("no {what} within {limit:?}; {}", self.seen()),
        }
    }

    /// The item at `index` in the order of arrival, whoever else was given it;
    /// or how the stream ended before it.
    pub(crate) async fn at(&self, index: usize, limit: Duration) -> Result<T, E> {
        let found = self.wait(limit, |state| match state.items.get(index) {
            Some(item) => Some(Ok(item.clone())),
            None => state.end.clone().map(Err),
        });
        match found.await {
            Some(result) => result,
            None => panic!("nothing new within {limit:?}; {}", self.seen()),
        }
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self, limit: Duration) -> E {
        match self.wait(limit, |state| state.end.clone()).await {
            Some(end) => end,
            None => panic!("no end of the stream within {limit:?}; {}", self.seen()),
        }
    }

    async fn wait<R>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut State<T, E>) -> Option<R>,
    ) -> Option<R> {
        let deadline = Instant::now() + limit;
        loop {
            // Registered before the look, so that nothing slips in between.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.state.lock().unwrap()) {
                return Some(found);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return None;
            }
        }
    }

    fn seen(&self) -> String {
        let state = self.state.lock().unwrap();
        let mut text = format!("seen {} (* = expected before):", state.items.len());
        for (item, taken) in state.items.iter().zip(&state.taken) {
            let mark = if *taken { '*' } else { ' ' };
            text.push_str(&format!("\n {mark} {item:?}"));
        }
        text
    }
}
