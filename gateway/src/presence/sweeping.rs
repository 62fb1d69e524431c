//! Takes back what was told under dead hosts, beside everything else: whoever does that
//! shows meanwhile that it lives itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_shared::ids::RunId;
use causerie_shared::room::Partition;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use crate::events;
use crate::gateway::Gateway;

/// In how many partitions it goes on at once.
const PARTITIONS_SWEPT: usize = 8;

/// What is being taken back. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Sweeps {
    gateway: Arc<Gateway>,
    turns: Arc<Semaphore>,
    under_way: BTreeMap<(Partition, RunId), AbortHandle>,
    /// Each ends with whether all was taken back.
    tasks: JoinSet<bool>,
}

impl Sweeps {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            turns: Arc::new(Semaphore::new(PARTITIONS_SWEPT)),
            under_way: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Begins with those of the dead of which nothing is being taken back, and tells what
    /// has ended since. Where the bus failed, they are found dead again.
    pub(super) fn begin(&mut self, dead: Vec<(Partition, RunId)>) {
        let ended = std::iter::from_fn(|| self.tasks.try_join_next());
        events::hosts_swept(ended.filter(|ended| matches!(ended, Ok(true))).count());
        self.under_way.retain(|_, task| !task.is_finished());
        for (partition, host) in dead {
            if !self.under_way.contains_key(&(partition, host)) {
                let (gateway, turns) = (Arc::clone(&self.gateway), Arc::clone(&self.turns));
                let sweep = async move {
                    let _turn = turns.acquire().await;
                    take_back(&gateway, partition, host).await
                };
                let task = self.tasks.spawn(sweep);
                self.under_way.insert((partition, host), task);
            }
        }
    }
}

/// Takes back what was told under a host, step by step; whether nothing is left.
async fn take_back(gateway: &Gateway, partition: Partition, host: RunId) -> bool {
    let announced = gateway.settings().presence.announced;
    loop {
        match gateway.bus.sweep_host(partition, host, announced).await {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                events::hosts_unknown(&error);
                return false;
            }
        }
    }
}
