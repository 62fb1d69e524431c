//! Which connections a user has, at all gateways.
//!
//! Nobody keeps a list of them for all: who wants to know asks every gateway over the bus,
//! and each tells those that it has. Who is awaited is told by how all fare
//! ([`Status::gateways`](crate::status::Status::gateways)), so that one that does not answer
//! is named.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causerie_shared::bus::BusError;
use causerie_shared::bus::order::{ConnectionLine, Found, Order, Survey};
use causerie_shared::ids::{TenantId, UserId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::connection::Connection;
use crate::events;
use crate::gateway::Gateway;

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Most connections that one gateway tells.
const MOST: usize = 1_000;

/// Answers that may wait; more gateways than that hardly answer in the same moment.
const QUEUE: usize = 256;

/// What this gateway has asked all others, and not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Surveys {
    open: Mutex<BTreeMap<u64, mpsc::Sender<Found>>>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(crate) struct Surveyed {
    /// In the order in which they came.
    pub(crate) connections: Vec<ConnectionLine>,
    /// Whether a gateway has others.
    pub(crate) has_more: bool,
    /// The names of the gateways that did not answer.
    pub(crate) unanswered: Vec<String>,
}

/// One that is open until this is dropped.
struct Open<'a> {
    surveys: &'a Surveys,
    id: u64,
}

impl Surveys {
    /// Hands on what a gateway has found to whoever waits for it.
    pub(crate) fn on_found(&self, found: &Found) {
        if let Some(asker) = self.lock().get(&found.id) {
            // Who asked may have gone; one for which there is no place is as one that did not
            // answer.
            let _ = asker.try_send(found.clone());
        }
    }

    fn open(&self) -> (Open<'_>, mpsc::Receiver<Found>) {
        let id = rand::random();
        let (asker, found) = mpsc::channel(QUEUE);
        self.lock().insert(id, asker);
        (Open { surveys: self, id }, found)
    }

    /// Whether it is this gateway that asks.
    fn asks(&self, id: u64) -> bool {
        self.lock().contains_key(&id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, mpsc::Sender<Found>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.surveys.lock().remove(&self.id);
    }
}

impl Surveyed {
    fn add(&mut self, found: Found) {
        let of_it = |name: &String| *name == found.node;
        if let Some(answered) = self.unanswered.iter().position(of_it) {
            self.unanswered.remove(answered);
        }
        self.has_more |= found.has_more;
        self.connections.extend(found.connections);
    }
}

impl Gateway {
    /// The connections of a user of `tenant`, here and at the `gateways` of these names, one
    /// of which is this one's.
    ///
    /// # Errors
    /// Where the others cannot be asked.
    pub(crate) async fn survey(
        &self,
        tenant: &TenantId,
        user: &UserId,
        gateways: Vec<String>,
    ) -> Result<Surveyed, BusError> {
        let (open, mut found) = self.surveys.open();
        let survey = Survey {
            id: open.id,
            tenant: tenant.clone(),
            user: user.clone(),
        };
        let mut surveyed = Surveyed {
            unanswered: gateways,
            ..Surveyed::default()
        };
        surveyed.add(self.found(&survey));
        if self.bus.may_others_hear() {
            self.bus.order(&Order::Survey(survey)).await?;
            let all = async {
                while !surveyed.unanswered.is_empty()
                    && let Some(found) = found.recv().await
                {
                    surveyed.add(found);
                }
            };
            // Those that are silent are named.
            let _ = timeout(PATIENCE, all).await;
        }
        let came = |line: &ConnectionLine| (line.connected_at, line.connection_id.clone());
        surveyed.connections.sort_by_cached_key(came);
        events::surveyed(&surveyed.unanswered);
        Ok(surveyed)
    }

    /// Answers what another gateway asks. Of its own connections it need not be told.
    pub(crate) fn on_survey(self: &Arc<Self>, survey: Survey) {
        if self.surveys.asks(survey.id) {
            return;
        }
        let gateway = Arc::clone(self);
        self.hub.spawn(async move {
            let found = Order::Found(gateway.found(&survey));
            if let Err(error) = gateway.bus.order(&found).await {
                events::inquiry_unanswered(&error);
            }
        });
    }

    /// What there is here.
    fn found(&self, survey: &Survey) -> Found {
        let mut theirs = self.registry.of_user(&survey.tenant, &survey.user);
        // One that is being closed is as good as gone.
        theirs.retain(|connection| !connection.outbox.is_closed());
        let lines = theirs.iter().take(MOST);
        Found {
            id: survey.id,
            node: self.settings().node.clone(),
            connections: lines.map(|connection| self.line(connection)).collect(),
            has_more: theirs.len() > MOST,
        }
    }

    fn line(&self, connection: &Connection) -> ConnectionLine {
        let card = self.describe(connection);
        ConnectionLine {
            connection_id: card.connection_id,
            name: card.name,
            transport: card.transport,
            node: card.node,
            connected_at: card.connected_at,
            last_active_at: card.last_active_at,
            room_count: card.rooms.len() as u64,
        }
    }
}
