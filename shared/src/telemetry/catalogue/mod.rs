//! What every metric of ours means: `/metrics` tells it as `# HELP`, and the tables of
//! docs/metrics.md are written from it. That each metric which is counted stands here, and
//! each that stands here is counted, tests hold.

mod access;
mod before;
mod broker;
mod connections;
mod delivery;
mod programs;
mod requests;
mod status;
mod tenants;

/// All metrics, by the table of docs/metrics.md that shows them.
pub const SECTIONS: [(&str, &[Metric]); 9] = [
    ("connections", connections::METRICS),
    ("delivery", delivery::METRICS),
    ("requests", requests::METRICS),
    ("access", access::METRICS),
    ("status", status::METRICS),
    ("before", before::METRICS),
    ("broker", broker::METRICS),
    ("tenants", tenants::METRICS),
    ("programs", programs::METRICS),
];

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// Of what type it is.
    pub kind: Kind,
    /// Its labels, as Markdown: empty where it has none.
    pub labels: &'static str,
    /// What it tells, as Markdown whose links are seen from `docs/`.
    pub what: &'static str,
}

/// Of what type a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// How many of each size there were.
    Histogram,
}

impl Kind {
    /// In Prometheus's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const fn counter(name: &'static str, labels: &'static str, what: &'static str) -> Metric {
    metric(name, Kind::Counter, labels, what)
}

const fn gauge(name: &'static str, labels: &'static str, what: &'static str) -> Metric {
    metric(name, Kind::Gauge, labels, what)
}

const fn histogram(name: &'static str, labels: &'static str, what: &'static str) -> Metric {
    metric(name, Kind::Histogram, labels, what)
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static str,
    what: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        what,
    }
}

/// Tells the recorder of this process what its metrics mean.
pub(super) fn describe() {
    for metric in SECTIONS.iter().flat_map(|(_, metrics)| *metrics) {
        let help = plain(metric.what);
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, help),
        }
    }
}

/// Markdown as text: without marks of code, and of links only their words.
fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        let (words, after) = link.split_once("](").unwrap_or((link, ")"));
        text.push_str(words);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_text() {
        let links = "times a `key` was read ([how](a.md#b)), or [not](c.md) at all";
        assert_eq!(plain(links), "times a key was read (how), or not at all");
        assert_eq!(plain("open connections"), "open connections");
    }

    #[test]
    fn every_metric_stands_here_once() {
        let all = SECTIONS.iter().flat_map(|(_, metrics)| *metrics);
        let names: Vec<&str> = all.map(|metric| metric.name).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
    }
}
