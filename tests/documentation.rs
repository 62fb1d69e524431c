//! What a program shows is written down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use causerie_shared::protocol::event::Event;
use causerie_shared::telemetry::catalogue::SECTIONS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// All names that begin with `prefix` and stand in quotes in Rust files below
/// `folder`, but for what is documented already.
fn names_in(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("telemetry/catalogue") {
                names_in(&path, prefix, names);
            }
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
    let mut shown = BTreeSet::new();
    for part in ["gateway", "broker", "shared"] {
        for prefix in ["causerie_", "websocket_"] {
            names_in(&root().join(part).join("src"), prefix, &mut shown);
        }
    }
    shown.retain(|name| {
        !["gateway", "broker", "shared"]
            .iter()
            .any(|part| name.strip_prefix("causerie_") == Some(part))
    });
    let metrics = SECTIONS.iter().flat_map(|(_, metrics)| *metrics);
    let documented: BTreeSet<String> = metrics.map(|metric| metric.name.to_owned()).collect();
    assert_eq!(shown, documented, "the catalogue and the sources differ");
}

#[test]
fn every_event_is_documented_with_whether_it_is_durable() {
    let page = read("docs/protocol.md");
    let (_, list) = page.split_once("## Names of events").unwrap();
    let parts: Vec<&str> = list.split('`').skip(1).collect();
    // A name, and what follows it up to the next.
    let documented = parts
        .chunks(2)
        .map(|pair| (pair[0], pair[1].starts_with('*')));
    let events = Event::ALL
        .iter()
        .map(|event| (event.name(), event.is_durable()));
    assert_eq!(events.collect::<BTreeSet<_>>(), documented.collect());
}

/// What stands in `source` behind each `before`, up to the next `end`.
fn all_between<'a>(source: &'a str, before: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    let parts = source.split(before).skip(1);
    parts.filter_map(move |part| part.split(end).next())
}

#[test]
fn every_path_and_close_code_is_documented() {
    let page = read("docs/protocol.md");
    let router = read("gateway/src/http/mod.rs");
    let codes = read("shared/src/protocol/close.rs");
    let (_, codes) = codes.split_once("const fn code(").unwrap();
    let (codes, _) = codes.split_once("const fn reason(").unwrap();
    let paths: Vec<_> = all_between(&router, ".route(\"", '"').collect();
    let codes: Vec<_> = all_between(codes, "=> ", ',').collect();
    assert!(paths.len() > 5 && codes.len() > 5, "{paths:?} {codes:?}");
    for word in paths.into_iter().chain(codes) {
        assert!(page.contains(word), "docs/protocol.md does not say {word}");
    }
}

/// All files below `folder` of which the names end so, but for what was built.
fn files_below(folder: &Path, end: &str, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                files_below(&path, end, files);
            }
        } else if name.ends_with(end) {
            files.push(path);
        }
    }
}

fn sources(end: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(root(), end, &mut files);
    files
}

/// What is said to stop somebody is shown by a test that there is.
#[test]
fn every_test_that_security_names_is_there() {
    let page = read("SECURITY.md");
    let named = all_between(&page, "`", '`').filter_map(|word| word.split_once(".rs::"));
    let named: BTreeSet<_> = named.collect();
    assert!(named.len() > 50, "{named:?}");
    for (file, test) in named {
        let source = read(&format!("{file}.rs"));
        let (before, _) = source
            .split_once(&format!("fn {test}("))
            .unwrap_or_else(|| panic!("no {test} in {file}.rs"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(
            attributes.contains("#[test]") || attributes.contains("#[tokio::test"),
            "{test} in {file}.rs is no test"
        );
    }
}

/// That there is none is said in `SECURITY.md`. The compiler holds it for every crate of
/// the workspace that has the workspace's lints: forbidden, they cannot be lifted.
#[test]
fn no_source_has_unsafe_code() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    for manifest in sources("Cargo.toml") {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let has_lints = text.contains("\n[lints]\nworkspace = true\n");
        let is_top = text.contains("\n[workspace");
        assert!(has_lints || is_top, "{} has no lints", manifest.display());
    }
    assert!(read("fuzz/src/lib.rs").contains("\n#![forbid(unsafe_code)]\n"));
    // What stands outside of the workspace, too. This file holds the words apart.
    let code = ["{", "fn", "impl", "extern", "trait"].map(|next| ["unsafe", next].join(" "));
    for file in sources(".rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let found = code.iter().find(|code| text.contains(code.as_str()));
        assert_eq!(found, None, "{}", file.display());
    }
}

#[test]
fn every_test_of_the_websocket_protocol_is_in_its_table() {
    let page = read("docs/websocket.md");
    let (_, table) = page.split_once("### Conformance").unwrap();
    let named: BTreeSet<String> = all_between(table, "`", '`')
        .filter(|word| word.contains("::"))
        .map(str::to_owned)
        .collect();
    let mut tests = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("gateway/tests/websocket")).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let module = path.file_stem().unwrap().to_str().unwrap();
        let names = all_between(&source, "#[tokio::test]\nasync fn ", '(');
        tests.extend(names.map(|name| format!("{module}::{name}")));
    }
    assert_eq!(
        named, tests,
        "docs/websocket.md and gateway/tests/websocket differ"
    );
}
