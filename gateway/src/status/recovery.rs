//! What recovers, or tries to: found by comparing one look with the one before.

use serde::Serialize;

use super::view::{Node, View};

/// A try to recover, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Recovery {
    /// What names it, whoever notices.
    #[serde(skip)]
    pub(super) id: String,
    /// `node`, `ai_backend` or `store`.
    pub(crate) what: &'static str,
    /// Of these, which.
    pub(crate) name: String,
    /// Who has tried.
    pub(crate) node: String,
    /// `tried`, `failed` or `recovered`.
    pub(crate) outcome: &'static str,
    pub(crate) at_ms: u64,
    /// How often it was tried, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries: Option<u64>,
    /// How long it was away, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lasted_ms: Option<u64>,
}

/// What has recovered, or tried to, since `before`.
pub(super) fn recoveries(before: &View, after: &View) -> Vec<Recovery> {
    let mut found = Vec::new();
    if let (Some(silence), None) = (&before.silence, &after.silence) {
        found.push(Recovery {
            id: format!("{}-recovered", silence.id),
            what: "store",
            name: "redis".to_owned(),
            node: after.node.clone(),
            outcome: "recovered",
            at_ms: after.at_ms,
            tries: Some(silence.tries),
            lasted_ms: Some(after.at_ms.saturating_sub(silence.since_ms)),
        });
    }
    for node in after.living() {
        found.extend(returned(before, node));
        let same = before.nodes.iter().find(|other| other.run == node.run);
        if let Some(same) = same {
            found.extend(backends(same, node));
        }
    }
    found
}

/// A node that was gone is there again, or was started again.
fn returned(before: &View, node: &Node) -> Option<Recovery> {
    let was_there = |other: &&Node| other.run == node.run && !other.is_gone;
    let is_new = !before.nodes.iter().any(|other| was_there(&other));
    let mut gone = before.nodes.iter().filter(|other| other.is_gone);
    let gone = gone.find(|gone| gone.run == node.run || node.is_again(gone));
    let gone = gone.filter(|_| is_new)?;
    Some(Recovery {
        id: format!("node-{}-{}", gone.run, node.run),
        what: "node",
        name: node.card.node.clone(),
        node: node.card.node.clone(),
        outcome: "recovered",
        at_ms: node.shown_ms,
        tries: None,
        lasted_ms: Some(node.shown_ms.saturating_sub(gone.shown_ms)),
    })
}

/// A circuit breaker lets a call through to see, and what came of it.
fn backends(before: &Node, after: &Node) -> impl Iterator<Item = Recovery> {
    let backends = after.card.ai_backends.iter();
    backends.filter_map(|(backend, now)| {
        let was = before.card.ai_backends.get(backend)?;
        let outcome = match (was.as_str(), now.as_str()) {
            ("open", "half_open") => "tried",
            ("half_open", "open") => "failed",
            ("open" | "half_open", "closed") => "recovered",
            _ => return None,
        };
        Some(Recovery {
            id: format!("ai-{}-{backend}-{}", after.run, after.shown_ms),
            what: "ai_backend",
            name: backend.clone(),
            node: after.card.node.clone(),
            outcome,
            at_ms: after.shown_ms,
            tries: None,
            lasted_ms: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use causerie_shared::ids::RunId;
    use causerie_shared::status::Card;

    use super::*;

    fn view(run: RunId, breaker: &str, is_gone: bool) -> View {
        let card = Card {
            node: "b-1".to_owned(),
            program: "broker".to_owned(),
            ai_backends: [("openai".to_owned(), breaker.to_owned())].into(),
            ..Card::default()
        };
        View {
            nodes: vec![Node {
                run,
                shown_ms: 5,
                is_gone,
                card,
            }],
            ..View::default()
        }
    }

    #[test]
    fn a_backend_is_tried_and_then_fails_or_recovers() {
        let run = RunId::generate();
        for (was, now, outcome) in [
            ("closed", "open", None),
            ("open", "half_open", Some("tried")),
            ("half_open", "open", Some("failed")),
            ("half_open", "closed", Some("recovered")),
            ("open", "closed", Some("recovered")),
            ("closed", "closed", None),
        ] {
            let found = recoveries(&view(run, was, false), &view(run, now, false));
            let found: Vec<_> = found.iter().map(|one| (one.what, one.outcome)).collect();
            let expected = outcome.map(|outcome| ("ai_backend", outcome));
            assert_eq!(found, Vec::from_iter(expected), "{was} {now}");
        }
    }

    #[test]
    fn a_node_recovers_by_itself_or_by_another_of_its_name() {
        let (run, other) = (RunId::generate(), RunId::generate());
        let gone = view(run, "closed", true);
        for again in [run, other] {
            let mut back = view(again, "closed", false);
            if again == other {
                back.nodes.extend(gone.nodes.clone());
            }
            let found = recoveries(&gone, &back);
            assert_eq!((found.len(), found[0].what), (1, "node"));
            assert_eq!(recoveries(&back, &back), []);
        }
    }
}
