//! What all gateways are told to do with their connections.

use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::order::{Order, OrderHeard, Revocation};
use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::protocol::close::CloseCode;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::auth::Auth;
use crate::connection::Connection;
use crate::events;
use crate::frame::OutFrame;
use crate::gateway::Gateway;

/// How many orders may wait; one that does not fit is looked for.
const QUEUE: usize = 1_024;

/// How often it is looked whether a revocation was missed. The bus tells when one may
/// have been, so this is for what nobody noticed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long to wait before looking again where the bus does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// How far back each look goes behind the one before: clocks differ, and what is written
/// now may bear an earlier time.
const OVERLAP_MS: u64 = 60_000;

/// Carries out what all gateways are told.
pub(crate) struct Orders {
    gateway: Arc<Gateway>,
    auth: Arc<Auth>,
    heard: mpsc::Receiver<OrderHeard>,
    /// How long revocations are remembered, in milliseconds.
    kept_ms: u64,
    /// From when on revocations are looked for.
    since_ms: u64,
}

impl Orders {
    /// Begins to hear orders.
    pub(crate) fn new(gateway: Arc<Gateway>, auth: Arc<Auth>, kept: Duration) -> Self {
        Self {
            heard: gateway.bus.orders(QUEUE),
            gateway,
            auth,
            kept_ms: u64::try_from(kept.as_millis()).unwrap_or(u64::MAX),
            since_ms: 0,
        }
    }

    /// Learns what was revoked before, however long that takes: nobody is to be let in
    /// before.
    pub(crate) async fn learn(&mut self) {
        loop {
            if let Some(revocations) = self.look().await {
                // There are no connections yet that they would end.
                for revocation in &revocations {
                    self.auth.revoked().note(revocation);
                }
                return;
            }
            sleep(RETRY).await;
        }
    }

    /// Carries out orders, for ever.
    pub(crate) async fn run(mut self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                heard = self.heard.recv() => match heard {
                    Some(OrderHeard::Order(order)) => self.carry_out(&order),
                    Some(OrderHeard::Gap) => {
                        looks.reset_immediately();
                        self.gateway.presence.note_missed_statuses();
                    }
                    None => return,
                },
                _ = looks.tick() => {
                    match self.look().await {
                        Some(revocations) => self.catch_up(&revocations),
                        None => looks.reset_after(RETRY),
                    }
                }
            }
        }
    }

    /// The revocations since the last look; `None` where the bus does not answer.
    async fn look(&mut self) -> Option<Vec<Revocation>> {
        let now_ms = self.gateway.bus.clock().now_ms();
        let since_ms = self.since_ms.saturating_sub(OVERLAP_MS);
        let revocations = self.gateway.bus.revocations(since_ms).await;
        let revocations = revocations.inspect_err(events::revocations_unknown).ok()?;
        if revocations.are_all {
            self.since_ms = now_ms;
        }
        let forgotten_ms = now_ms.saturating_sub(self.kept_ms);
        self.auth.revoked().forget(forgotten_ms);
        Some(revocations.found)
    }

    /// Carries out what was missed of these.
    fn catch_up(&self, revocations: &[Revocation]) {
        for revocation in revocations {
            self.on_revocation(revocation);
        }
    }

    fn carry_out(&self, order: &Order) {
        match order {
            Order::Revoke(revocation) => self.on_revocation(revocation),
            Order::Disconnect { tenant, user } => {
                let close = |connection: &Connection| {
                    connection.outbox.close(CloseCode::Disconnected);
                    true
                };
                let ended = self.end(tenant, user, close);
                events::user_disconnected(tenant, ended);
            }
            Order::Status {
                tenant,
                user,
                status,
            } => self.gateway.note_status(tenant, user, *status),
            Order::Inquire(inquiry) => self.gateway.on_inquiry(inquiry.clone()),
            Order::Answer(answer) => self.gateway.inquiries.on_answer(answer),
            Order::Survey(survey) => self.gateway.on_survey(survey.clone()),
            Order::Found(found) => self.gateway.surveys.on_found(found),
        }
    }

    /// Where it says something new, ends the connections that came with such tokens.
    fn on_revocation(&self, revocation: &Revocation) {
        if !self.auth.revoked().note(revocation) {
            return;
        }
        let close = |connection: &Connection| end_if_revoked(&self.auth, connection);
        let (tenant, user) = (&revocation.tenant, &revocation.user);
        let ended = self.end(tenant, user, close);
        events::tokens_revoked(tenant, ended);
    }

    /// Looks at each connection of the user's; how many `close` has ended.
    fn end(&self, tenant: &TenantId, user: &UserId, close: impl Fn(&Connection) -> bool) -> usize {
        let theirs = self.gateway.registry.of_user(tenant, user);
        theirs.iter().filter(|of| close(of)).count()
    }
}

/// Ends a connection where its token is revoked by now; whether it was. Who has just shown
/// a token is to be looked at again once others find the connection: it may have been
/// revoked since it was believed.
pub(crate) fn end_if_revoked(auth: &Auth, connection: &Connection) -> bool {
    let is_revoked = auth.revoked().has(&connection.identity());
    if is_revoked {
        send_away(connection);
    }
    is_revoked
}

fn send_away(connection: &Connection) {
    let content = "Your token was revoked: log in again, then connect anew.";
    let error = ProtocolError::new(ErrorCode::Unauthorized, content).fatal();
    let frame = OutFrame::answer(Event::Error, frame::error(None, &error));
    connection.outbox.push(&frame);
    connection.outbox.close(CloseCode::Unauthorized);
}
