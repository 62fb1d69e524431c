//! docs/metrics.md: its tables are written from the catalogue; the rest is written by hand.

use std::fmt::Write;
use std::{env, fs};

use causerie_shared::telemetry::catalogue::{Metric, SECTIONS};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_tables_of_metrics_are_current() {
    let current = fs::read_to_string(PAGE).unwrap();
    let mut page = current.clone();
    for (section, metrics) in SECTIONS {
        page = with_table(&page, section, &table(metrics));
    }
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(PAGE, &page).unwrap();
        return;
    }
    assert_eq!(
        current, page,
        "docs/metrics.md is not current; to write its tables again: \
         WRITE_DOCS=1 cargo test -p causerie-shared --test generated"
    );
}

/// The page with this table between the marks of its section.
fn with_table(page: &str, section: &str, table: &str) -> String {
    let begin = format!("<!-- metrics: {section} -->\n");
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("docs/metrics.md has no {begin}"));
    let (_, after) = rest.split_once(END).expect("each table has its end");
    format!("{before}{begin}{table}{END}{after}")
}

fn table(metrics: &[Metric]) -> String {
    let mut table = String::from("| name | type | labels | what |\n|---|---|---|---|\n");
    for metric in metrics {
        let (name, kind, what) = (metric.name, metric.kind.name(), metric.what);
        let labels = match metric.labels {
            "" => String::new(),
            labels => format!("{labels} "),
        };
        writeln!(table, "| `{name}` | {kind} | {labels}| {what} |").unwrap();
    }
    table
}
