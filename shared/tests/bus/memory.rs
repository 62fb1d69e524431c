//! The suite over the bus in memory.

use std::sync::Arc;

use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};

use crate::world::World;

struct Memory(MemoryBus);

impl World for Memory {
    async fn new(retention: Retention) -> Self {
        Self(MemoryBus::new(retention))
    }

    async fn node(&self) -> Arc<dyn Bus> {
        Arc::new(self.0.clone())
    }
}

crate::conformance!(Memory);
