//! All connections of the node.

mod crowds;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causerie_shared::ids::{ConnectionId, TenantId, UserId};
use tokio::sync::Notify;

use crate::connection::{Connection, Ended};
use crate::events;
use crate::identity::Identity;
use crate::outbox::OutboxId;
use crowds::{Crowds, UserKey};

/// How many connections are handed out at once to one who looks at all.
const CONNECTIONS_A_LOOK: usize = 128;

/// All connections of the node, and how many more there may be. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    connections: Mutex<Connections>,
    /// Slots taken: connections, and those about to be.
    taken: AtomicUsize,
    crowds: Mutex<Crowds>,
    is_draining: AtomicBool,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Connections {
    /// In the order in which they came.
    all: BTreeMap<OutboxId, Arc<Connection>>,
    /// Those of each user.
    by_user: BTreeSet<(UserKey, OutboxId)>,
    by_name: HashMap<ConnectionId, OutboxId>,
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSlot {
    /// The node has as many connections as it may have.
    Full,
    /// The node is about to end.
    Draining,
    /// The user has as many connections here as they may have.
    TooManyOfUser,
    /// The tenant has as many connections here as it may have.
    TooManyOfTenant,
}

/// How many connections there may be on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// In all.
    pub of_node: usize,
    /// Of one tenant.
    pub of_tenant: usize,
    /// Of one user.
    pub of_user: usize,
}

/// A place among the node's connections, free again when dropped.
#[derive(Debug)]
pub struct Slot {
    shared: Arc<Shared>,
    /// Whose it is, where that is counted.
    user: Option<UserKey>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(user) = self.user {
            self.shared.crowds().leave(user);
        }
        if self.shared.taken.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.emptied.notify_waiters();
        }
    }
}

impl Shared {
    fn crowds(&self) -> MutexGuard<'_, Crowds> {
        self.crowds.lock().unwrap_or_else(PoisonError::into_inner)
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
            Ok(_) => Ok(Slot {
                shared: Arc::clone(&self.0),
                user: None,
            }),
            Err(_) => Err(NoSlot::Full),
        }
    }

    /// Takes a place for a connection of `whose`, if all of `caps` allow it.
    ///
    /// # Errors
    /// [`NoSlot`] says why there is none.
    pub(crate) fn try_reserve_for(&self, whose: &Identity, caps: &Caps) -> Result<Slot, NoSlot> {
        let mut slot = self.try_reserve(caps.of_node)?;
        slot.user = Some(self.0.crowds().try_enter(whose, caps)?);
        Ok(slot)
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
        self.lock().all.values().cloned().collect()
    }

    /// The next few connections that came after `last`, or the first: so that one
    /// who looks at all need not hold them all, nor keep the others waiting.
    pub(crate) fn next_after(&self, last: Option<OutboxId>) -> Vec<Arc<Connection>> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let connections = self.lock();
        let next = connections
            .all
            .range((after, Bound::Unbounded))
            .take(CONNECTIONS_A_LOOK);
        next.map(|(_, connection)| Arc::clone(connection)).collect()
    }

    /// The connection that clients and servers know by this name.
    pub(crate) fn named(&self, name: &ConnectionId) -> Option<Arc<Connection>> {
        let connections = self.lock();
        let id = connections.by_name.get(name)?;
        connections.all.get(id).cloned()
    }

    /// The connections of a user, in the order in which they came.
    pub(crate) fn of_user(&self, tenant: &TenantId, user: &UserId) -> Vec<Arc<Connection>> {
        let key = self.key_of(tenant, user);
        let connections = self.lock();
        let theirs = connections.by_user.range((key, OutboxId::FIRST)..);
        let theirs = theirs.take_while(|(of, _)| *of == key);
        let theirs = theirs.filter_map(|(_, id)| connections.all.get(id));
        let is_theirs = |of: &&Arc<Connection>| {
            let identity = of.identity();
            (&identity.tenant, &identity.user) == (tenant, user)
        };
        theirs.filter(is_theirs).cloned().collect()
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
        let (id, identity) = (connection.outbox.id(), connection.identity());
        let key = self.key_of(&identity.tenant, &identity.user);
        let mut connections = self.lock();
        connections.all.insert(id, Arc::clone(connection));
        connections.by_user.insert((key, id));
        connections.by_name.insert(connection.id.clone(), id);
    }

    pub(crate) fn remove(&self, connection: &Connection, ended: Ended) {
        let (id, identity) = (connection.outbox.id(), connection.identity());
        let key = self.key_of(&identity.tenant, &identity.user);
        let mut connections = self.lock();
        connections.by_user.remove(&(key, id));
        connections.by_name.remove(&connection.id);
        let was_there = connections.all.remove(&id).is_some();
        drop(connections);
        if was_there {
            events::disconnected(connection, ended);
        }
    }

    fn key_of(&self, tenant: &TenantId, user: &UserId) -> UserKey {
        self.0.crowds().key_of(tenant, user)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
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

    #[test]
    fn users_and_tenants_have_their_share() {
        let registry = Registry::default();
        let caps = Caps {
            of_node: 10,
            of_tenant: 3,
            of_user: 2,
        };
        let enter = |user: &str| registry.try_reserve_for(&Identity::plain(user), &caps);
        let slots = [enter("u1").unwrap(), enter("u1").unwrap()];
        assert_eq!(enter("u1").unwrap_err(), NoSlot::TooManyOfUser);
        let other = enter("u2").unwrap();
        assert_eq!(enter("u3").unwrap_err(), NoSlot::TooManyOfTenant);
        // Who was refused takes no place.
        assert_eq!(registry.len(), 3);
        drop(other);
        assert!(enter("u3").is_ok());
        drop(slots);
        assert!(registry.0.crowds().is_empty());
        assert!(registry.is_empty());
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
