//! What all transports share.

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use causerie_shared::bus::Bus;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{self, Ready};
use causerie_shared::room::Room;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Audit, Note, What};
use crate::auth::Auth;
use crate::connection::{Admitted, Connected, Connection, Ended, Transport, Wanted};
use crate::drain::sent_away;
use crate::events;
use crate::frame::OutFrame;
use crate::hub::Hub;
use crate::inquiries::Inquiries;
use crate::limits::floods::Floods;
use crate::limits::held::Held;
use crate::limits::sparing::Sparing;
use crate::orders::end_if_revoked;
use crate::outbox::{Outbox, Wire};
use crate::presence::{self, Leaving, Presence};
use crate::registry::Registry;
use crate::seldom::Seldom;
use crate::settings::Settings;
use crate::surveys::Surveys;
use crate::sweeper;
use crate::typing::Typing;

/// A gateway: what WebSocket, SSE and HTTP share.
#[derive(Debug)]
pub struct Gateway {
    /// Storage and messaging.
    pub bus: Arc<dyn Bus>,
    /// Rooms, and who hears them here.
    pub hub: Hub,
    /// All connections of this node.
    pub registry: Registry,
    /// Who is typing.
    pub typing: Typing,
    /// Where it is noted who did what.
    audit: Audit,
    /// When it was said last that nobody counts.
    pub(crate) uncounted: Seldom,
    /// Who goes on asking for what was refused.
    pub(crate) floods: Floods,
    /// Who says so little that nobody else need count it.
    pub(crate) sparing: Sparing,
    /// Which addresses are held off, as far as is known here.
    pub(crate) held: Held,
    /// Who is in which room here.
    pub(crate) presence: Presence,
    /// What was asked about connections elsewhere.
    pub(crate) inquiries: Inquiries,
    /// What was asked about users' connections elsewhere.
    pub(crate) surveys: Surveys,
    settings: ArcSwap<Settings>,
    auth: OnceLock<Arc<Auth>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Gateway {
    /// Starts the gateway's tasks. They end with [`stop`](Self::stop).
    pub fn start(bus: Arc<dyn Bus>, settings: Settings) -> Arc<Self> {
        events::begin_at_zero();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let gateway = Arc::new(Self {
            hub: Hub::start(Arc::clone(&bus), &settings, &tasks, &stop),
            typing: Typing::start(Arc::clone(&bus), &tasks, &stop),
            audit: Audit::start(Arc::clone(&bus), &settings.node, &tasks, &stop),
            registry: Registry::default(),
            uncounted: Seldom::default(),
            floods: Floods::default(),
            sparing: Sparing::default(),
            held: Held::default(),
            presence: Presence::default(),
            inquiries: Inquiries::default(),
            surveys: Surveys::default(),
            settings: ArcSwap::from_pointee(settings),
            auth: OnceLock::new(),
            bus,
            tasks,
            stop,
        });
        let sweeping = sweeper::run(Arc::clone(&gateway), gateway.stop.clone());
        gateway.tasks.spawn(sweeping);
        let telling = presence::run(Arc::clone(&gateway), gateway.stop.clone());
        gateway.tasks.spawn(telling);
        gateway
    }

    /// The settings as they are now; not to be kept.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Takes over changed settings. Connections keep the bounds that they
    /// began with.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Notes who did what, where that is wanted. Waits for nobody.
    pub(crate) fn note(&self, make: impl FnOnce() -> Note) {
        if self.settings().audit {
            self.audit.leave(self.bus.clock().now_ms(), make());
        }
    }

    /// Tells once who verifies the tokens that clients show later on.
    pub fn verify_by(&self, auth: Arc<Auth>) {
        // It is the same for as long as the node runs.
        let _ = self.auth.set(auth);
    }

    /// Who verifies tokens, where clients can show some.
    pub fn auth(&self) -> Option<&Arc<Auth>> {
        self.auth.get()
    }

    /// Ends the gateway's tasks, and waits for them. Connections are to be sent
    /// away before, by [`drain`](crate::drain::drain).
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Makes a connection of a client that was let in: `ready` waits in its
    /// outbox, from which its transport takes all, and its first rooms are being
    /// joined.
    pub fn connect(self: &Arc<Self>, admitted: Admitted, transport: Transport) -> Connected {
        let outbox = Outbox::new(self.settings().outbox_bytes);
        self.enter(with_own_rooms(admitted), transport, outbox)
    }

    /// As [`connect`](Self::connect), but joins the rooms alone that the client
    /// named.
    pub fn connect_to_named(
        self: &Arc<Self>,
        admitted: Admitted,
        transport: Transport,
    ) -> Connected {
        let outbox = Outbox::new(self.settings().outbox_bytes);
        self.enter(admitted, transport, outbox)
    }

    /// As [`connect`](Self::connect), but what is for the client is written to
    /// `wire`.
    pub(crate) fn connect_socket(self: &Arc<Self>, admitted: Admitted, wire: Wire) -> Connected {
        let outbox = Outbox::to(wire, self.settings().outbox_bytes);
        self.enter(with_own_rooms(admitted), Transport::WebSocket, outbox)
    }

    fn enter(
        self: &Arc<Self>,
        admitted: Admitted,
        transport: Transport,
        outbox: Arc<Outbox>,
    ) -> Connected {
        events::reported(transport, &admitted.report);
        let settings = self.settings();
        let identity = Arc::new(admitted.identity);
        let connection = Connection::new(
            self,
            identity,
            admitted.client,
            transport,
            outbox,
            &settings,
        );
        let connection = Arc::new(connection);
        self.note(|| connected(&connection, &admitted.rooms));
        let ready = frame::ready(&self.ready(&connection, &settings, admitted.visitor_token));
        connection
            .outbox
            .push(&OutFrame::answer(Event::Ready, ready));
        self.registry.add(&connection);
        if self.registry.is_draining() {
            // It was let in just before, and the drain did not see it.
            connection.outbox.close(sent_away());
        }
        if let Some(auth) = self.auth() {
            end_if_revoked(auth, &connection);
        }
        // Nobody holds on to the task, so that it is all gone when it is done. It
        // ends with the connection.
        self.tasks.spawn({
            let (connection, presence) = (Arc::clone(&connection), self.presence.clone());
            async move {
                let joined = presence.joined_by(&connection);
                connection.join_first(admitted.rooms, joined).await;
            }
        });
        Connected {
            gateway: Arc::clone(self),
            connection,
            _slot: admitted.slot,
        }
    }

    /// Ends a connection, once.
    pub(crate) fn disconnect(&self, connection: &Arc<Connection>, ended: Ended) {
        self.end(connection);
        // Rooms may hold on to the outbox a moment longer, but not to the socket.
        connection.outbox.hang_up();
        self.typing.forget(connection);
        self.registry.remove(connection, ended);
    }

    /// Lets a connection that is about to end leave its rooms.
    pub(crate) fn end(&self, connection: &Connection) {
        let rooms = connection.rooms();
        connection.end();
        if !rooms.is_empty() {
            let identity = connection.identity();
            self.presence.touch(&identity, rooms, Leaving::Perhaps);
        }
    }

    fn ready(&self, connection: &Connection, settings: &Settings, token: Option<String>) -> Ready {
        let identity = connection.identity();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Ready {
            connection_id: connection.id.clone(),
            tenant: identity.tenant.clone(),
            user_id: identity.user.clone(),
            node: settings.node.clone(),
            server_time: self.bus.clock().now_ms(),
            heartbeat_interval_ms: ms(settings.heartbeat_interval),
            idle_timeout_ms: ms(settings.idle_timeout),
            max_message_bytes: settings.max_message_bytes as u64,
            messages_per_minute: settings.limits.messages.count.into(),
            token,
        }
    }
}

/// That a client came, with its first rooms.
fn connected(connection: &Connection, rooms: &[Wanted]) -> Note {
    let rooms: Vec<_> = rooms.iter().map(|wanted| wanted.room.to_string()).collect();
    Note::over(What::Connect, connection).on(rooms.join(" "))
}

/// One who joins, beside the rooms it named, its user's and the tenant's.
fn with_own_rooms(mut admitted: Admitted) -> Admitted {
    let own = Room::User(admitted.identity.user.clone());
    for room in [own, Room::Tenant] {
        if !admitted.rooms.iter().any(|wanted| wanted.room == room) {
            admitted.rooms.push(Wanted {
                room,
                position: None,
            });
        }
    }
    admitted
}
