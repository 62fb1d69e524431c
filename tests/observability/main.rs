//! Dashboards and alerts, asked of a real Prometheus that has watched a story with faults:
//! what they look for is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod faults;
mod queries;
mod story;

use causerie_testkit::prometheus::Prometheus;

use story::Story;

/// One run for all of it: the story takes longer than the questions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dashboards_alerts_and_docs_name_is_in_a_run_with_faults() {
    let prometheus = Prometheus::start(&queries::alerts_file()).await;
    // What has ended shows nothing any more.
    let mut story = Story::start(&prometheus).await;
    story.tell(&prometheus).await;

    let mut wanting = Vec::new();
    for (place, query) in queries::of_dashboards()
        .into_iter()
        .chain(queries::of_alerts())
    {
        if prometheus.query(&query).await.is_empty() {
            wanting.push(format!("{place}: {query}"));
        }
    }
    assert!(wanting.is_empty(), "no data:\n{}", wanting.join("\n"));

    let documented = queries::documented();
    let shown = prometheus.query(r#"group by (__name__) ({__name__=~"causerie_.*|websocket_.*"})"#);
    let shown = queries::names(&shown.await);
    let unknown: Vec<_> = shown
        .iter()
        .filter(|name| !documented.contains_key(*name))
        .collect();
    assert!(
        unknown.is_empty(),
        "exported, but not in docs/metrics.md: {unknown:?}"
    );
    let missing: Vec<_> = documented
        .keys()
        .filter(|name| !shown.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "in docs/metrics.md, but not exported: {missing:?}"
    );

    let elsewhere = queries::that_rise_in_tests();
    let mut still = Vec::new();
    for (name, kind) in &documented {
        let is_seen_to = elsewhere.contains(name) || queries::CONSTANT.contains(&name.as_str());
        let changed = queries::changed(name, kind);
        if !is_seen_to && prometheus.query(&changed).await.is_empty() {
            still.push(name);
        }
    }
    assert!(
        still.is_empty(),
        "these have not changed here, and no other test says `metric_rises` of them: {still:?}"
    );
}
