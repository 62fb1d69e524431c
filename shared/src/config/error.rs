//! What is wrong with a configuration, as one sentence for the operator.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the configuration file.
    File(PathBuf),
    /// In the environment variable of this name.
    Environment(String),
    /// With `--set`.
    CommandLine,
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => f.write_str("given by --set"),
            Self::Default => f.write_str("by default"),
        }
    }
}

/// Why a program does not start. Its text is one sentence that names the key,
/// the value and what is allowed; a secret's value is never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No key has this name.
    #[error("`{key}` ({from}) is not a key of the configuration; {hint}")]
    UnknownKey {
        /// The name as it was given.
        key: String,
        /// Where it was given.
        from: Source,
        /// The nearest key, or where all keys are listed.
        hint: String,
    },
    /// The key does not take this value.
    #[error("{key} {what} ({from}), but must be {expected}")]
    BadValue {
        /// The key's full name.
        key: String,
        /// What it is: its value as it was given, or what of a secret can be
        /// told.
        what: String,
        /// Where it was given.
        from: Source,
        /// What is allowed.
        expected: String,
    },
    /// The file cannot be read, or is not TOML.
    #[error("the configuration file {} {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `--set` was not given a key and a value.
    #[error("--set takes key=value, such as websocket.port=8080, not `{0}`")]
    Assignment(String),
    /// Values that are each allowed do not go together.
    #[error("{0}")]
    Rule(String),
}

impl ConfigError {
    /// A rule across keys is broken.
    pub(super) fn rule(sentence: impl Into<String>) -> Self {
        Self::Rule(sentence.into())
    }
}
