//! All nodes are restarted in turn by SIGTERM while people talk, who go by the
//! protocol: nothing that they do is refused, and they do not all come back at
//! once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::round::Round;
use causerie_loadtest::check::{Rules, check};
use causerie_loadtest::ledger::{self, ClientEvent, Entry, What};
use causerie_testkit::storage::StorageKind;

const PEOPLE: usize = 60;
const SEED: u64 = 1;

/// Over how many milliseconds a gateway spreads those whom it sends away.
const WINDOW_MS: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_refuses_nothing_and_spreads_those_who_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let plan = ledger::Round {
        seed: SEED,
        people: PEOPLE,
        faults: vec![Kind::RollingRestart.name().to_owned()],
        commit: "unknown".to_owned(),
    };
    let round = Round::start(StorageKind::Durable, &plan, &path)
        .await
        .unwrap();
    round.run(&[Kind::RollingRestart], |_| ()).await.unwrap();
    let entries: Vec<Entry> = ledger::read(&path).unwrap().map(Result::unwrap).collect();

    let refused: Vec<_> = entries.iter().filter(|entry| is_refusal(entry)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let verdict = check(entries.clone(), Rules::default());
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);

    let returns = returns(&entries);
    assert!(returns.len() >= PEOPLE, "all were sent away: {returns:?}");
    for back in &returns {
        assert!(back.told_ms <= WINDOW_MS, "{back:?}");
        assert!(back.after_ms >= back.told_ms, "too early: {back:?}");
    }
    for quarter in 0..4 {
        let (from, to) = (quarter * WINDOW_MS / 4, (quarter + 1) * WINDOW_MS / 4);
        let within = |back: &&Return| (from..to).contains(&back.after_ms);
        let share = returns.iter().filter(within).count();
        assert!(
            share * 20 >= returns.len(),
            "{share} came back between {from} and {to} ms: {returns:?}"
        );
    }
}

/// That a session is busy, or a reply that was to be cancelled has ended, is
/// what was asked for, restart or not.
fn is_refusal(entry: &Entry) -> bool {
    matches!(&entry.what, What::Client { event: ClientEvent::Refused { code, .. }, .. }
        if !["conflict", "not_found"].contains(&code.as_str()))
}

/// One who was sent away, and is back.
#[derive(Debug)]
struct Return {
    /// How long the gateway told it to wait.
    told_ms: u64,
    /// After what time it was ready elsewhere.
    after_ms: u64,
}

/// Of all who were sent away, in the order of their return.
fn returns(entries: &[Entry]) -> Vec<Return> {
    let (mut away, mut returns) = (BTreeMap::new(), Vec::new());
    for Entry { at, what } in entries {
        let What::Client { client, event } = what else {
            continue;
        };
        if let ClientEvent::Closed { code, reason } = event
            && *code == Some(1012)
        {
            let ms = reason.strip_prefix("reconnect after=").expect("a time");
            away.insert(client, (*at, ms.parse().expect("milliseconds")));
        }
        if *event == ClientEvent::Opened
            && let Some((since, told_ms)) = away.remove(client)
        {
            let after_ms = (at - since) / 1_000;
            returns.push(Return { told_ms, after_ms });
        }
    }
    assert!(away.is_empty(), "never came back: {away:?}");
    returns
}
