//! API keys that stand in the configuration, as those of `causerie` do.

use anyhow::bail;
use causerie_shared::clock::Clock;
use causerie_shared::config::Settings;
use clap::ArgMatches;

use super::table::{Present, Row, table};
use super::{key_of, make, no_such_key, tenant_of};
use crate::token::configured;

/// Does what `arguments` ask for.
///
/// # Errors
/// One sentence: no secret is configured, or there is no such tenant or key.
pub fn execute(arguments: &ArgMatches, settings: &Settings) -> anyhow::Result<String> {
    let now_ms = Clock::default().now_ms();
    match arguments.subcommand() {
        Some(("create", arguments)) => create(arguments, settings, now_ms),
        Some(("list", arguments)) => list(arguments, settings, now_ms),
        Some(("revoke", arguments)) => revoke(arguments, settings),
        Some((other, _)) => bail!("`keys {other}` is no command"),
        None => bail!("say what to do with keys: create, list or revoke"),
    }
}

fn create(arguments: &ArgMatches, settings: &Settings, now_ms: u64) -> anyhow::Result<String> {
    let new = make(arguments, settings, now_ms)?;
    let tenant = configured(tenant_of(arguments)?, settings)?;
    // The list stands once in its table, so those that are there go along.
    let instead = if tenant.api_keys.is_empty() {
        ""
    } else {
        ", instead of the api_keys that stand there now"
    };
    let cards = tenant.api_keys.iter().chain([&new.card]);
    // TOML texts of one line each, whatever their names hold.
    let lines: String = cards
        .map(|card| format!("    {},\n", toml_text(&card.to_string())))
        .collect();
    Ok(format!(
        "{}\n# It holds once this is in causerie.toml, under [[tenants]] of {}{instead}:\n\
         api_keys = [\n{lines}]",
        new.text, tenant.id
    ))
}

fn list(arguments: &ArgMatches, settings: &Settings, now_ms: u64) -> anyhow::Result<String> {
    let tenant = configured(tenant_of(arguments)?, settings)?;
    let rows = tenant.api_keys.iter().map(|card| Row {
        card,
        created_ms: None,
        used_ms: None,
    });
    Ok(table(&tenant.id, rows, Present::of(settings, now_ms)))
}

fn revoke(arguments: &ArgMatches, settings: &Settings) -> anyhow::Result<String> {
    let tenant = configured(tenant_of(arguments)?, settings)?;
    let id = key_of(arguments)?;
    if !tenant.api_keys.iter().any(|card| card.id == *id) {
        return Err(no_such_key(id, &tenant.id));
    }
    bail!(
        "the key stands in causerie.toml: take its line out of api_keys of the tenant {}, \
         which the running program notices within two seconds",
        tenant.id
    )
}

/// A basic string of TOML. A name holds no control characters.
fn toml_text(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use causerie_shared::config::{Loader, Program, Sources};

    use super::super::command;
    use super::*;

    /// The settings where the tenant's table has `pasted` in it.
    fn settings(pasted: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("causerie.toml");
        let config = format!(
            "[auth]\napi_key_secret = '0123456789abcdef0123456789abcdef'\n\
             [[tenants]]\nid = 'acme'\nhash = 'acme'\n{pasted}\n[tenants.ai]\nmodel = 'x'\n"
        );
        std::fs::write(&file, config).unwrap();
        let sources = Sources {
            config: Some(file),
            ..Sources::default()
        };
        let loader = Loader::new(Program::Standalone, sources).unwrap();
        loader.load().unwrap()
    }

    /// What `keys create` prints.
    fn created(name: &str, settings: &Settings) -> String {
        let line = ["keys", "create", "--tenant", "acme", "--scope", "read"];
        let line = line.into_iter().chain(["--name", name]);
        let matches = command(Program::Standalone).get_matches_from(line);
        execute(&matches, settings).unwrap()
    }

    #[test]
    fn what_is_printed_may_be_put_in_as_it_is_each_time() {
        let (mut settings, mut made) = (settings(""), Vec::new());
        for name in ["shop", "a \"b\" \\", "till"] {
            let printed = created(name, &settings);
            let is_told = printed.contains("instead of the api_keys");
            assert_eq!(is_told, !made.is_empty(), "{printed}");
            made.push(name);
            let (_, pasted) = printed.split_once('\n').unwrap();
            settings = self::settings(pasted);
            let keys = settings.tenants[0].api_keys.iter();
            let names: Vec<_> = keys.map(|card| card.name.as_str()).collect();
            assert_eq!(names, made);
        }
    }
}
