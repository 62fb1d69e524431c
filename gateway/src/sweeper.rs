//! Looks after all connections with one timer: heartbeats, idleness, tokens that end, and
//! how many are in which state.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::clock::Clock;
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use tokio::task::consume_budget;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Transport};
use crate::events::States;
use crate::frame::OutFrame;
use crate::gateway::Gateway;
use crate::registry::Registry;

/// How often connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Where nobody was looked at for so long the whole node stood still.
const STANDSTILL: Duration = Duration::from_secs(2);

/// What a connection's state calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    Ping,
    Close(CloseCode),
}

/// One look at all connections.
#[derive(Debug)]
struct Sweep {
    heartbeat_interval: Duration,
    idle_timeout: Duration,
    clock: Clock,
    /// When the sweeper was last seen to go on.
    now: Instant,
    now_ms: u64,
    /// Whether the node stood still before, or amid the sweep before: what peers sent
    /// meanwhile is not read yet, and what they were to be sent was not.
    after_standstill: bool,
}

/// Looks after all connections, until the node stops.
pub(crate) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut sweeps = interval(SWEEP_EVERY);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    let mut stood_still = false;
    while stop.run_until_cancelled(sweeps.tick()).await.is_some() {
        let mut sweep = Sweep::of(&gateway, last);
        sweep.after_standstill = stood_still;
        stood_still = sweep.look_after_all(&gateway.registry).await;
        last = sweep.now;
    }
}

impl Sweep {
    /// The one that follows that which ended at `last`.
    fn of(gateway: &Gateway, last: Instant) -> Self {
        let settings = gateway.settings();
        let clock = gateway.bus.clock();
        Self {
            heartbeat_interval: settings.heartbeat_interval,
            idle_timeout: settings.idle_timeout,
            now: last,
            now_ms: clock.now_ms(),
            clock: clock.clone(),
            after_standstill: false,
        }
    }

    /// Looks at each connection; others have their turn meanwhile. Whether the node
    /// stood still meanwhile or since the sweep before: then some may have been looked
    /// at before that.
    async fn look_after_all(&mut self, registry: &Registry) -> bool {
        let mut stood_still = false;
        let mut states = States::default();
        let mut last = None;
        loop {
            // However long a sweep takes, it is none as long as it goes on.
            stood_still |= self.note_time();
            let connections = registry.next_after(last);
            let Some(furthest) = connections.last() else {
                states.show();
                return stood_still;
            };
            last = Some(furthest.outbox.id());
            for connection in connections {
                self.look_after(&connection);
                states.count(&connection);
                consume_budget().await;
            }
        }
    }

    /// Notes the time. Whether the node stood still since that was last done.
    fn note_time(&mut self) -> bool {
        let now = Instant::now();
        let stood_still = now - self.now > STANDSTILL;
        self.after_standstill |= stood_still;
        (self.now, self.now_ms) = (now, self.clock.now_ms());
        stood_still
    }

    fn look_after(&self, connection: &Connection) {
        match self.due(connection) {
            Due::Nothing => {}
            Due::Ping => connection.ping(self.now),
            Due::Close(code) => close(connection, code),
        }
    }

    fn due(&self, connection: &Connection) -> Due {
        if connection
            .identity()
            .expires_ms
            .is_some_and(|end| end <= self.now_ms)
        {
            return Due::Close(CloseCode::Unauthorized);
        }
        match connection.transport {
            // A stream gives no sign of life, and its end is seen on writing.
            Transport::Sse => Due::Nothing,
            Transport::WebSocket => self.due_of_socket(connection),
        }
    }

