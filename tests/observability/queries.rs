//! What dashboards, alerts and docs ask for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What Grafana puts in. A run is short: its rates are those of all of it.
const VARIABLES: [(&str, &str); 3] = [
    ("$__rate_interval", "5m"),
    ("$instance", ".*"),
    ("$tenant", ".*"),
];

/// Metrics of what does not come about here: of bugs and attacks, of what was damaged on
/// purpose, of what passes in a moment. They are exported all the same.
pub(crate) const UNCHANGED: [&str; 34] = [
    "causerie_accept_errors_total",
    "causerie_ai_replies_cut_total",
    "causerie_api_key_requests_total",
    "causerie_audit_dropped_total",
    "causerie_broker_bus_retries_total",
    "causerie_broker_config_refused_total",
    "causerie_broker_dead_letters_total",
    "causerie_broker_deltas_sent_again_total",
    "causerie_broker_fenced_total",
    "causerie_broker_given_up_total",
    "causerie_broker_left_behind_total",
    "causerie_broker_places_waiting",
    "causerie_bus_unreadable_records_total",
    "causerie_chat_timeouts_total",
    "causerie_compressed_bytes_total",
    "causerie_compressed_connects_total",
    "causerie_connections_closing",
    "causerie_connections_waiting",
    "causerie_drops_total",
    "causerie_feed_overflows_total",
    "causerie_floods_total",
    "causerie_held_off_total",
    "causerie_key_reload_errors_total",
    "causerie_key_set_fetches_total",
    "causerie_log_lines_dropped_total",
    "causerie_presence_sweeps_total",
    "causerie_redis_connects_failed_total",
    "causerie_redis_looks_failed_total",
    "causerie_rooms_given_up_total",
    "causerie_shard_stalls_total",
    "causerie_snapshots_total",
    "causerie_status_sockets",
    "causerie_uncounted_total",
    "causerie_untrusted_proxy_requests_total",
];

/// The same of what depends on how the machine fares.
pub(crate) const PERHAPS: [&str; 9] = [
    "causerie_broker_bus_retries_total",
    "causerie_broker_queue_depth",
    "causerie_gaps_total",
    "causerie_presence_renewals_total",
    "causerie_redis_connection_errors_total",
    "causerie_repairs_total",
    "causerie_trace_spans_total",
    "causerie_violations_total",
    "causerie_waiting_hung_up_total",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn alerts_file() -> PathBuf {
    root().join("deploy/observability/alerts.yml")
}

/// Each panel's queries, and where they stand.
pub(crate) fn of_dashboards() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    let folder = root().join("deploy/observability/dashboards");
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{}, {}", dashboard["title"], panel["title"]);
                let expression = target["expr"].as_str().unwrap();
                let query = VARIABLES
                    .iter()
                    .fold(expression.to_owned(), |query, (name, value)| {
                        query.replace(name, value)
                    });
                queries.push((place, query));
            }
        }
    }
    assert!(queries.len() > 80, "{}", queries.len());
    queries
}

/// What each alert compares, whether it fires or not: `bool` lets both through.
pub(crate) fn of_alerts() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(alerts_file()).unwrap();
    let mut queries = Vec::new();
    let mut place = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            place = name;
        }
        if let Some(expression) = line.trim().strip_prefix("expr: ") {
            let expression = match expression {
                "|-" => lines.next().unwrap().trim(),
                expression => expression,
            };
            let query = [" > ", " < ", " == "]
                .iter()
                .fold(expression.to_owned(), |query, sign| {
                    query.replace(sign, &format!("{sign}bool "))
                });
            assert!(query.contains("bool"), "{place} compares nothing");
            queries.push((place.to_owned(), query));
        }
    }
    assert!(queries.len() > 30, "{}", queries.len());
    queries
}

/// The metrics of `docs/metrics.md`.
pub(crate) fn documented() -> BTreeSet<String> {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next())
        .filter(|name| name.starts_with("causerie_") || name.starts_with("websocket_"))
        .map(str::to_owned)
        .collect()
}

/// Their names, of histograms without what Prometheus adds.
pub(crate) fn names(series: &[Value]) -> BTreeSet<String> {
    let names = series
        .iter()
        .filter_map(|one| one["metric"]["__name__"].as_str());
    let bare = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let of_histogram = name.ends_with("_seconds_count") || name.ends_with("_ms_count");
        let end = parts.iter().find(|end| name.ends_with(**end));
        match end {
            Some(end) if of_histogram || *end != "_count" => name.trim_end_matches(end).to_owned(),
            Some(_) | None => name.to_owned(),
        }
    };
    names.map(bare).collect()
}

/// Gives something if a metric has changed, or has sprung up with something counted.
pub(crate) fn changed(name: &str) -> String {
    let all = format!(r#"{{__name__=~"{name}|{name}_count"}}[1h]"#);
    format!(
        "max(max_over_time({all}) - min_over_time({all})) > 0 \
         or max(max_over_time({all})) > 0"
    )
}
