//! The queues of the shards, and which room is whose.

use std::sync::Arc;

use causerie_shared::room::RoomKey;
use tokio::sync::mpsc;

use super::shard::Command;

/// How many commands may wait for a shard, live records among them.
pub(super) const QUEUE: usize = 8_192;

/// The queues of the shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shards(Arc<[mpsc::Sender<Command>]>);

impl Shards {
    /// So many, one at the least, and the other ends of their queues.
    pub(crate) fn new(count: usize) -> (Self, Vec<mpsc::Receiver<Command>>) {
        let (queues, receivers): (Vec<_>, Vec<_>) =
            (0..count.max(1)).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self(queues.into()), receivers)
    }

    /// All queues.
    pub(crate) fn queues(&self) -> &[mpsc::Sender<Command>] {
        &self.0
    }

    /// The place among them of the one that owns `room`. Those of a partition are together,
    /// as they are read.
    pub(crate) fn place_of(&self, room: &RoomKey) -> usize {
        room.partition().index() % self.0.len()
    }

    /// Hands `command` to the shard of `room`. Where the node is stopping it
    /// is dropped.
    pub(crate) async fn send(&self, room: &RoomKey, command: Command) {
        if let Some(queue) = self.0.get(self.place_of(room)) {
            let _ = queue.send(command).await;
        }
    }
}
