//! API keys that gateways share, in their Redis.

use std::sync::Arc;

use anyhow::{Context, bail};
use causerie_shared::api_key::{ApiKey, KEY_PREFIX};
use causerie_shared::bus::redis::RedisBus;
use causerie_shared::bus::{Bus, connection};
use causerie_shared::config::Settings;
use clap::ArgMatches;

use super::table::{Present, Row, table};
use super::{key_of, make, no_such_key, tenant_of};
use crate::audit::{self, Note, What};
use crate::token::configured;

/// Does what `arguments` ask for.
///
/// # Errors
/// One sentence: Redis cannot be used, no secret is configured, or there is no
/// such tenant or key.
pub async fn execute(arguments: ArgMatches, settings: Arc<Settings>) -> anyhow::Result<String> {
    let bus = connection::try_connect(&settings)
        .await
        .context("the Redis of redis.url (REDIS_URL) cannot be used")?;
    match arguments.subcommand() {
        Some(("create", arguments)) => create(&bus, arguments, &settings).await,
        Some(("list", arguments)) => list(&bus, arguments, &settings).await,
        Some(("revoke", arguments)) => revoke(&bus, arguments, &settings).await,
        Some((other, _)) => bail!("`keys {other}` is no command"),
        None => bail!("say what to do with keys: create, list or revoke"),
    }
}

async fn create(
    bus: &RedisBus,
    arguments: &ArgMatches,
    settings: &Settings,
) -> anyhow::Result<String> {
    let created_ms = bus.clock().now_ms();
    let new = make(arguments, settings, created_ms)?;
    let key = ApiKey {
        tenant: tenant_of(arguments)?.clone(),
        created_ms,
        card: new.card,
    };
    if !bus.add_key(&key).await? {
        bail!("by chance another key has the same public part: try again");
    }
    let note = Note::of_command(What::MakeKey, &key.tenant, &key.card.id);
    audit::keep_of_command(bus, settings, note).await;
    Ok(new.text)
}

async fn list(
    bus: &RedisBus,
    arguments: &ArgMatches,
    settings: &Settings,
) -> anyhow::Result<String> {
    let tenant = tenant_of(arguments)?;
    let stored = bus.keys(tenant).await?;
    if stored.is_empty() {
        configured(tenant, settings)?;
    }
    let rows = stored.iter().map(|stored| Row {
        card: &stored.key.card,
        created_ms: Some(stored.key.created_ms),
        used_ms: stored.used_ms,
    });
    let present = Present::of(settings, bus.clock().now_ms());
    Ok(table(tenant, rows, present))
}

async fn revoke(
    bus: &RedisBus,
    arguments: &ArgMatches,
    settings: &Settings,
) -> anyhow::Result<String> {
    let (tenant, id) = (tenant_of(arguments)?, key_of(arguments)?);
    let stored = bus.key(id).await?;
    let stored = stored.filter(|stored| stored.key.tenant == *tenant);
    let stored = stored.ok_or_else(|| no_such_key(id, tenant))?;
    bus.revoke_key(id).await?;
    let note = Note::of_command(What::RevokeKey, tenant, id);
    audit::keep_of_command(bus, settings, note).await;
    Ok(format!(
        "{KEY_PREFIX}{id} ({}) is revoked",
        stored.key.card.name
    ))
}
