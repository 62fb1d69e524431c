//! All that was seen with one look.

use std::collections::BTreeMap;

use causerie_shared::bus::BusError;
use causerie_shared::bus::nodes::Nodes;
use causerie_shared::ids::RunId;
use causerie_shared::status::{Card, Counted};
use serde_json::{Value, json};

use super::alerts::{Alert, Severity};
use super::events;
use super::figures::Figures;

/// A node that showed nothing new in so many answered looks in a row is gone. Looks that
/// nobody answered do not count: then all are silent.
const SILENT_LOOKS: u32 = 3;

/// All that was seen with one look.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// When, by the bus's clock.
    pub(crate) at_ms: u64,
    /// Who looked.
    pub(crate) node: String,
    /// Whether that one watches over all.
    pub(crate) is_watcher: bool,
    /// Since when the bus does not answer, if it does not.
    pub(crate) silence: Option<Silence>,
    /// In the order of their names.
    pub(crate) nodes: Vec<Node>,
    /// What is wrong, as the watcher has found; the worst first.
    pub(crate) shared_alerts: Vec<Alert>,
    /// The same, and what this gateway alone knows.
    pub(crate) alerts: Vec<Alert>,
}

/// A bus that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silence {
    /// Names this one.
    pub(crate) id: String,
    pub(crate) since_ms: u64,
    /// Looks in vain.
    pub(crate) tries: u64,
}

/// A program of the installation.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) run: RunId,
    /// When it has shown itself last.
    pub(crate) shown_ms: u64,
    pub(crate) is_gone: bool,
    pub(crate) card: Card,
}

/// One who looks again and again.
#[derive(Debug)]
pub(crate) struct Looking {
    own: RunId,
    node: String,
    /// When each has shown itself last, and how many looks ago.
    shown: BTreeMap<RunId, (u64, u32)>,
    last: View,
}

impl Looking {
    pub(super) fn new(own: RunId, node: &str) -> Self {
        Self {
            own,
            node: node.to_owned(),
            shown: BTreeMap::new(),
            last: View::default(),
        }
    }

    /// The bus has answered.
    pub(super) fn on_seen(&mut self, at_ms: u64, seen: &Nodes) -> View {
        let mut shown = BTreeMap::new();
        let mut nodes = Vec::new();
        for one in &seen.nodes {
            let silent = match self.shown.get(&one.run) {
                Some((before, silent)) if *before == one.at_ms => silent + 1,
                Some(_) | None => 0,
            };
            shown.insert(one.run, (one.at_ms, silent));
            match serde_json::from_str(&one.card) {
                Ok(card) => nodes.push(Node {
                    run: one.run,
                    shown_ms: one.at_ms,
                    is_gone: silent >= SILENT_LOOKS,
                    card,
                }),
                Err(error) => events::card_unreadable(one.run, &error),
            }
        }
        nodes.sort_by(|a, b| (&a.card.node, a.run).cmp(&(&b.card.node, b.run)));
        self.shown = shown;
        let alerts = alerts(&seen.alerts);
        self.last = View {
            at_ms,
            node: self.node.clone(),
            is_watcher: seen.is_watcher,
            silence: None,
            nodes,
            shared_alerts: alerts.clone(),
            alerts,
        };
        self.last.clone()
    }

    /// It has not: of the others nothing new is known.
    pub(super) fn on_silence(&mut self, at_ms: u64, card: Card, error: &BusError) -> View {
        let silence = self.last.silence.get_or_insert_with(|| Silence {
            id: RunId::generate().to_string(),
            since_ms: at_ms,
            tries: 0,
        });
        silence.tries += 1;
        if silence.tries == 1 {
            events::bus_is_silent(error);
        }
        let alert = Alert::of_silence(&self.node, silence);
        self.last.alerts.clone_from(&self.last.shared_alerts);
        self.last.alerts.insert(0, alert);
        self.last.at_ms = at_ms;
        self.last.node.clone_from(&self.node);
        self.last.is_watcher = false;
        match self.last.nodes.iter_mut().find(|node| node.run == self.own) {
            Some(own) => own.card = card,
            None => self.last.nodes.push(Node {
                run: self.own,
                shown_ms: at_ms,
                is_gone: false,
                card,
            }),
        }
        self.last.clone()
    }
}

