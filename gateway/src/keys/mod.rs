//! `keys`: makes, lists and revokes the API keys of a tenant's servers.
//!
//! - [`in_redis`]: where gateways share a Redis
//! - [`in_configuration`]: where `causerie` has none, and keys stand in its file

mod in_configuration;
mod in_redis;
mod line;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use causerie_shared::api_key::{KEY_PREFIX, KeyCard, KeyScope, partition_of_keys};
use causerie_shared::config::Settings;
use causerie_shared::ids::{KeyId, TenantId};
use clap::ArgMatches;

use crate::auth::{KeySecret, new_key};
use crate::token::configured;

pub use in_configuration::execute as in_configuration;
pub use in_redis::execute as in_redis;
pub use line::command;

/// A key that was just made.
struct NewKey {
    /// Its whole text, for its owner alone.
    text: String,
    card: KeyCard,
}

/// Makes the key that `create` asks for.
fn make(arguments: &ArgMatches, settings: &Settings, now_ms: u64) -> anyhow::Result<NewKey> {
    let secret = settings.auth.api_key_secret.as_ref();
    let secret = secret.context(
        "API keys are off: set auth.api_key_secret (AUTH_API_KEY_SECRET) to a text of 32 \
         characters or more, the same here and for all gateways",
    )?;
    let tenant = configured(tenant_of(arguments)?, settings)?;
    let id = KeyId::generate(partition_of_keys(&tenant.id));
    let text = new_key(&id);
    let scopes: BTreeSet<KeyScope> = arguments
        .get_many::<String>("scope")
        .into_iter()
        .flatten()
        .filter_map(|name| KeyScope::named(name))
        .collect();
    let lifetime: Option<&Duration> = arguments.get_one("expires");
    let name: &String = arguments.get_one("name").context("--name is missing")?;
    let secret = KeySecret::new(secret);
    let card = KeyCard {
        hash: secret.hash(&text),
        by: Some(secret.name()),
        id,
        scopes,
        until: lifetime.map(|lifetime| (now_ms / 1_000).saturating_add(lifetime.as_secs())),
        name: name.clone(),
    };
    Ok(NewKey { text, card })
}

fn tenant_of(arguments: &ArgMatches) -> anyhow::Result<&TenantId> {
    arguments.get_one("tenant").context("--tenant is missing")
}

fn key_of(arguments: &ArgMatches) -> anyhow::Result<&KeyId> {
    arguments.get_one("key").context("the key is missing")
}

/// What is said of a key that the tenant does not have.
fn no_such_key(id: &KeyId, tenant: &TenantId) -> anyhow::Error {
    anyhow::anyhow!("{tenant} has no API key {KEY_PREFIX}{id}: `keys list` shows those it has")
}

#[cfg(test)]
mod tests {
    use causerie_shared::config::{Loader, Program, Sources};

    use super::line::id_in;
    use super::*;

    const SECRET: &str = "auth.api_key_secret=0123456789abcdef0123456789abcdef";

    fn settings(set: &[&str]) -> Settings {
        let sources = Sources {
            set: set.iter().map(|&text| text.to_owned()).collect(),
            ..Sources::default()
        };
        let loader = Loader::new(Program::Standalone, sources).unwrap();
        loader.load().unwrap()
    }

    fn made(line: &[&str], set: &[&str]) -> anyhow::Result<NewKey> {
        let line = ["keys", "create"].iter().chain(line);
        let matches = command(Program::Gateway).try_get_matches_from(line)?;
        let (_, create) = matches.subcommand().unwrap();
        make(create, &settings(set), 1_700_000_000_000)
    }

    #[test]
    fn a_key_is_made_as_it_was_asked_for() {
        let line = "--tenant demo --scope read --scope publish --name shop --expires 1h";
        let line: Vec<&str> = line.split(' ').collect();
        let NewKey { text, card } = made(&line, &[SECRET]).unwrap();
        assert_eq!(card.scopes, [KeyScope::Publish, KeyScope::Read].into());
        assert_eq!(card.until, Some(1_700_003_600));
        assert_eq!(id_in(&text), Ok(card.id.clone()));
        assert_eq!(id_in(card.id.as_str()), Ok(card.id.clone()));
        // What is kept does not lead back to it.
        let secret = text.rsplit('_').next().unwrap();
        assert!(!card.to_string().contains(secret));
        assert_eq!(card.to_string().parse(), Ok(card));
    }

    #[test]
    fn what_cannot_be_is_one_sentence() {
        for (line, set, why) in [
            (
                vec!["--tenant", "demo", "--scope", "read", "--name", "x"],
                vec![],
                "set auth.api_key_secret (AUTH_API_KEY_SECRET)",
            ),
            (
                vec!["--tenant", "nobody", "--scope", "read", "--name", "x"],
                vec![SECRET],
                "only demo",
            ),
            (
                vec!["--tenant", "demo", "--scope", "write", "--name", "x"],
                vec![SECRET],
                "publish, read, admin",
            ),
            (
                vec!["--tenant", "demo", "--name", "x"],
                vec![SECRET],
                "--scope",
            ),
            (
                vec!["--tenant", "demo", "--scope", "read", "--name", ""],
                vec![SECRET],
                "1 to 64",
            ),
        ] {
            let error = made(&line, &set).err().unwrap().to_string();
            assert!(error.contains(why), "{line:?}: {error}");
        }
        assert!(id_in("ck_").is_err());
    }
}
