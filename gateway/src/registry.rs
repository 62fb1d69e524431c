//! All connections of the node.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::connection::{Connection, Ended};
use crate::events;
use crate::outbox::OutboxId;

/// How many connections are handed out at once to one who looks at all.
const AT_ONCE: usize = 128;

/// All connections of the node, and how many more there may be. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// In the order in which they came.
    connections: Mutex<BTreeMap<OutboxId, Arc<Connection>>>,
    /// Slots taken: connections, and those about to be.
    taken: AtomicUsize,
    is_draining: AtomicBool,
    emptied: Notify,
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSlot {
    /// The node has as many connections as it may have.
    Full,
    /// The node is about to end.
    Draining,
}

/// A place among the node's connections, free again when dropped.
#[derive(Debug)]
pub struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        if self.0.taken.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

impl Registry {
    /// Takes a place among at the most `max` connections.
    ///
    /// # Errors
    /// [`NoSlot`] says why there is none.
    pub fn try_reserve(&self, max: usize) -> Result<Slot, NoSlot> {
        if self.is_draining() {
            return Err(NoSlot::Draining);
        }
        let taken = |taken| (taken < max).then_some(taken + 1);
        match self
            .0
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, taken)
        {
            Ok(_) => Ok(Slot(Arc::clone(&self.0))),
            Err(_) => Err(NoSlot::Full),
        }
    }

    /// How many slots are taken.
    pub fn len(&self) -> usize {
        self.0.taken.load(Ordering::Acquire)
    }

    /// Whether no slot is taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the node sends its connections away.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Acquire)
    }

    /// All connections, as they are now, in the order in which they came.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.lock().values().cloned().collect()
    }

    /// The next few connections that came after `last`, or the first: so that one
    /// who looks at all need not hold them all, nor keep the others waiting.
    pub(crate) fn next_after(&self, last: Option<OutboxId>) -> Vec<Arc<Connection>> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let connections = self.lock();
        let next = connections.range((after, Bound::Unbounded)).take(AT_ONCE);
        next.map(|(_, connection)| Arc::clone(connection)).collect()
    }

    /// Refuses slots from now on.
    pub(crate) fn begin_drain(&self) {
        self.0.is_draining.store(true, Ordering::Release);
    }

    /// Waits until no slot is taken.
    pub async fn wait_until_empty(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        events::connected(connection);
        self.lock()
            .insert(connection.outbox.id(), Arc::clone(connection));
    }

    pub(crate) fn remove(&self, connection: &Connection, ended: Ended) {
        if self.lock().remove(&connection.outbox.id()).is_some() {
            events::disconnected(connection, ended);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OutboxId, Arc<Connection>>> {
        self.0
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_and_come_back() {
        let registry = Registry::default();
        let slot = registry.try_reserve(1).unwrap();
        assert_eq!(registry.try_reserve(1).unwrap_err(), NoSlot::Full);
        drop(slot);
        assert!(registry.try_reserve(1).is_ok());
    }

    #[tokio::test]
    async fn a_draining_node_gives_none_and_waits_for_the_last() {
        let registry = Registry::default();
        let slot = registry.try_reserve(9).unwrap();
        registry.begin_drain();
        assert_eq!(registry.try_reserve(9).unwrap_err(), NoSlot::Draining);
        let waiting = tokio::spawn({
            let registry = registry.clone();
            async move { registry.wait_until_empty().await }
        });
        drop(slot);
        waiting.await.unwrap();
    }
}
