//! Settings as they come from a configuration file.

use causerie_shared::config::{Loader, Program, Settings, Sources};

/// What `causerie` makes of `toml`.
pub(crate) fn settings(toml: &str) -> Settings {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("causerie.toml");
    std::fs::write(&file, toml).unwrap();
    let sources = Sources {
        config: Some(file),
        ..Sources::default()
    };
    let loader = Loader::new(Program::Standalone, sources).unwrap();
    loader.load().unwrap()
}

/// Two tenants that take visitors.
pub(crate) const TENANTS: &str = r#"
[[tenants]]
id = "acme"
hash = "h-acme"
origins = ["https://acme.example"]
visitors = true

[[tenants]]
id = "other"
hash = "h-other"
origins = ["https://other.example"]
visitors = true
"#;
