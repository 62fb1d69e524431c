//! No release can do without its protections.
#![allow(clippy::unwrap_used)]

use std::env;
use std::process::{Command, Output};

/// Compiles what names the protections, with the feature or without.
fn compiled(options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .arg("--out-dir")
        .arg(folder.path())
        .args(options)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sabotage.rs"))
        .output()
        .unwrap()
}

#[test]
fn a_release_that_can_do_without_its_protections_does_not_compile() {
    let release = "-Cdebug-assertions=no";
    let debug = "-Cdebug-assertions=yes";
    let sabotaged = r#"--cfg=feature="sabotage""#;
    for options in [&[release] as &[_], &[debug, sabotaged]] {
        let output = compiled(options);
        assert!(output.status.success(), "{options:?}: {output:?}");
    }
    let output = compiled(&[release, sabotaged]);
    assert!(!output.status.success());
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(says.contains("a release must not do without"), "{says}");
}
