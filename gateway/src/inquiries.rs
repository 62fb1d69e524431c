//! What is asked about a connection, at whichever gateway it is.
//!
//! A connection's id tells which run of a gateway has it. All gateways hear what is asked
//! over the bus, and that one alone answers. Where nobody does, it may be gone, or out of
//! reach: who asked is told that it is not known. Where there can be no other gateway it is
//! known: an earlier run of this one had it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::bus::order::{Answer, ConnectionCard, Inquiry, Order};
use causerie_shared::ids::{ConnectionId, RunId, TenantId};
use causerie_shared::protocol::close::CloseCode;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::connection::Connection;
use crate::events;
use crate::gateway::Gateway;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What this gateway has asked others, and not been told yet.
#[derive(Debug)]
pub(crate) struct Inquiries {
    /// By which this gateway's connections are known.
    pub(crate) run: RunId,
    open: Mutex<BTreeMap<u64, oneshot::Sender<Option<ConnectionCard>>>>,
}

/// Why it is not known what is asked.
#[derive(Debug)]
pub(crate) enum NotKnown {
    /// The bus does not take the question.
    Bus(BusError),
    /// No gateway answers.
    Silence,
}

/// One that is open until this is dropped.
struct Open<'a> {
    inquiries: &'a Inquiries,
    id: u64,
}

impl Default for Inquiries {
    fn default() -> Self {
        Self {
            run: RunId::generate(),
            open: Mutex::default(),
        }
    }
}

impl Inquiries {
    /// Hands an answer on to whoever waits for it.
    pub(crate) fn on_answer(&self, answer: &Answer) {
        if let Some(asker) = self.lock().remove(&answer.id) {
            // Who asked may have gone.
            let _ = asker.send(answer.card.clone());
        }
    }

    fn open(&self) -> (Open<'_>, oneshot::Receiver<Option<ConnectionCard>>) {
        let id = rand::random();
        let (asker, answer) = oneshot::channel();
        self.lock().insert(id, asker);
        let inquiries = self;
        (Open { inquiries, id }, answer)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Option<ConnectionCard>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.inquiries.lock().remove(&self.id);
    }
}

impl Gateway {
    /// What is known of a connection of `tenant`, which is ended where `ends_it`; `None`
    /// where there is none.
    ///
    /// # Errors
    /// Where its gateway cannot be asked, or does not answer.
    pub(crate) async fn inquire(
        &self,
        tenant: &TenantId,
        connection: ConnectionId,
        ends_it: bool,
    ) -> Result<Option<ConnectionCard>, NotKnown> {
        let Some(run) = connection.run() else {
            events::inquired(ends_it, false);
            return Ok(None);
        };
        let (open, answer) = self.inquiries.open();
        let inquiry = Inquiry {
            id: open.id,
            tenant: tenant.clone(),
            connection,
            ends_it,
        };
        let card = if run == self.inquiries.run {
            self.card(&inquiry)
        } else if !self.bus.may_others_hear() {
            None
        } else {
            let asked = self.bus.order(&Order::Inquire(inquiry)).await;
            asked.map_err(NotKnown::Bus)?;
            let Ok(Ok(card)) = timeout(PATIENCE, answer).await else {
                events::inquired_in_vain(ends_it);
                return Err(NotKnown::Silence);
            };
            card
        };
        events::inquired(ends_it, card.is_some());
        Ok(card)
    }

    /// Answers what another gateway asks, if this one is meant.
    pub(crate) fn on_inquiry(self: &Arc<Self>, inquiry: Inquiry) {
        if inquiry.connection.run() != Some(self.inquiries.run) {
            return;
        }
        let gateway = Arc::clone(self);
        self.hub.spawn(async move {
            let card = gateway.card(&inquiry);
            let answer = Order::Answer(Answer {
                id: inquiry.id,
                card,
            });
            if let Err(error) = gateway.bus.order(&answer).await {
                events::inquiry_unanswered(&error);
            }
        });
    }

    /// What is known of a connection here; it is ended where that is asked for.
    fn card(&self, inquiry: &Inquiry) -> Option<ConnectionCard> {
        // One that is being closed is as good as gone.
        let found = self.registry.named(&inquiry.connection);
        let connection = found.filter(|found| !found.outbox.is_closed())?;
        let card = self.describe(&connection);
        let is_theirs = connection.identity().tenant == inquiry.tenant;
        if is_theirs && inquiry.ends_it {
            connection.outbox.close(CloseCode::Disconnected);
            events::connection_ended(&connection);
        }
        is_theirs.then_some(card)
    }

    pub(crate) fn describe(&self, connection: &Connection) -> ConnectionCard {
        let now_ms = self.bus.clock().now_ms();
        let identity = connection.identity();
        ConnectionCard {
            connection_id: connection.id.clone(),
            user_id: identity.user.clone(),
            name: identity.name.as_deref().map(str::to_owned),
            transport: connection.transport.name().to_owned(),
            node: self.settings().node.clone(),
            connected_at: now_ms.saturating_sub(connection.age_ms()),
            last_active_at: now_ms.saturating_sub(connection.idle_ms()),
            rooms: connection.rooms(),
        }
    }
}
