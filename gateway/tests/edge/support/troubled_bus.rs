//! The in-memory bus, of which something does not go as it should.

use std::ops::Deref;
use std::sync::Arc;

use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::ids::RunId;
use causerie_shared::room::Partition;
use causerie_testkit::bus_before_another;
use tokio::sync::watch;

/// A bus that can be troubled.
#[derive(Debug)]
pub(crate) struct TroubledBus {
    bus: Storage,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// Nothing is taken back for now.
    pub(crate) sweeps_hang: bool,
}

#[derive(Debug)]
struct Storage {
    bus: MemoryBus,
    trouble: watch::Sender<Trouble>,
    sweeps: watch::Sender<usize>,
}

bus_before_another!(TroubledBus);

impl TroubledBus {
    pub(crate) fn new() -> Arc<Self> {
        let bus = Storage {
            bus: MemoryBus::new(Retention::default()),
            trouble: watch::Sender::default(),
            sweeps: watch::Sender::new(0),
        };
        Arc::new(Self { bus })
    }

    pub(crate) fn set(&self, trouble: Trouble) {
        self.bus.trouble.send_replace(trouble);
    }

    /// Waits until somebody begins to take something back.
    pub(crate) async fn until_swept(&self) {
        let mut sweeps = self.bus.sweeps.subscribe();
        sweeps.wait_for(|sweeps| *sweeps > 0).await.unwrap();
    }

    async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        call().await
    }
}

impl Storage {
    async fn sweep_host(
        &self,
        partition: Partition,
        host: RunId,
        announced: u32,
    ) -> Result<bool, BusError> {
        self.sweeps.send_modify(|sweeps| *sweeps += 1);
        let mut trouble = self.trouble.subscribe();
        let _ = trouble.wait_for(|trouble| !trouble.sweeps_hang).await;
        self.bus.sweep_host(partition, host, announced).await
    }
}

impl Deref for Storage {
    type Target = MemoryBus;

    fn deref(&self) -> &MemoryBus {
        &self.bus
    }
}
