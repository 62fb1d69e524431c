//! The in-memory bus, with rooms that cannot be read for a while.

use std::ops::Deref;
use std::sync::Arc;

use causerie_shared::bus::log::Page;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::position::Position;
use causerie_shared::room::RoomKey;
use causerie_testkit::bus_before_another;
use tokio::sync::watch;

/// A bus whose storage is slow with one room.
#[derive(Debug)]
pub(crate) struct HeldBus {
    bus: SlowReads,
}

#[derive(Debug)]
struct SlowReads {
    bus: MemoryBus,
    held: watch::Sender<Option<RoomKey>>,
}

bus_before_another!(HeldBus);

impl HeldBus {
    pub(crate) fn new() -> Arc<Self> {
        let bus = SlowReads {
            bus: MemoryBus::new(Retention::default()),
            held: watch::Sender::new(None),
        };
        Arc::new(Self { bus })
    }

    /// Lets those who read `room` wait until another is held, or none.
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

impl SlowReads {
    async fn read(
        &self,
        room: &RoomKey,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, BusError> {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| held.as_ref() != Some(room)).await;
        self.bus.read(room, after, limit).await
    }
}

impl Deref for SlowReads {
    type Target = MemoryBus;

    fn deref(&self) -> &MemoryBus {
        &self.bus
    }
}
