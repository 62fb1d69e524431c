//! What dashboards, alerts and docs ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use causerie_shared::telemetry::catalogue::SECTIONS;
use serde_json::Value;

/// What Grafana puts in. A run is short: its rates are those of all of it.
const VARIABLES: [(&str, &str); 3] = [
    ("$__rate_interval", "5m"),
    ("$instance", ".*"),
    ("$tenant", ".*"),
];

/// Metrics that say what a program is: they stay as they are.
pub(crate) const CONSTANT: [&str; 1] = ["causerie_info"];

/// Where the tests of the crates stand.
const CRATES: [&str; 5] = ["broker", "gateway", "shared", "standalone", "tests"];

/// With what a test says that it changes a metric, which fails where that does not rise.
const RISES: &str = ".metric_rises(\"";

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

/// The metrics that are documented, with what kind each is of.
pub(crate) fn documented() -> BTreeMap<String, String> {
    let metrics = SECTIONS.iter().flat_map(|(_, metrics)| *metrics);
    metrics
        .map(|metric| (metric.name.to_owned(), metric.kind.name().to_owned()))
        .collect()
}

/// The metrics that tests beside this one see rise.
pub(crate) fn that_rise_in_tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in CRATES.iter().flat_map(|name| sources(&root().join(name))) {
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().map(str::trim);
        // A call may go over several lines.
        let code: String = lines.filter(|line| !line.starts_with("//")).collect();
        let calls = code.split(RISES).skip(1);
        let names = calls.filter_map(|call| call.split('"').next());
        found.extend(names.map(str::to_owned));
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
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

/// Gives something if a metric has changed: one that counts if it has sprung up with
/// something counted too, one that shows a state only if that was another before.
pub(crate) fn changed(name: &str, kind: &str) -> String {
    let all = format!(r#"{{__name__=~"{name}|{name}_count"}}[1h]"#);
    let change = format!("max(max_over_time({all}) - min_over_time({all})) > 0");
    match kind {
        "gauge" => change,
        _ => format!("{change} or max(max_over_time({all})) > 0"),
    }
}
