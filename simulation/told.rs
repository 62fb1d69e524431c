//! A value of which everybody is told when it changes, in the order in which
//! they came to wait. (Tokio's `watch` tells them in an order of chance.)

use std::sync::Mutex;

use tokio::sync::Notify;

/// A value of which everybody is told.
#[derive(Debug, Default)]
pub struct Told<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy> Told<T> {
    pub fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Notify::new(),
        }
    }

    pub fn get(&self) -> T {
        *self.value.lock().unwrap()
    }

    pub fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock().unwrap());
        self.changed.notify_waiters();
    }

    /// Waits until the value is such, and returns it.
    pub async fn wait_for(&self, is_such: impl Fn(T) -> bool) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let value = self.get();
            if is_such(value) {
                return value;
            }
            changed.await;
        }
    }
}
