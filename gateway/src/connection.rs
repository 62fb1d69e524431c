//! One socket or stream of a client.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use causerie_shared::ids::ConnectionId;
use causerie_shared::position::Position;
use causerie_shared::protocol::close::CloseCode;
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
use crate::report::Report;
use crate::settings::Settings;
pub(crate) use state::State;

mod state;

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
    /// From where it comes.
    pub client: IpAddr,
    /// A visitor's token, for `ready`.
    pub visitor_token: Option<String>,
    /// What it tells of its way here.
    pub report: Report,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ended {
    /// The client closed it, with the code that it gave.
    ByClient(Option<u16>),
    /// The server closed it.
    ByServer(CloseCode),
    /// Nobody closed it: it broke, or the client went away without a word.
    Unclosed,
}

/// In place of a round trip that was not measured.
const UNMEASURED: u32 = u32::MAX;

/// A live connection as the rest of the gateway sees it.
#[derive(Debug)]
pub struct Connection {
    /// Its name in the whole installation.
    pub id: ConnectionId,
    /// How it travels.
    pub transport: Transport,
    /// Who it speaks for: always the same user, by the token that was shown last.
    identity: ArcSwap<Identity>,
    /// From where it comes.
    pub(crate) client: IpAddr,
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
    /// When it was asked for a sign of life, at the last.
    pinged_ms: AtomicU64,
    /// How long the answer to the last ping took.
    rtt_ms: AtomicU32,
    /// Whether it is not read from now, since much that it asked for is not done yet.
    is_unread: AtomicBool,
}

impl Connection {
    pub(crate) fn new(
        gateway: &Gateway,
        identity: Arc<Identity>,
        client: IpAddr,
        transport: Transport,
        outbox: Arc<Outbox>,
        settings: &Settings,
    ) -> Self {
        Self {
            id: ConnectionId::generate(gateway.inquiries.run),
            transport,
            identity: ArcSwap::new(identity),
            client,
            membership: Arc::new(Membership::new(gateway.hub.clone(), Arc::clone(&outbox))),
            outbox,
            has_joined: SetOnce::new(),
            live: settings.live,
            started: Instant::now(),
            heard_ms: AtomicU64::new(0),
            acted_ms: AtomicU64::new(0),
            pinged_ms: AtomicU64::new(0),
            rtt_ms: AtomicU32::new(UNMEASURED),
            is_unread: AtomicBool::new(false),
        }
    }

    /// Who it speaks for, by the token that was shown last; not to be kept.
    pub fn identity(&self) -> Guard<Arc<Identity>> {
        self.identity.load()
    }

    /// Goes on under another token of the same user.
    pub(crate) fn renew(&self, identity: Arc<Identity>) {
        self.identity.store(identity);
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
    /// for those that are left or joined anew meanwhile. `joined` is told of each as
    /// its own join ends: another may take for ever.
    pub(crate) async fn join_first(&self, rooms: Vec<Wanted>, joined: impl Fn(Room)) {
        let joined = &joined;
        let joins = rooms
            .into_iter()
            .map(|Wanted { room, position }| async move {
                let (key, viewer) = (self.key(&room), self.viewer(&room));
                self.membership.join_at_last(key, viewer, position).await;
                joined(room);
            });
        join_all(joins).await;
        // Nobody else sets it.
        let _ = self.has_joined.set(());
    }

    /// Whether the first rooms are joined.
    pub(crate) fn has_joined_first_rooms(&self) -> bool {
        self.has_joined.initialized()
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

    /// The same, as they are known in the whole installation.
    pub(crate) fn room_keys(&self) -> Vec<RoomKey> {
        self.membership.rooms()
    }

    /// Whether `room` is joined, or being joined.
    pub(crate) fn is_in(&self, room: &Room) -> bool {
        self.membership.is_in(room)
    }

    pub(crate) fn end(&self) {
        self.membership.end();
    }

    /// Notes a sign of life of the peer.
    pub fn note_heard(&self) {
        self.heard_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Notes whether the peer is read from. Where it was not it may have given signs of life
    /// meanwhile, which are about to be found.
    pub(crate) fn note_unread(&self, is_unread: bool) {
        if self.is_unread() != is_unread {
            self.note_heard();
            self.is_unread.store(is_unread, Ordering::Relaxed);
        }
    }

    /// Whether the peer is not read from now: then its silence tells nothing.
    pub(crate) fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// Notes that the peer answers a ping.
    pub(crate) fn note_pong(&self) {
        let pinged_ms = self.pinged_ms.swap(0, Ordering::Relaxed);
        // Else it was not asked: a pong may come of itself (RFC 6455, 5.5.3).
        if pinged_ms > 0 {
            let rtt_ms = self.now_ms().saturating_sub(pinged_ms);
            let rtt_ms = u32::try_from(rtt_ms).unwrap_or(UNMEASURED);
            self.rtt_ms.store(rtt_ms, Ordering::Relaxed);
        }
    }

    /// Milliseconds from the last ping to its answer, where one was answered.
    pub(crate) fn rtt_ms(&self) -> Option<u32> {
        Some(self.rtt_ms.load(Ordering::Relaxed)).filter(|ms| *ms != UNMEASURED)
    }

    /// Milliseconds since it began.
    pub(crate) fn age_ms(&self) -> u64 {
        self.now_ms()
    }

    /// Notes that the user did something.
    pub fn note_action(&self) {
        self.acted_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// How long the peer had been silent by `now`.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        self.since(&self.heard_ms, now)
    }

    /// Milliseconds since its user last did something here, or it began.
    pub(crate) fn idle_ms(&self) -> u64 {
        let acted_ms = self.acted_ms.load(Ordering::Relaxed);
        self.now_ms().saturating_sub(acted_ms)
    }

    /// How long by `now` the peer had left a ping unanswered; `None` where it
    /// owes no answer.
    pub(crate) fn unanswered(&self, now: Instant) -> Option<Duration> {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed);
        let is_owed = self.pinged_ms.load(Ordering::Relaxed) > heard_ms;
        is_owed.then(|| self.since(&self.pinged_ms, now))
    }

    /// How long the user had done nothing by `now`.
    pub(crate) fn idleness(&self, now: Instant) -> Duration {
        self.since(&self.acted_ms, now)
    }

    /// Asks for a sign of life, for which is waited from `now`.
    pub(crate) fn ping(&self, now: Instant) {
        self.pinged_ms.store(self.ms_at(now), Ordering::Relaxed);
        self.outbox.ping();
    }

    fn viewer(&self, room: &Room) -> Viewer {
        Viewer::of(&self.identity(), room, self.live)
    }

    fn key(&self, room: &Room) -> RoomKey {
        RoomKey::new(self.identity().tenant.clone(), room.clone())
    }

    fn now_ms(&self) -> u64 {
        self.ms_at(Instant::now())
    }

    /// `now` in milliseconds after `started`.
    fn ms_at(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.started);
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, at_ms: &AtomicU64, now: Instant) -> Duration {
        let at_ms = at_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.ms_at(now).saturating_sub(at_ms))
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

    /// Leaves all rooms: the connection is about to end.
    pub(crate) fn end(&self) {
        self.gateway.end(&self.connection);
    }

    /// Ends the connection, and tells how it ended.
    pub(crate) fn disconnect(&self, ended: Ended) {
        self.gateway.disconnect(&self.connection, ended);
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
        self.disconnect(Ended::Unclosed);
    }
}
