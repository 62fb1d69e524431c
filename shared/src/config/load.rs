//! Puts the layers together: defaults, file, environment, command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::check;
use super::error::{ConfigError, Source};
use super::risks;
use super::section::{Defaults, Entries, Entry, Item, Program, Section, join};
use super::sections::Settings;
use super::surroundings::{from_environment, node_name};
use super::tenant;
use super::types::Secret;

/// The file that is read where none is named, if it exists.
const DEFAULT_FILE: &str = "causerie.toml";
/// Names the file, where `--config` does not.
const FILE_VARIABLE: &str = "CAUSERIE_CONFIG";

/// The text of the configuration file, where there is one.
type File = Result<Option<String>, ConfigError>;

/// What a program was started with.
#[derive(Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// All environment variables; those that are not ours never matter.
    pub environment: Vec<(OsString, OsString)>,
    /// Each `--set key=value`, later ones over earlier ones.
    pub set: Vec<String>,
}

impl Sources {
    /// Those of this process.
    pub fn of_process(config: Option<PathBuf>, set: Vec<String>) -> Self {
        Self {
            config,
            environment: std::env::vars_os().collect(),
            set,
        }
    }
}

/// Reads the configuration, as often as is asked for. What does not come from
/// the file is taken once.
pub struct Loader {
    defaults: Defaults,
    keys: Vec<Item>,
    file: PathBuf,
    file_required: bool,
    environment: Vec<(String, Source, String)>,
    command_line: Vec<(String, String)>,
    warnings: Vec<String>,
    public_port: OnceLock<u16>,
    /// Further files that the settings last loaded name.
    named_files: ArcSwap<Vec<PathBuf>>,
    /// Fingerprint of all files as they were last loaded; they may hold secrets.
    loaded: AtomicU64,
}

impl Loader {
    /// Takes the sources of `program`, and checks those keys that `--set` names.
    ///
    /// # Errors
    /// [`ConfigError`] about the command line or the environment.
    pub fn new(program: Program, sources: Sources) -> Result<Self, ConfigError> {
        let defaults = Defaults {
            program,
            node_name: node_name(),
            visitor_secret: (program == Program::Standalone).then(Secret::generate),
        };
        let mut keys = Vec::new();
        Settings::describe("", &defaults, &mut keys);

        let mut warnings = Vec::new();
        let environment = from_environment(&keys, &sources.environment, &mut warnings)?;
        let command_line = sources
            .set
            .iter()
            .map(|text| assignment(text, &keys))
            .collect::<Result<_, _>>()?;
        let variable = sources
            .environment
            .into_iter()
            .find(|(name, value)| name.to_str() == Some(FILE_VARIABLE) && !value.is_empty());
        let named = sources.config.or(variable.map(|(_, path)| path.into()));
        let file = named.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        Ok(Self {
            defaults,
            keys,
            // A file that is there at the start must not go away later: without
            // it all tenants would be gone.
            file_required: named.is_some() || file.exists(),
            file,
            environment,
            command_line,
            warnings,
            public_port: OnceLock::new(),
            named_files: ArcSwap::default(),
            loaded: AtomicU64::new(0),
        })
    }