    fn due_of_socket(&self, connection: &Connection) -> Due {
        let unanswered = connection.unanswered(self.now);
        let is_lost = unanswered.is_some_and(|wait| wait >= self.heartbeat_interval);
        let is_silent = connection.silence(self.now) >= self.heartbeat_interval;
        let is_idle = connection.idleness(self.now) >= self.idle_timeout
            && !connection.identity().is_never_idle();
        let is_excused = self.after_standstill || connection.is_unread();
        if is_lost && !is_excused {
            Due::Close(CloseCode::HeartbeatLost)
        } else if is_idle && !is_excused {
            Due::Close(CloseCode::Idle)
        } else if is_lost || is_silent && unanswered.is_none() {
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}

fn close(connection: &Connection, code: CloseCode) {
    if code == CloseCode::Unauthorized {
        let content = "Your token has expired: get a new one, then connect again.";
        let error = ProtocolError::new(ErrorCode::Unauthorized, content).fatal();
        let frame = OutFrame::answer(Event::Error, frame::error(None, &error));
        connection.outbox.push(&frame);
    }
    connection.outbox.close(code);
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::Retention;
    use causerie_shared::bus::memory::MemoryBus;
    use futures::FutureExt;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;
    use crate::identity::Identity;
    use crate::outbox::Outbox;
    use crate::settings::Settings;

    fn gateway() -> Arc<Gateway> {
        Gateway::start(
            Arc::new(MemoryBus::new(Retention::default())),
            Settings::default(),
        )
    }

    fn connection(gateway: &Gateway) -> Arc<Connection> {
        let identity = Identity::plain("u1");
        let connection = Connection::new(
            gateway,
            Arc::new(identity),
            std::net::Ipv4Addr::LOCALHOST.into(),
            Transport::WebSocket,
            Outbox::new(1 << 10),
            &Settings::default(),
        );
        let connection = Arc::new(connection);
        gateway.registry.add(&connection);
        connection
    }

    /// The node is stopped and goes on later, as a virtual machine that moves.
    #[tokio::test(start_paused = true)]
    async fn after_a_standstill_peers_are_asked_before_they_are_given_up() {
        let gateway = gateway();
        let heartbeat_interval = gateway.settings().heartbeat_interval;
        let (lively, dead) = (connection(&gateway), connection(&gateway));
        yield_now().await;
        // The second time they owe an answer already.
        for _ in 0..2 {
            advance(heartbeat_interval * 2).await;
            for peer in [&lively, &dead] {
                let batch = peer.outbox.next(usize::MAX).await;
                assert!(batch.ping && batch.close.is_none(), "{batch:?}");
            }
        }
        let asked = Instant::now();
        lively.note_heard();
        let batch = dead.outbox.next(usize::MAX).await;
        assert_eq!(batch.close, Some(CloseCode::HeartbeatLost.into()));
        assert!(asked.elapsed() >= heartbeat_interval);
        assert!(!lively.outbox.is_closed());
    }

    /// Its signs of life wait behind what it asked for.
    #[tokio::test(start_paused = true)]
    async fn one_who_is_not_read_from_is_not_given_up() {
        let gateway = gateway();
        let heartbeat_interval = gateway.settings().heartbeat_interval;
        let peer = connection(&gateway);
        peer.note_unread(true);
        let unread = Instant::now();
        while unread.elapsed() < heartbeat_interval * 4 {
            advance(SWEEP_EVERY).await;
            yield_now().await;
        }
        assert!(!peer.outbox.is_closed());
        // It is read from again, and found to be dead, in its own time.
        peer.outbox.next(usize::MAX).await;
        peer.note_unread(false);
        let read = Instant::now();
        assert!(peer.outbox.next(usize::MAX).await.ping);
        let batch = peer.outbox.next(usize::MAX).await;
        assert_eq!(batch.close, Some(CloseCode::HeartbeatLost.into()));
        assert!(read.elapsed() >= heartbeat_interval * 2);
    }

    /// Else nobody would be given up for dead by a node that has very many.
    #[tokio::test(start_paused = true)]
    async fn a_sweep_that_takes_long_is_no_standstill() {
        let gateway = gateway();
        let connections: Vec<_> = (0..1_000).map(|_| connection(&gateway)).collect();
        let is_open = |peer: &Arc<Connection>| !peer.outbox.is_closed();
        let mut steps = 0;
        while connections.iter().any(is_open) {
            // As long as others take between a few who are looked after.
            advance(STANDSTILL / 4).await;
            steps += 1;
            assert!(steps < 1_000, "dead peers are kept");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_standstill_amid_a_sweep_nobody_is_given_up_at_once() {
        let gateway = gateway();
        // It shall look after nobody itself.
        gateway.stop().await;
        let peers: Vec<_> = (0..1_000).map(|_| connection(&gateway)).collect();
        advance(SWEEP_EVERY).await;
        let mut last = Instant::now();
        let mut after_standstill = false;
        for peer in &peers {
            peer.ping(last);
        }
        for _ in 0..2 {
            let mut sweep = Sweep::of(&gateway, last);
            sweep.after_standstill = after_standstill;
            let sweeping = tokio::spawn({
                let registry = gateway.registry.clone();
                async move { (sweep.look_after_all(&registry).await, sweep) }
            });
            yield_now().await;
            assert!(!sweeping.is_finished());
            if !after_standstill {
                advance(gateway.settings().heartbeat_interval * 3).await;
            }
            let (stood_still, sweep) = sweeping.await.unwrap();
            assert_eq!(stood_still, !after_standstill);
            (last, after_standstill) = (sweep.now, stood_still);
            assert!(peers.iter().all(|peer| !peer.outbox.is_closed()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_however_many_are_looked_after() {
        let gateway = gateway();
        let connections: Vec<_> = (0..1_000).map(|_| connection(&gateway)).collect();
        let mut sweep = Sweep::of(&gateway, Instant::now());
        sweep.heartbeat_interval = Duration::ZERO;
        let sweeping = tokio::spawn({
            let registry = gateway.registry.clone();
            async move { sweep.look_after_all(&registry).await }
        });
        let mut turns = 0;
        while !sweeping.is_finished() {
            yield_now().await;
            turns += 1;
        }
        assert!(turns > 5, "{turns}");
        for connection in connections {
            let batch = connection.outbox.next(usize::MAX).now_or_never();
            assert!(batch.is_some_and(|batch| batch.ping));
        }
    }
}