impl View {
    /// The nodes that live, as far as is known.
    pub(crate) fn living(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.is_gone)
    }

    /// What all of them together have counted lately.
    pub(crate) fn counted(&self) -> Counted {
        let mut all = Counted::default();
        for node in self.living() {
            all.add(&node.card.window);
        }
        all
    }

    /// One word for all of it.
    pub(crate) fn word(&self) -> &'static str {
        let worst = self.alerts.iter().map(|alert| alert.severity).min();
        if self.silence.is_some() || worst == Some(Severity::Critical) {
            "critical"
        } else if worst == Some(Severity::Warning) {
            "degraded"
        } else {
            "ok"
        }
    }

    /// All of it.
    pub(crate) fn shown(&self) -> Value {
        json!({
            "status": self.word(),
            "at_ms": self.at_ms,
            "node": self.node,
            "is_watcher": self.is_watcher,
            "store": self.store(),
            "connections": self.connections(),
            "figures": Figures::of(&self.counted()),
            "totals": self.totals(),
            "ai_backends": self.ai_backends(),
            "alerts": self.alerts,
            "nodes": self.nodes.iter().map(Node::shown).collect::<Vec<_>>(),
        })
    }

    /// In short.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "status": self.word(),
            "at_ms": self.at_ms,
            "node": self.node,
            "connections": self.connected(),
            "alerts": self.alerts.len(),
            "totals": self.totals(),
        })
    }

    /// Part by part, whether it is well.
    pub(crate) fn health(&self) -> Value {
        let totals = self.totals();
        let some = |of: &str| totals.get(of).and_then(Value::as_u64) > Some(0);
        let backends = self.ai_backends();
        let is_open = |states: &BTreeMap<&str, u64>| states.contains_key("open");
        json!({
            "status": self.word(),
            "at_ms": self.at_ms,
            "checks": {
                "redis": self.silence.is_none(),
                "gateways": some("gateways"),
                "brokers": some("brokers"),
                "nobody_gone": !some("gone"),
                "ai_backends": !backends.values().any(is_open),
            },
            "alerts": self.alerts.len(),
        })
    }

    /// Whether the bus answers.
    pub(crate) fn store(&self) -> Value {
        match &self.silence {
            None => json!({"is_reachable": true}),
            Some(silence) => json!({
                "is_reachable": false,
                "since_ms": silence.since_ms,
                "tries": silence.tries,
            }),
        }
    }

    /// How many connections there are.
    pub(crate) fn connected(&self) -> u64 {
        self.living().map(|node| node.card.connected()).sum()
    }

    /// The same, and where.
    pub(crate) fn connections(&self) -> Value {
        let mut by_transport: BTreeMap<&str, u64> = BTreeMap::new();
        for (transport, count) in self.living().flat_map(|node| &node.card.connections) {
            *by_transport.entry(transport).or_default() += count;
        }
        let gateways = self.living().filter(|node| node.card.max_connections > 0);
        let nodes = gateways.map(|node| {
            let Card {
                node,
                connections,
                max_connections,
                sessions,
                rooms,
                ..
            } = &node.card;
            json!({
                "node": node,
                "connections": connections,
                "max_connections": max_connections,
                "sessions": sessions,
                "rooms": rooms,
            })
        });
        json!({
            "total": self.connected(),
            "by_transport": by_transport,
            "nodes": nodes.collect::<Vec<_>>(),
        })
    }

    /// What all have together.
    pub(crate) fn totals(&self) -> Value {
        let sum = |of: fn(&Card) -> u64| self.living().map(|node| of(&node.card)).sum::<u64>();
        // Each broker tells it of all.
        let most = |of: fn(&Card) -> u64| self.living().map(|node| of(&node.card)).max();
        let of = |program: &str| {
            let of_it = self.living().filter(|node| node.card.program == program);
            of_it.count()
        };
        json!({
            "gateways": of("gateway") + of("standalone"),
            "brokers": of("broker") + of("standalone"),
            "gone": self.nodes.iter().filter(|node| node.is_gone).count(),
            "sessions": sum(|card| card.sessions),
            "rooms": sum(|card| card.rooms),
            "replies_running": sum(|card| card.replies_running),
            "replies_queued": most(|card| card.queued).unwrap_or(0),
            "oldest_waits_ms": most(|card| card.oldest_waits_ms).unwrap_or(0),
            "memory_bytes": sum(|card| card.memory_bytes),
        })
    }

    /// How many nodes find each AI backend in which state.
    pub(crate) fn ai_backends(&self) -> BTreeMap<&str, BTreeMap<&str, u64>> {
        let mut found: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for (backend, state) in self.living().flat_map(|node| &node.card.ai_backends) {
            *found.entry(backend).or_default().entry(state).or_default() += 1;
        }
        found
    }
}

