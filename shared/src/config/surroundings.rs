//! What a process finds where it runs: its environment, and its host's name.

use std::ffi::OsString;

use super::error::{ConfigError, Source};
use super::load::key_names;
use super::section::{Item, environment_alias, environment_name};

/// The variables that are ours and not empty: an orchestrator that has nothing
/// to say often sets an empty one.
pub(super) fn from_environment(
    keys: &[Item],
    variables: &[(OsString, OsString)],
    warnings: &mut Vec<String>,
) -> Result<Vec<(String, Source, String)>, ConfigError> {
    let mut found = Vec::new();
    for key in key_names(keys) {
        let own = variable(key, environment_name(key), variables, warnings)?;
        let alias = match environment_alias(key) {
            Some(alias) => variable(key, alias.to_owned(), variables, warnings)?,
            None => None,
        };
        if let (Some((name, value)), Some((alias, other))) = (&own, &alias)
            && value != other
        {
            return Err(ConfigError::rule(format!(
                "environment variables {name} ({value}) and {alias} ({other}) both stand for \
                 {key}, and differ: leave one out"
            )));
        }
        let given = own.or(alias);
        found.extend(given.map(|(name, value)| (key.to_owned(), Source::Environment(name), value)));
    }
    Ok(found)
}

/// The variable `name`, which stands for `key`, with its value; `None` where it says
/// nothing.
fn variable(
    key: &str,
    name: String,
    variables: &[(OsString, OsString)],
    warnings: &mut Vec<String>,
) -> Result<Option<(String, String)>, ConfigError> {
    let Some((_, value)) = variables.iter().find(|(n, _)| n.to_str() == Some(&name)) else {
        return Ok(None);
    };
    let value = value
        .to_str()
        .ok_or_else(|| ConfigError::rule(format!("environment variable {name} is not UTF-8")))?;
    let from_kubernetes = key.ends_with("port")
        && ["tcp://", "udp://"]
            .iter()
            .any(|scheme| value.starts_with(scheme));
    if from_kubernetes {
        warnings.push(format!(
            "{name}={value} looks like what Kubernetes sets for a service, and is ignored"
        ));
    }
    let says_something = !from_kubernetes && !value.is_empty();
    Ok(says_something.then(|| (name, value.to_owned())))
}

/// The host's name, this process and four random digits: in a container every
/// process has the id 1, and hosts may share a name.
pub(super) fn node_name() -> String {
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    let host: String = host
        .unwrap_or_default()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    let host = if host.is_empty() { "node" } else { &host };
    format!(
        "{host}-{}-{:04x}",
        std::process::id(),
        rand::random::<u16>()
    )
}
