//! Who is in which room, told to all gateways.
//!
//! Nothing is kept of it for a connection. Whoever joins or leaves a room *touches* the
//! user's presence there; a task looks then how many connections the user has in the
//! room, and tells that. So many changes of one user are told once, and what many users do at
//! the same time goes to the bus together.
//!
//! - `telling`: tells what was touched
//! - `later`: what is told later, or again
//! - `watching`: shows that this gateway lives, and finds those that don't
//! - `sweeping`: takes back what those have told

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::protocol::data::Status;
use causerie_shared::room::Room;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::identity::Identity;
use hosts::Hosts;
use telling::Telling;
use watching::Watching;

mod hosts;
mod later;
mod sweeping;
mod telling;
#[cfg(test)]
mod tests;
mod watching;

/// How presence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presences {
    /// In rooms with more users nobody is told who comes and goes.
    pub announced: u32,
    /// How long one is there whose last connection has ended.
    pub leave_after: Duration,
}

/// A user of a tenant.
type Whose = (TenantId, UserId);

/// What has changed of who is where, on this node. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    changes: Mutex<Changes>,
    changed: Notify,
    hosts: Mutex<Hosts>,
}

#[derive(Debug, Default)]
struct Changes {
    touched: BTreeMap<Whose, Touched>,
    /// What users who are here have said to be.
    statuses: BTreeMap<Whose, Status>,
    /// Whether more may have been said than was heard here.
    has_missed_statuses: bool,
}

/// The rooms in which a user's presence was touched.
type Touched = BTreeMap<Room, Leaving>;

/// What it means where one is there no more; the later of two counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leaving {
    /// They were waited for. Where they are there, that was told before.
    #[default]
    Over,
    /// The connection has ended: they may be about to come back.
    Perhaps,
    /// The room was left.
    ForGood,
}

impl Presence {
    /// Notes that a connection of a user has come to rooms, or is there no more.
    pub(crate) fn touch(
        &self,
        whose: &Identity,
        rooms: impl IntoIterator<Item = Room>,
        leaving: Leaving,
    ) {
        let whose = (whose.tenant.clone(), whose.user.clone());
        self.lock().touch(&whose, rooms, leaving);
        self.0.changed.notify_one();
    }

    /// What notes that a connection has joined one of its first rooms, unless that was left
    /// meanwhile. Its user's own goes with the first of them, for there it is known what they
    /// have said to be, which those in the room are told. That may still be on its way
    /// when the next ones are told: then they are told it later.
    pub(crate) fn joined_by<'a>(&'a self, connection: &'a Connection) -> impl Fn(Room) + 'a {
        let is_first = AtomicBool::new(true);
        move |room| {
            let identity = connection.identity();
            let own = Room::User(identity.user.clone());
            let mut rooms = vec![room];
            rooms.retain(|room| connection.is_in(room));
            if connection.is_in(&own) && is_first.swap(false, Ordering::Relaxed) {
                rooms.push(own);
            }
            if !rooms.is_empty() {
                self.touch(&identity, rooms, Leaving::Perhaps);
            }
        }
    }

    /// Notes that users may have said to be something that was not heard here.
    pub(crate) fn note_missed_statuses(&self) {
        self.lock().has_missed_statuses = true;
        self.0.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        let changes = self.0.changes.lock();
        changes.unwrap_or_else(PoisonError::into_inner)
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        let hosts = self.0.hosts.lock();
        hosts.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    fn touch(&mut self, whose: &Whose, rooms: impl IntoIterator<Item = Room>, leaving: Leaving) {
        let touched = self.touched.entry(whose.clone()).or_default();
        for room in rooms {
            let before = touched.entry(room).or_default();
            *before = leaving.max(*before);
        }
    }

    /// Takes what was touched of the next user after `last`, and of the first after the last
    /// of all: so that whose turn is late gets it.
    fn take_after(&mut self, last: Option<&Whose>) -> Option<(Whose, Touched)> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.touched.range((after, Bound::Unbounded));
        let (next, _) = later.next().or_else(|| self.touched.first_key_value())?;
        let next = next.clone();
        self.touched.remove_entry(&next)
    }
}

impl Gateway {
    /// Notes what a user has said to be, and tells it in the rooms where they are here.
    pub(crate) fn note_status(&self, tenant: &TenantId, user: &UserId, status: Status) {
        let whose = (tenant.clone(), user.clone());
        let connections = self.here(&whose);
        if connections.is_empty() {
            return;
        }
        let mut changes = self.presence.lock();
        for connection in connections {
            changes.touch(&whose, connection.rooms(), Leaving::Perhaps);
        }
        changes.statuses.insert(whose, status);
        drop(changes);
        self.presence.0.changed.notify_one();
    }

    /// The connections of a user that are not about to end.
    fn here(&self, (tenant, user): &Whose) -> Vec<Arc<Connection>> {
        let mut here = self.registry.of_user(tenant, user);
        here.retain(|connection| !connection.outbox.is_closed());
        here
    }
}

/// Tells who is here, and looks after the others' hosts, until the node stops. What is not
/// told by then the others take back.
pub(crate) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let telling = Telling::new(Arc::clone(&gateway)).run();
    // Beside it: what is slow to be told must not keep this gateway from showing that it lives.
    let watching = Watching::new(gateway).run();
    let both = async { tokio::join!(telling, watching) };
    stop.run_until_cancelled(both).await;
}
