//! Watches over all: one gateway at a time raises alerts and clears them, keeps the chronicle,
//! and tells those tenants who shall hear of it.
//!
//! A watcher may die between any two steps. What it does is done once on the bus all the same:
//! an alert stands or does not, an entry of the chronicle has an id, and so has an event.

use std::collections::{BTreeMap, BTreeSet};

use causerie_shared::bus::BusError;
use causerie_shared::bus::nodes::{Change, Note};
use causerie_shared::config;
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::publish::Publish;
use causerie_shared::room::Room;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::alerts::{Alert, wrong};
use super::events;
use super::figures::Figures;
use super::recovery::Recovery;
use super::view::View;
use crate::actions::publish::publish;
use crate::gateway::Gateway;

/// An alert is cleared when nothing was wrong in so many looks in a row, so that what
/// wavers about its limit is no alert each time.
const CALM_LOOKS: u32 = 3;

/// What the watcher remembers from one look to the next.
#[derive(Debug)]
pub(super) struct Watcher {
    limits: config::Status,
    /// Which raisings the tenants have been told of.
    told: BTreeSet<String>,
    /// In how many looks each alert that stands was not wrong.
    calm: BTreeMap<String, u32>,
    /// When the figures were kept last.
    kept_at: Option<Instant>,
    word: &'static str,
}

impl Watcher {
    pub(super) fn new(limits: config::Status) -> Self {
        Self {
            limits,
            told: BTreeSet::new(),
            calm: BTreeMap::new(),
            kept_at: None,
            word: "ok",
        }
    }

    /// Does what is to be done about what was seen. What fails is done at the next look.
    pub(super) async fn watch(
        &mut self,
        gateway: &Gateway,
        view: &View,
        recoveries: &[Recovery],
    ) -> Result<(), BusError> {
        let wrong = wrong(view, &self.limits);
        for alert in &wrong {
            if !view
                .shared_alerts
                .iter()
                .any(|other| other.alert == alert.alert)
            {
                self.raise(gateway, alert).await?;
            }
        }
        for alert in &view.shared_alerts {
            self.tell_raised(gateway, alert).await;
            if wrong.iter().any(|other| other.alert == alert.alert) {
                self.calm.remove(&alert.alert);
            } else {
                self.soothe(gateway, alert, view.at_ms).await?;
            }
        }
        for recovery in recoveries {
            keep_recovery(gateway, recovery).await?;
            self.tell(gateway, "recovery_attempt", &json!(recovery), None)
                .await;
        }
        self.keep_figures(gateway, view).await
    }

    async fn raise(&mut self, gateway: &Gateway, alert: &Alert) -> Result<(), BusError> {
        let entry = entry("alert_raised", &json!(alert));
        let note = Note {
            id: alert.id.clone(),
            change: Change::Raise(alert.alert.clone()),
            entry,
        };
        if gateway.bus.note(&note).await? {
            events::raised(alert);
            self.tell_raised(gateway, alert).await;
        }
        Ok(())
    }

    /// One who has just become the watcher does not know what the one before has told: the
    /// event's id does.
    async fn tell_raised(&mut self, gateway: &Gateway, alert: &Alert) {
        if self.told.insert(alert.id.clone()) {
            let data = with_state(alert, "raised");
            let id = format!("{}-raised", alert.id);
            self.tell(gateway, "performance_alert", &data, Some(id))
                .await;
        }
    }

    async fn soothe(
        &mut self,
        gateway: &Gateway,
        alert: &Alert,
        now_ms: u64,
    ) -> Result<(), BusError> {
        let looks = self.calm.entry(alert.alert.clone()).or_default();
        *looks += 1;
        if *looks < CALM_LOOKS {
            return Ok(());
        }
        let data = with_state(alert, "cleared");
        // First, since nobody would know of it who comes later.
        let id = format!("{}-cleared", alert.id);
        self.tell(gateway, "performance_alert", &data, Some(id))
            .await;
        let told = with(
            json!(alert),
            [
                ("cleared_ms", now_ms.into()),
                ("lasted_ms", now_ms.saturating_sub(alert.raised_ms).into()),
            ],
        );
        let note = Note {
            id: format!("{}-cleared", alert.id),
            change: Change::Clear(alert.alert.clone()),
            entry: entry("alert_cleared", &told),
        };
        if gateway.bus.note(&note).await? {
            events::cleared(alert);
        }
        self.calm.remove(&alert.alert);
        self.told.remove(&alert.id);
        Ok(())
    }

    /// Now and then, and whenever all of it has another word.
    async fn keep_figures(&mut self, gateway: &Gateway, view: &View) -> Result<(), BusError> {
        let every = self.limits.history_every;
        let is_due = self.kept_at.is_none_or(|at| at.elapsed() >= every);
        if !is_due && view.word() == self.word {
            return Ok(());
        }
        let summary = view.summary();
        self.tell(gateway, "system_status_update", &summary, None)
            .await;
        self.word = view.word();
        if is_due {
            let figures = json!(Figures::of(&view.counted()));
            let kept = with(summary, [("figures", figures)]);
            let note = Note::new(Change::None, entry("figures", &kept));
            gateway.bus.note(&note).await?;
            self.kept_at = Some(Instant::now());
        }
        Ok(())
    }

    /// Tells the tenants who shall hear of it. Of what they were not told there is the
    /// chronicle.
    async fn tell(&self, gateway: &Gateway, kind: &str, data: &Value, id: Option<String>) {
        let event = Publish {
            rooms: Vec::new(),
            kind: kind.into(),
            data: data.clone(),
            is_durable: id.is_some(),
        };
        let id = id.and_then(|id| ClientId::new(id).ok());
        for tenant in &self.limits.tenants {
            let told = publish(gateway, tenant, vec![Room::Tenant], &event, id.clone()).await;
            if let Err(error) = told {
                events::not_told(kind, &error);
            }
        }
    }
}

/// Keeps what nobody could keep while the bus was silent: what this gateway alone knows.
pub(super) async fn keep_silence(
    gateway: &Gateway,
    alert: &Alert,
    recovery: &Recovery,
) -> Result<(), BusError> {
    let cleared = with(
        json!(alert),
        [
            ("cleared_ms", recovery.at_ms.into()),
            ("lasted_ms", recovery.lasted_ms.into()),
        ],
    );
    for (kind, what) in [("alert_raised", json!(alert)), ("alert_cleared", cleared)] {
        let note = Note {
            id: format!("{}-{kind}", alert.id),
            change: Change::None,
            entry: entry(kind, &what),
        };
        gateway.bus.note(&note).await?;
    }
    keep_recovery(gateway, recovery).await
}

async fn keep_recovery(gateway: &Gateway, recovery: &Recovery) -> Result<(), BusError> {
    let note = Note {
        id: recovery.id.clone(),
        change: Change::None,
        entry: entry("recovery", &json!(recovery)),
    };
    if gateway.bus.note(&note).await? {
        events::recovered(recovery);
    }
    Ok(())
}

/// What those are told who hear of an alert.
pub(super) fn with_state(alert: &Alert, state: &str) -> Value {
    with(json!(alert), [("state", state.into())])
}

/// An entry of the chronicle: an object in JSON that says of which kind it is.
pub(crate) fn entry(kind: &str, what: &Value) -> String {
    with(what.clone(), [("kind", kind.into())]).to_string()
}

/// An object with more members.
pub(crate) fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}