/// Those that stand, the worst first. One that another version has raised may not be
/// understood.
fn alerts(stand: &[(String, String)]) -> Vec<Alert> {
    let alerts = stand.iter();
    let mut alerts: Vec<Alert> = alerts
        .filter_map(|(_, alert)| serde_json::from_str(alert).ok())
        .collect();
    alerts.sort_by(|a, b| (a.severity, &a.alert).cmp(&(b.severity, &b.alert)));
    alerts
}

impl Node {
    /// Whether it is what `gone` was, started again.
    pub(crate) fn is_again(&self, gone: &Self) -> bool {
        let name = |node: &Self| (node.card.node.clone(), node.card.program.clone());
        self.run != gone.run && name(self) == name(gone)
    }

    /// How it fares.
    pub(crate) fn shown(&self) -> Value {
        let card = &self.card;
        json!({
            "node": card.node,
            "program": card.program,
            "run": self.run.to_string(),
            "version": card.version,
            "state": if self.is_gone { "gone" } else { "up" },
            "since_ms": card.since_ms,
            "shown_ms": self.shown_ms,
            "connections": card.connections,
            "max_connections": card.max_connections,
            "sessions": card.sessions,
            "rooms": card.rooms,
            "replies_running": card.replies_running,
            "memory_bytes": card.memory_bytes,
            "cpu": card.cpu,
            "open_files": card.open_files,
            "event_loop_lag_ms": card.event_loop_lag_ms,
            "ai_backends": card.ai_backends,
            "figures": Figures::of(&card.window),
        })
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::bus::nodes::Shown;

    use super::*;

    fn seen(runs: &[(RunId, u64)]) -> Nodes {
        let shown = |(run, at_ms): &(RunId, u64)| Shown {
            run: *run,
            at_ms: *at_ms,
            card: format!(r#"{{"node":"n{run}","connections":{{"websocket":2}}}}"#),
        };
        Nodes {
            nodes: runs.iter().map(shown).collect(),
            ..Nodes::default()
        }
    }

    #[test]
    fn who_is_silent_while_others_speak_is_gone() {
        let (own, other) = (RunId::generate(), RunId::generate());
        let mut looking = Looking::new(own, "gw-1");
        for at_ms in 1..=3 {
            let view = looking.on_seen(at_ms, &seen(&[(own, at_ms), (other, 1)]));
            assert_eq!((view.living().count(), view.word()), (2, "ok"), "{at_ms}");
        }
        // No answer says nothing of the others.
        let away = BusError::Unavailable("away".to_owned());
        for at_ms in 4..=9 {
            let view = looking.on_silence(at_ms, Card::default(), &away);
            assert_eq!((view.living().count(), view.word()), (2, "critical"));
            let silence = view.silence.unwrap();
            assert_eq!((silence.since_ms, silence.tries), (4, at_ms - 3));
        }
        let view = looking.on_seen(10, &seen(&[(own, 10), (other, 1)]));
        assert_eq!((view.living().count(), view.word()), (1, "ok"));
        assert_eq!(view.shown()["connections"]["total"], 2);
        assert_eq!(view.shown()["totals"]["gone"], 1);
        let view = looking.on_seen(11, &seen(&[(own, 11), (other, 11)]));
        assert_eq!(view.living().count(), 2);
    }
}
