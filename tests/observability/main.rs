//! Dashboards and alerts, asked of a real Prometheus that has watched a story with faults:
//! what they look for is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

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
    let unknown: Vec<_> = shown.difference(&documented).collect();
    assert!(
        unknown.is_empty(),
        "exported, but not in docs/metrics.md: {unknown:?}"
    );
    let missing: Vec<_> = documented.difference(&shown).collect();
    assert!(
        missing.is_empty(),
        "in docs/metrics.md, but not exported: {missing:?}"
    );

    let mut still = Vec::new();
    for name in &shown {
        let is_left_out = [&queries::UNCHANGED[..], &queries::PERHAPS[..]]
            .concat()
            .contains(&name.as_str());
        if !is_left_out && prometheus.query(&queries::changed(name)).await.is_empty() {
            still.push(name);
        }
    }
    assert!(still.is_empty(), "these have not changed: {still:?}");
}
