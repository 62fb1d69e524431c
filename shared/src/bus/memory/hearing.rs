//! Ears for live records, and wakes for brokers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::MemoryBus;
use crate::bus::BusError;
use crate::bus::reply::Wake;
use crate::bus::subscription::{Ear, Subscriptions};
use crate::room::{Partition, RoomKey};

/// The rooms that one ear hears.
pub(super) struct Hearing {
    bus: MemoryBus,
    ear: Arc<dyn Ear>,
}

impl Hearing {
    pub(super) fn new(bus: MemoryBus, ear: Arc<dyn Ear>) -> Self {
        Self { bus, ear }
    }
}

#[async_trait]
impl Subscriptions for Hearing {
    async fn subscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        self.bus.part_of(room).add_hearer(room, &self.ear);
        Ok(())
    }

    async fn unsubscribe(&self, room: &RoomKey) -> Result<(), BusError> {
        self.bus.part_of(room).remove_hearer(room, &self.ear);
        Ok(())
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        for partition in Partition::all() {
            self.bus.part(partition).remove_ear(&self.ear);
        }
    }
}

impl fmt::Debug for Hearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hearing").finish_non_exhaustive()
    }
}

/// All brokers that want to be woken.
#[derive(Default)]
pub(super) struct Wakes(Mutex<Vec<mpsc::Sender<Wake>>>);

impl Wakes {
    pub(super) fn open(&self, buffer: usize) -> mpsc::Receiver<Wake> {
        let (sender, receiver) = mpsc::channel(buffer.max(1));
        self.lock().push(sender);
        receiver
    }

    /// Wakes everybody. Whom it does not fit is awake anyhow.
    pub(super) fn wake(&self, wake: &Wake) {
        self.lock().retain(|sender| {
            !matches!(
                sender.try_send(wake.clone()),
                Err(mpsc::error::TrySendError::Closed(_))
            )
        });
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<mpsc::Sender<Wake>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
