//! One socket or stream of a client.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use causerie_shared::ids::ConnectionId;
use causerie_shared::position::Position;
use causerie_shared::room::{Room, RoomKey};
use futures::future::join_all;
use tokio::sync::SetOnce;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::hub::membership::Membership;
use crate::hub::{Live, NotJoined, Viewer};
use crate::identity::Identity;
use crate::outbox::{Batch, Outbox};
use crate::registry::Slot;
use crate::settings::Settings;

/// How a connection travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// A stream of Server-Sent Events.
    Sse,
}

impl Transport {
    pub(crate) const ALL: [Self; 2] = [Self::WebSocket, Self::Sse];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
        }
    }
}

/// A room that a client wants to hear, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The room; the caller may read it.
    pub room: Room,
    /// The position to recover from.
    pub position: Option<Position>,
}

/// A client that was let in: what the checks before the upgrade found.
#[derive(Debug)]
pub struct Admitted {
    /// Who it is.
    pub identity: Identity,
    /// The rooms that it named, each once. Its own and the tenant's are joined
    /// in any case.
    pub rooms: Vec<Wanted>,
    /// Its place among the node's connections.
    pub slot: Slot,
    /// A visitor's token, for `ready`.
    pub visitor_token: Option<String>,
}

/// A live connection as the rest of the gateway sees it.
#[derive(Debug)]
pub struct Connection {
    /// Its name in the whole installation.
    pub id: ConnectionId,
    /// How it travels.
    pub transport: Transport,
    /// Who it speaks for.
    pub identity: Arc<Identity>,
    /// What waits to be sent to it.
    pub outbox: Arc<Outbox>,
    membership: Arc<Membership>,
    /// Set once the first rooms are joined.
    has_joined: SetOnce<()>,
    live: Live,
    /// When it began.
    pub(crate) started: Instant,
    /// Milliseconds after `started`.
    heard_ms: AtomicU64,
    acted_ms: AtomicU64,
    pinged: AtomicBool,
}

impl Connection {
    pub(crate) fn new(
        gateway: &Gateway,
        identity: Arc<Identity>,
        transport: Transport,
        outbox: Arc<Outbox>,
        settings: &Settings,
    ) -> Self {
        Self {
            id: ConnectionId::generate(),
            transport,
            identity,
            membership: Arc::new(Membership::new(gateway.hub.clone(), Arc::clone(&outbox))),
            outbox,
            has_joined: SetOnce::new(),
            live: settings.live,
            started: Instant::now(),
            heard_ms: AtomicU64::new(0),
            acted_ms: AtomicU64::new(0),
            pinged: AtomicBool::new(false),
        }
    }

    /// Joins `room`, which the caller may read, and recovers from `position`.
    /// When it returns, `subscribed` waits in the outbox, and what was missed
    /// too, or it follows as the client reads.
    ///
    /// # Errors
    /// As [`Membership::join`].
    pub async fn join(&self, room: &Room, position: Option<Position>) -> Result<(), NotJoined> {
        let (key, viewer) = (self.key(room), self.viewer(room));
        self.membership
            .join_without_delay(key, viewer, position)
            .await
    }

    /// Joins the first rooms, however long that takes and the bus is away, but
    /// for those that are left or joined anew meanwhile.
    pub(crate) async fn join_first(&self, rooms: Vec<Wanted>) {
        let joins = rooms.into_iter().map(|Wanted { room, position }| {
            let (key, viewer) = (self.key(&room), self.viewer(&room));
            self.membership.join_at_last(key, viewer, position)
        });
        join_all(joins).await;
        // Nobody else sets it.
        let _ = self.has_joined.set(());
    }

    /// Waits until the first rooms are joined.
    pub async fn joined_first_rooms(&self) {
        self.has_joined.wait().await;
    }

    /// Leaves `room`; whether it had been joined.
    pub async fn leave(&self, room: &Room) -> bool {
        self.membership.leave(&self.key(room)).await
    }

    /// The rooms joined, or being joined.
    pub fn rooms(&self) -> Vec<Room> {
        let keys = self.membership.rooms();
        keys.into_iter().map(|key| key.room).collect()
    }

    pub(crate) fn end(&self) {
        self.membership.end();
    }

    /// Notes a sign of life of the peer.
    pub fn note_heard(&self) {
        self.heard_ms.store(self.age_ms(), Ordering::Relaxed);
        self.pinged.store(false, Ordering::Relaxed);
    }

    /// Notes that the user did something.
    pub fn note_action(&self) {
        self.acted_ms.store(self.age_ms(), Ordering::Relaxed);
    }

    /// How long the peer has been silent.
    pub fn silence(&self) -> Duration {
        self.since(&self.heard_ms)
    }

    /// How long the user has done nothing.
    pub fn idleness(&self) -> Duration {
        self.since(&self.acted_ms)
    }

    /// Asks for a sign of life, once per silence.
    pub fn ping_once(&self) {
        if !self.pinged.swap(true, Ordering::Relaxed) {
            self.outbox.ping();
        }
    }

    fn viewer(&self, room: &Room) -> Viewer {
        Viewer::of(&self.identity, room, self.live)
    }

    fn key(&self, room: &Room) -> RoomKey {
        RoomKey::new(self.identity.tenant.clone(), room.clone())
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, at_ms: &AtomicU64) -> Duration {
        Duration::from_millis(self.age_ms().saturating_sub(at_ms.load(Ordering::Relaxed)))
    }
}

/// A connection's hold on the gateway. Dropping it ends the connection: its
/// rooms are left, its slot is free, its typing is over.
#[derive(Debug)]
pub struct Connected {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) _slot: Slot,
}

impl Connected {
    /// Waits for something to send, and takes it: `max_bytes` of frames, but
    /// one at least where one waits.
    pub async fn next(&self, max_bytes: usize) -> Batch {
        let mut batch = self.outbox.next(max_bytes).await;
        let lagging = std::mem::take(&mut batch.lagging);
        self.gateway.hub.resync(self.outbox.id(), lagging).await;
        batch
    }

    /// The gateway that it is connected to.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The connection, to be kept beyond the hold.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Deref for Connected {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.gateway.disconnect(&self.connection);
    }
}
