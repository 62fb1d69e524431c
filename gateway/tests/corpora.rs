//! Replays the corpora of the fuzz targets, `fuzz/corpus`: what was once found stays
//! found, and each target reaches what it is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

use std::collections::BTreeSet;
use std::path::Path;

/// The modules that the fuzz targets are made of.
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// What a clone should not have to carry.
const MAX_CORPUS_BYTES: usize = 200_000;

/// Holds that all of a target's corpus is as it must be, and reaches what it `reaches`.
fn replay(target: &str, reaches: &[&str], run: fn(&[u8], fuzz::Reach<'_>)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("fuzz/corpus").join(target);
    let (mut reached, mut bytes) = (BTreeSet::new(), 0);
    for entry in std::fs::read_dir(folder).expect("a corpus") {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        bytes += input.len();
        // Says which one it was, where it fails.
        eprintln!("{}", path.display());
        run(&input, &mut |what| {
            reached.insert(what);
        });
    }
    let missing: Vec<_> = reaches
        .iter()
        .filter(|what| !reached.contains(*what))
        .collect();
    assert!(
        missing.is_empty(),
        "no input reaches {missing:?}, only {reached:?}"
    );
    assert!(bytes <= MAX_CORPUS_BYTES, "{bytes} bytes");
}

#[test]
fn frames() {
    replay("frames", fuzz::frames::REACHES, fuzz::frames::run);
}

#[test]
fn messages() {
    replay("messages", fuzz::messages::REACHES, fuzz::messages::run);
}

#[test]
fn names() {
    replay("names", fuzz::names::REACHES, fuzz::names::run);
}

#[test]
fn tokens() {
    replay("tokens", fuzz::tokens::REACHES, fuzz::tokens::run);
}

#[test]
fn headers() {
    replay("headers", fuzz::headers::REACHES, fuzz::headers::run);
}

#[test]
fn records() {
    replay("records", fuzz::records::REACHES, fuzz::records::run);
}
