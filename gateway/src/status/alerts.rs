//! What is alarmed about.

use causerie_shared::config;
use causerie_shared::ids::RunId;
use causerie_shared::status::percentile;
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::view::{Node, Silence, View};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// People are not served.
    Critical,
    /// They may soon not be.
    Warning,
    /// Good to know.
    Informational,
}

impl Severity {
    pub(crate) const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Informational];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Informational => "informational",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// Of this time that it is raised.
    pub(crate) id: String,
    /// What names it as long as it stands.
    pub(crate) alert: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// Of what program it is, where it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<f64>,
    pub(crate) raised_ms: u64,
}

impl Alert {
    /// What it is about, without of whom: one of few words, for metrics.
    pub(crate) fn kind(&self) -> &str {
        self.alert
            .split_once(':')
            .map_or(&*self.alert, |(kind, _)| kind)
    }

    fn new(alert: impl Into<String>, severity: Severity, message: String) -> Self {
        Self {
            // It names one raising, as a run's id names one run.
            id: format!("{}{}", RunId::generate(), RunId::generate()),
            alert: alert.into(),
            severity,
            message,
            node: None,
            value: None,
            threshold: None,
            raised_ms: 0,
        }
    }

    fn measured(mut self, value: f64, threshold: f64) -> Self {
        (self.value, self.threshold) = (Some(value), Some(threshold));
        self
    }

    fn of(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// The store cannot be reached from `node`, which only that node can know.
    pub(super) fn of_silence(node: &str, silence: &Silence) -> Self {
        let message =
            format!("Redis does not answer {node}: see whether it runs, and the network.");
        let alert = Self::new(
            format!("store_unreachable:{node}"),
            Severity::Critical,
            message,
        );
        Self {
            id: silence.id.clone(),
            raised_ms: silence.since_ms,
            ..alert.of(node)
        }
    }
}

/// All that is wrong now, by these limits.
pub(super) fn wrong(view: &View, limits: &config::Status) -> Vec<Alert> {
    let shares = [
        connection_success(view, limits),
        delivery_failure(view, limits),
        reconnection(view, limits),
        latency(view, limits),
    ];
    let mut wrong: Vec<_> = shares.into_iter().flatten().collect();
    wrong.extend(gone(view));
    wrong.extend(backends(view));
    for node in view.living() {
        wrong.extend(lag(node, limits));
        wrong.extend(full(node, limits));
    }
    for alert in &mut wrong {
        alert.raised_ms = view.at_ms;
    }
    wrong
}

fn connection_success(view: &View, limits: &config::Status) -> Option<Alert> {
    let counted = view.counted();
    let tried = counted.connects + counted.failed_connects;
    let share = Figures::of(&counted).percent.connection_success?;
    let (severity, limit) = if share < limits.connection_success_critical {
        (Severity::Critical, limits.connection_success_critical)
    } else {
        (Severity::Warning, limits.connection_success_warning)
    };
    let message = format!("{share} % of {tried} connections succeeded: {limit} % should.");
    let alert = format!("connection_success:{}", severity.name());
    let is_wrong = tried >= limits.min_samples && share < limit;
    is_wrong.then(|| Alert::new(alert, severity, message).measured(share, limit))
}

fn delivery_failure(view: &View, limits: &config::Status) -> Option<Alert> {
    let counted = view.counted();
    let due = counted.deliveries + counted.undelivered;
    let share = Figures::of(&counted).percent.delivery_failure?;
    let limit = limits.delivery_failure;
    let message = format!(
        "{share} % of {due} events did not reach a connection, over {limit} %: clients read too \
         slowly, or gateways are too busy."
    );
    let alert = Alert::new("delivery_failure", Severity::Critical, message);
    (due >= limits.min_samples && share > limit).then(|| alert.measured(share, limit))
}

fn reconnection(view: &View, limits: &config::Status) -> Option<Alert> {
    let counted = view.counted();
    let share = Figures::of(&counted).percent.reconnection?;
    let (all, limit) = (counted.connects, limits.reconnection);
    let message =
        format!("{share} % of {all} connections are of clients that had lost one, over {limit} %.");
    let alert = Alert::new("reconnection", Severity::Warning, message);
    (all >= limits.min_samples && share > limit).then(|| alert.measured(share, limit))
}

fn latency(view: &View, limits: &config::Status) -> Option<Alert> {
    let latencies = view.counted().latencies;
    let p95 = percentile(&latencies, 0.95)?.round();
    let limit = limits.latency_p95.as_secs_f64() * 1_000.0;
    let message = format!("5 % of what is published takes over {p95} ms to be delivered.");
    let alert = Alert::new("latency", Severity::Warning, message);
    let count: u64 = latencies.iter().sum();
    (count >= limits.min_samples && p95 > limit).then(|| alert.measured(p95, limit))
}

/// Unless another of that name lives: then it was started again.
fn gone(view: &View) -> impl Iterator<Item = Alert> {
    let gone = view.nodes.iter().filter(|node| node.is_gone);
    let missed = gone.filter(|gone| !view.living().any(|node| node.is_again(gone)));
    missed.map(|node| {
        let (name, program) = (&node.card.node, &node.card.program);
        let message = format!("The {program} {name} is gone: it was killed, hangs or is cut off.");
        let alert = Alert::new(format!("node_gone:{name}"), Severity::Warning, message);
        alert.of(name)
    })
}

fn backends(view: &View) -> impl Iterator<Item = Alert> {
    let backends = view.ai_backends().into_iter();
    let open = backends.filter(|(_, states)| states.contains_key("open"));
    open.map(|(backend, _)| {
        let message = format!("The AI backend {backend} keeps failing, and is left alone for now.");
        Alert::new(format!("ai_backend:{backend}"), Severity::Warning, message)
    })
}

fn lag(node: &Node, limits: &config::Status) -> Option<Alert> {
    let (name, lag) = (&node.card.node, node.card.event_loop_lag_ms.round());
    let limit = limits.event_loop_lag.as_secs_f64() * 1_000.0;
    let message = format!("{name} is {lag} ms late with all that it does: it needs more CPU.");
    let alert = Alert::new(format!("event_loop_lag:{name}"), Severity::Warning, message);
    (lag > limit).then(|| alert.of(name).measured(lag, limit))
}

fn full(node: &Node, limits: &config::Status) -> Option<Alert> {
    let (card, limit) = (&node.card, limits.connections_full);
    let (name, count, most) = (&card.node, card.connected(), card.max_connections);
    let share = (count as f64 / most as f64 * 100.0).round();
    let message = format!("{name} has {count} of its {most} connections: add a gateway.");
    let alert = Alert::new(
        format!("connections_full:{name}"),
        Severity::Informational,
        message,
    );
    (most > 0 && share > limit).then(|| alert.of(name).measured(share, limit))
}

#[cfg(test)]
mod tests {
    use causerie_shared::config::{Loader, Program, SettingsHandle, Sources};
    use causerie_shared::status::{Card, Counted};

