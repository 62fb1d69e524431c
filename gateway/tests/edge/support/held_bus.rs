//! The in-memory bus, with rooms that cannot be read or spoken in for a while.

use std::ops::Deref;
use std::sync::Arc;

use causerie_shared::bus::log::Page;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::question::{Accepted, Question};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;
use causerie_testkit::bus_before_another;
use tokio::sync::watch;

/// A bus whose storage is slow with one room.
#[derive(Debug)]
pub(crate) struct HeldBus {
    bus: SlowStorage,
}

#[derive(Debug)]
struct SlowStorage {
    bus: MemoryBus,
    held: watch::Sender<Option<RoomKey>>,
}

bus_before_another!(HeldBus);

impl HeldBus {
    pub(crate) fn new() -> Arc<Self> {
        let bus = SlowStorage {
            bus: MemoryBus::new(Retention::default()),
            held: watch::Sender::new(None),
        };
        Arc::new(Self { bus })
    }

    /// Lets those who read `room`, or speak there, wait until another is held, or
    /// none.
    pub(crate) fn hold(&self, room: Option<RoomKey>) {
        self.bus.held.send_replace(room);
    }

    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        call().await
    }
}

impl SlowStorage {
    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        self.until_free(room).await;
        self.bus.read(room, after, limit).await
    }

    async fn accept(&self, question: &Question) -> Result<Accepted, BusError> {
        self.until_free(&question.room).await;
        self.bus.accept(question).await
    }

    async fn until_free(&self, room: &RoomKey) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| held.as_ref() != Some(room)).await;
    }
}

impl Deref for SlowStorage {
    type Target = MemoryBus;

    fn deref(&self) -> &MemoryBus {
        &self.bus
    }
}
