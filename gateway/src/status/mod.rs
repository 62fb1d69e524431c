//! How the installation fares: what all its programs show of themselves, looked at again and
//! again by each gateway.
//!
//! - `view`: all that was seen with one look
//! - `alerts`, `recovery`: what is wrong, and what gets right again
//! - `watcher`: what one gateway does about it for all
//! - `figures`: what follows from what was counted
//! - `socket`: `WS /ws/status`
//! - `events`: log lines and metrics

pub(crate) mod alerts;
mod events;
pub(crate) mod figures;
mod recovery;
pub(crate) mod socket;
pub(crate) mod view;
pub(crate) mod watcher;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use causerie_shared::bus::nodes::{Nodes, Showing};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::config::Settings;
use causerie_shared::status::{Card, Pulse};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use alerts::Alert;
use recovery::{Recovery, recoveries};
use view::{Looking, View};
use watcher::{Watcher, keep_silence, with_state};

/// Frames that may wait for one who watches; who misses some gets the newest.
const FRAMES: usize = 64;

/// Most who may watch at one gateway.
const WATCHERS: usize = 64;

/// Most silences of the bus that are remembered until it takes them.
const UNKEPT: usize = 16;

/// How long the last word to the bus may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What a gateway knows of the installation.
#[derive(Debug)]
pub struct Status {
    view: ArcSwap<View>,
    frames: broadcast::Sender<Arc<str>>,
    watchers: Arc<Semaphore>,
    stop: CancellationToken,
}

/// Looks at the installation, for a [`Status`].
pub(crate) struct Watch {
    status: Arc<Status>,
    gateway: Arc<Gateway>,
    pulse: Pulse,
    looking: Looking,
    watcher: Watcher,
    /// What this gateway alone knows, and could not keep yet.
    unkept: VecDeque<(Alert, Recovery)>,
    every: Duration,
}

impl Status {
    /// What is known before the first look, and what looks on until `stop`.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        pulse: Pulse,
        settings: &Settings,
        stop: CancellationToken,
    ) -> (Arc<Self>, Watch) {
        let looking = Looking::new(pulse.run(), &settings.node.name);
        let status = Arc::new(Self {
            view: ArcSwap::from_pointee(View::default()),
            frames: broadcast::Sender::new(FRAMES),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
            stop,
        });
        let watch = Watch {
            status: Arc::clone(&status),
            gateway,
            pulse,
            looking,
            watcher: Watcher::new(settings.status.clone()),
            unkept: VecDeque::new(),
            every: settings.status.interval,
        };
        (status, watch)
    }

    /// What was seen last.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The names of the gateways that live, as they show themselves on the bus now; those
    /// have been found to be gone are left out.
    ///
    /// # Errors
    /// Where the bus does not answer.
    pub(crate) async fn gateways(&self, bus: &dyn Bus) -> Result<Vec<String>, BusError> {
        let shown = bus.show_node(&Showing::nothing()).await?.nodes;
        let view = self.view();
        let is_gone = |run| {
            view.nodes
                .iter()
                .any(|node| node.run == run && node.is_gone)
        };
        let living = shown.iter().filter(|shown| !is_gone(shown.run));
        let cards = living.filter_map(|shown| serde_json::from_str::<Card>(&shown.card).ok());
        let gateways = cards.filter(|card| card.program != "broker");
        Ok(gateways.map(|card| card.node).collect())
    }

    /// Takes over what was seen, and shows it, and what is new of it, to those who watch.
    fn saw(&self, before: &View, view: View, recoveries: &[Recovery]) -> Arc<View> {
        let view = Arc::new(view);
        self.view.store(Arc::clone(&view));
        for (now, then, state) in [(&*view, before, "raised"), (before, &view, "cleared")] {
            let is_new = |alert: &&Alert| !then.alerts.iter().any(|other| other.id == alert.id);
            for alert in now.alerts.iter().filter(is_new) {
                self.send("performance_alert", view.at_ms, &with_state(alert, state));
            }
        }
        for recovery in recoveries {
            self.send("recovery_attempt", view.at_ms, &json!(recovery));
        }
        self.send("system_status_update", view.at_ms, &view.shown());
        view
    }

    fn send(&self, kind: &str, at_ms: u64, data: &Value) {
        // Nobody may be watching.
        let _ = self.frames.send(frame(kind, at_ms, data));
    }
}

impl Watch {
    /// Looks until told to stop; then tells the others that this gateway ends.
    pub(crate) async fn run(mut self) {
        let stop = self.status.stop.clone();
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // To end is not to wait for a bus that does not answer.
            if stop.run_until_cancelled(self.look()).await.is_none() {
                break;
            }
        }
        let last = self.showing(None);
        let _ = timeout(LAST_WORD, self.gateway.bus.show_node(&last)).await;
    }

    async fn look(&mut self) {
        let card = self.pulse.card();
        let seen = self.show(Some(card.encode())).await;
        let at_ms = self.gateway.bus.clock().now_ms();
        let view = match seen {
            Ok(nodes) => self.looking.on_seen(at_ms, &nodes),
            Err(error) => self.looking.on_silence(at_ms, card, &error),
        };
        let before = self.status.view();
        let recoveries = recoveries(&before, &view);
        events::looked(&view);
        let view = self.status.saw(&before, view, &recoveries);
        if let Err(error) = self.follow_up(&before, &view, &recoveries).await {
            events::not_kept(&error);
        }
    }

    /// Does what is to be done about what was seen.
    async fn follow_up(
        &mut self,
        before: &View,
        view: &View,
        recoveries: &[Recovery],
    ) -> Result<(), BusError> {
        let (own, shared): (Vec<_>, Vec<_>) = recoveries
            .iter()
            .cloned()
            .partition(|recovery| recovery.what == "store");
        if let (Some(silence), Some(recovery)) = (&before.silence, own.into_iter().next()) {
            self.unkept.truncate(UNKEPT - 1);
            let alert = Alert::of_silence(&view.node, silence);
            self.unkept.push_front((alert, recovery));
        }
        if view.silence.is_some() {
            return Ok(());
        }
        while let Some((alert, recovery)) = self.unkept.back() {
            keep_silence(&self.gateway, alert, recovery).await?;
            self.unkept.pop_back();
        }
        if view.is_watcher {
            self.watcher.watch(&self.gateway, view, &shared).await?;
        }
        Ok(())
    }

    async fn show(&self, card: Option<String>) -> Result<Nodes, BusError> {
        self.gateway.bus.show_node(&self.showing(card)).await
    }

    fn showing(&self, card: Option<String>) -> Showing {
        Showing {
            run: self.pulse.run(),
            card,
            may_watch: true,
        }
    }
}

/// What those get who watch.
fn frame(kind: &str, at_ms: u64, data: &Value) -> Arc<str> {
    let frame = json!({"ts": at_ms, "type": kind, "data": data});
    frame.to_string().into()
}