    use super::*;

    fn limits() -> config::Status {
        let loader = Loader::new(Program::Standalone, Sources::default()).unwrap();
        let handle = SettingsHandle::load(loader).unwrap();
        handle.current().status.clone()
    }

    fn node(card: Card) -> Node {
        Node {
            run: RunId::generate(),
            shown_ms: 1,
            is_gone: false,
            card,
        }
    }

    fn counted(window: Counted) -> View {
        View {
            nodes: vec![node(Card {
                window,
                ..Card::default()
            })],
            ..View::default()
        }
    }

    fn raised(view: &View) -> Vec<(String, Severity)> {
        let wrong = wrong(view, &limits()).into_iter();
        wrong.map(|alert| (alert.alert, alert.severity)).collect()
    }

    #[test]
    fn each_threshold_is_that_of_the_requirements() {
        use Severity::{Critical, Informational, Warning};
        let connects = |connects, failed_connects| Counted {
            connects,
            failed_connects,
            ..Counted::default()
        };
        let delivered = |deliveries, undelivered| Counted {
            deliveries,
            undelivered,
            ..Counted::default()
        };
        let returned = |returned| Counted {
            connects: 100,
            returned,
            ..Counted::default()
        };
        let mut slow = vec![0; 17];
        (slow[0], slow[11]) = (90, 10);
        let slow = Counted {
            latencies: slow,
            ..Counted::default()
        };
        for (window, expected) in [
            (connects(990, 10), None),
            (
                connects(989, 11),
                Some(("connection_success:warning", Warning)),
            ),
            (
                connects(950, 50),
                Some(("connection_success:warning", Warning)),
            ),
            (
                connects(949, 51),
                Some(("connection_success:critical", Critical)),
            ),
            // Too few to say.
            (connects(1, 18), None),
            (delivered(990, 10), None),
            (delivered(989, 11), Some(("delivery_failure", Critical))),
            (returned(10), None),
            (returned(11), Some(("reconnection", Warning))),
            (slow, Some(("latency", Warning))),
        ] {
            let expected = expected.map(|(alert, severity)| (alert.to_owned(), severity));
            let raised = raised(&counted(window.clone()));
            assert_eq!(raised, Vec::from_iter(expected), "{window:?}");
        }
        let full = View {
            nodes: vec![node(Card {
                node: "gw-1".to_owned(),
                connections: [("websocket".to_owned(), 81)].into(),
                max_connections: 100,
                event_loop_lag_ms: 251.0,
                ai_backends: [("openai".to_owned(), "open".to_owned())].into(),
                ..Card::default()
            })],
            ..View::default()
        };
        let expected = [
            ("ai_backend:openai", Warning),
            ("event_loop_lag:gw-1", Warning),
            ("connections_full:gw-1", Informational),
        ];
        assert_eq!(
            raised(&full),
            expected.map(|(alert, severity)| (alert.to_owned(), severity))
        );
    }

    #[test]
    fn one_that_is_gone_is_missed_until_another_takes_its_name() {
        let card = Card {
            node: "b-1".to_owned(),
            program: "broker".to_owned(),
            ..Card::default()
        };
        let gone = Node {
            is_gone: true,
            ..node(card.clone())
        };
        let mut view = View {
            nodes: vec![gone],
            ..View::default()
        };
        assert_eq!(
            raised(&view),
            [("node_gone:b-1".to_owned(), Severity::Warning)]
        );
        view.nodes.push(node(card));
        assert_eq!(raised(&view), []);
    }
}
