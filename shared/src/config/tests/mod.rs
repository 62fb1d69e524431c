//! Layers, errors and reload, through the same door as the programs.

mod errors;
mod layers;
mod reloads;
mod risks;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::section::{Defaults, Item, Section, environment_name};
use super::value::HIDDEN;
use super::*;

/// A directory with a configuration file, and what a program was started with.
struct Start {
    dir: tempfile::TempDir,
    program: Program,
    environment: Vec<(OsString, OsString)>,
    set: Vec<String>,
}

impl Start {
    fn new(program: Program, file: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("causerie.toml"), file).unwrap();
        Self {
            dir,
            program,
            environment: Vec::new(),
            set: Vec::new(),
        }
    }

    fn standalone(file: &str) -> Self {
        Self::new(Program::Standalone, file)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.set.push(text.into());
        self
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("causerie.toml")
    }

    fn loader(&self) -> Result<Loader, ConfigError> {
        let sources = Sources {
            config: Some(self.file()),
            environment: self.environment.clone(),
            set: self.set.clone(),
        };
        Loader::new(self.program, sources)
    }

    fn load(&self) -> Settings {
        self.loader().unwrap().load().unwrap()
    }

    /// The sentence that the start ends with, the file's directory left out.
    fn error(&self) -> String {
        let error = self.loader().and_then(|loader| loader.load()).unwrap_err();
        let dir = format!("{}/", self.dir.path().display());
        error.to_string().replace(&dir, "")
    }
}

fn error(program: Program, file: &str) -> String {
    Start::new(program, file).error()
}

const TENANT: &str = "[[tenants]]\nid = 'acme'\nhash = 'a'\n";
const REDIS: &str = "[redis]\nurl = 'redis://localhost'\n";