    /// What was ignored, and what is of no use, one sentence each.
    pub fn warnings(&self, settings: &Settings) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(risks::risks(settings, self.program()));
        if self.program().has_clients() {
            warnings.extend(check::tenants_out_of_reach(settings));
        }
        if self.program() == Program::Standalone && settings.redis.address().is_some() {
            warnings.push(
                "`causerie` does not use Redis: for a cluster run causerie-gateway and \
                 causerie-broker instead"
                    .into(),
            );
        }
        warnings
    }

    /// What differs from the defaults, by the keys' full names, secrets hidden.
    pub fn changes(&self, settings: &Settings) -> BTreeMap<String, toml::Value> {
        let show = |settings: &Settings| {
            let mut keys = BTreeMap::new();
            settings.show("", &mut keys);
            keys
        };
        let defaults = Settings::read("", &Entries::new(), &self.defaults);
        let defaults = defaults.map(|settings| show(&settings)).unwrap_or_default();
        let mut changes = show(settings);
        changes.retain(|key, value| defaults.get(key) != Some(value));
        if self.has_demo(settings) {
            changes.remove("tenants");
        }
        changes
    }

    /// Whether the tenants are those that `causerie` has without configuration.
    fn has_demo(&self, settings: &Settings) -> bool {
        let port = self.public_port.get().copied();
        let port = port.unwrap_or(settings.websocket.port);
        self.program() == Program::Standalone
            && tenant::demo(port, settings.tls.is_enabled(), &self.defaults)
                .is_ok_and(|demo| demo == settings.tenants)
    }

    /// The program that this configuration is for.
    pub fn program(&self) -> Program {
        self.defaults.program
    }

    /// The file that is read, if it exists.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Tells the port that `websocket.port = 0` became; the origins of the demo
    /// tenant name it.
    pub fn public_port_is(&self, port: u16) {
        // A second listener would not change where the demo page is.
        let _ = self.public_port.set(port);
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is wrong, as one sentence.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        let file = self.read_file();
        let settings = self.read(&file);
        if let Ok(settings) = &settings {
            self.named_files.store(Arc::new(settings.tls.files()));
        }
        self.loaded
            .store(self.fingerprint_with(&file), Ordering::Relaxed);
        settings
    }

    fn read(&self, file: &File) -> Result<Settings, ConfigError> {
        let mut entries = Entries::new();
        if let Some(text) = file.clone()? {
            let table = self.parse_file(&text)?;
            let from = Source::File(self.file.clone());
            flatten("", &table, &self.keys, &from, &mut entries)?;
        }
        for (key, from, value) in &self.environment {
            entries.insert(key.clone(), text_entry(value, from.clone()));
        }
        for (key, value) in &self.command_line {
            entries.insert(key.clone(), text_entry(value, Source::CommandLine));
        }
        let settings = Settings::read("", &entries, &self.defaults)?;
        check::complete(settings, &self.defaults, self.public_port.get().copied())
    }

    /// Of all files as they are now.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint_with(&self.read_file())
    }

    fn fingerprint_with(&self, file: &File) -> u64 {
        let mut hasher = DefaultHasher::new();
        match file {
            Ok(text) => text.hash(&mut hasher),
            Err(error) => error.to_string().hash(&mut hasher),
        }
        for named in &**self.named_files.load() {
            // One that cannot be read is another than one that can.
            std::fs::read(named).ok().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Of all files as they were last loaded.
    pub(super) fn loaded_fingerprint(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    /// The file as it is now; `None` where there is none and none is needed.
    fn read_file(&self) -> File {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.file_required => {
                Ok(None)
            }
            Err(error) => Err(self.file_error(format!("cannot be read: {error}"))),
        }
    }

    fn parse_file(&self, text: &str) -> Result<toml::Table, ConfigError> {
        text.parse().map_err(|error: toml::de::Error| {
            // The error's own text would quote the line, and that may be a secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            let reason = error.message().replace('\n', ", ");
            let advice = if reason.starts_with("duplicate key") {
                "; it is set further up already: put this there"
            } else {
                ""
            };
            self.file_error(format!("is not TOML: line {line}: {reason}{advice}"))
        })
    }

    fn file_error(&self, reason: String) -> ConfigError {
        ConfigError::File {
            path: self.file.clone(),
            reason,
        }
    }
}

fn text_entry(value: &str, from: Source) -> Entry {
    Entry {
        value: value.into(),
        from,
    }
}

/// Turns nested tables into full names, and refuses what is no key.
pub(super) fn flatten(
    prefix: &str,
    table: &toml::Table,
    keys: &[Item],
    from: &Source,
    out: &mut Entries,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let name = join(prefix, name);
        if names_key(keys, &name) {
            let (value, from) = (value.clone(), from.clone());
            out.insert(name, Entry { value, from });
        } else if !names_section(keys, &name) {
            return Err(unknown_key(&name, keys, from));
        } else if let Some(table) = value.as_table() {
            flatten(&name, table, keys, from, out)?;
        } else {
            return Err(ConfigError::BadValue {
                expected: format!("a section, [{name}]"),
                what: format!("is `{value}`"),
                key: name,
                from: from.clone(),
            });
        }
    }
    Ok(())
}

fn names_key(keys: &[Item], wanted: &str) -> bool {
    key_names(keys).any(|name| name == wanted)
}

fn names_section(keys: &[Item], wanted: &str) -> bool {
    keys.iter()
        .any(|item| matches!(item, Item::Section { name, .. } if name == wanted))
}

pub(super) fn key_names(keys: &[Item]) -> impl Iterator<Item = &str> {
    keys.iter().filter_map(|item| match item {
        Item::Key { name, .. } => Some(name.as_str()),
        Item::Section { .. } => None,
    })
}

fn unknown_key(key: &str, keys: &[Item], from: &Source) -> ConfigError {
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(name, key);
    let nearest = key_names(keys)
        .filter(|name| likeness(name) > 0.6)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    ConfigError::UnknownKey {
        key: key.to_owned(),
        from: from.clone(),
        hint: match nearest {
            Some(name) => format!("did you mean `{name}`?"),
            None => "docs/configuration.md lists all keys".into(),
        },
    }
}

fn assignment(text: &str, keys: &[Item]) -> Result<(String, String), ConfigError> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| ConfigError::Assignment(text.to_owned()))?;
    let key = key.trim();
    if names_key(keys, key) {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err(unknown_key(key, keys, &Source::CommandLine))
    }
}
