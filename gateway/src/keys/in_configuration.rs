//! API keys that stand in the configuration, as those of `causerie` do.

use anyhow::bail;
use causerie_shared::clock::Clock;
use causerie_shared::config::Settings;
use clap::ArgMatches;

use super::table::{Row, table};
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
    let tenant = tenant_of(arguments)?;
    // A TOML text of one line, whatever the name holds.
    let line = toml_text(&new.card.to_string());
    Ok(format!(
        "{}\n# It holds once this is in causerie.toml, under [[tenants]] of {tenant}:\n\
         api_keys = [{line}]",
        new.text
    ))
}

fn list(arguments: &ArgMatches, settings: &Settings, now_ms: u64) -> anyhow::Result<String> {
    let tenant = configured(tenant_of(arguments)?, settings)?;
    let rows = tenant.api_keys.iter().map(|card| Row {
        card,
        created_ms: None,
        used_ms: None,
    });
    Ok(table(&tenant.id, rows, now_ms))
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
