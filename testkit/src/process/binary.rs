//! Finds a program of ours, built from the sources as they are now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The path of the program `name`, in the profile that runs.
///
/// Cargo gives a test only the programs of its own package, and builds those of
/// others not at all. So a program that is missing, or older than one of its
/// sources, is built here: a test of yesterday's program would lie. That is looked at
/// once: what starts a program again starts the same.
///
/// # Panics
/// When it does not build.
pub(super) fn find(name: &str) -> PathBuf {
    static FOUND: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = found.get(name) {
        return path.clone();
    }
    let path = crate::profile_dir().join(name);
    if !is_current(&path) {
        build(name);
        assert!(path.is_file(), "cargo build made no {}", path.display());
    }
    found.insert(name.to_owned(), path.clone());
    path
}

/// Cargo writes beside a program which sources it was made of.
fn is_current(program: &Path) -> bool {
    let Some(built) = modified(program) else {
        return false;
    };
    let Ok(sources) = std::fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    // `target: source source …`; a blank inside a path is escaped, and then the
    // path is not found, which only means that cargo is asked.
    let Some((_, sources)) = sources.split_once(": ") else {
        return false;
    };
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_some_and(|at| at <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn build(name: &str) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = crate::profile_dir();
    let profile = profile
        .file_name()
        .expect("a profile's folder has a name")
        .to_string_lossy();
    let profile = if profile == "debug" { "dev" } else { &*profile };
    let output = Command::new(cargo)
        // Of the whole workspace, as ./test builds it: one package alone would be
        // built with fewer features, and everything below it once more.
        .args(["build", "--quiet", "--bin", name, "--profile", profile])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .env("CARGO_TARGET_DIR", crate::target_dir())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo build --bin {name} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
