//! What a program shows is written down.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

/// All names that begin with `prefix` and stand in quotes in Rust files below
/// `folder`.
fn names_in(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_in(&path, prefix, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|part| part.starts_with(prefix));
            let is_name = |name: &&str| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
            names.extend(quoted.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut shown = BTreeSet::new();
    for part in ["gateway", "broker", "shared"] {
        names_in(&root.join(part).join("src"), "causerie_", &mut shown);
    }
    shown.retain(|name| {
        !["gateway", "broker", "shared"]
            .iter()
            .any(|part| name.strip_prefix("causerie_") == Some(part))
    });
    let page = std::fs::read_to_string(root.join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<String> = rows
        .filter_map(|row| row.split('`').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(shown, documented, "docs/metrics.md and the sources differ");
}
