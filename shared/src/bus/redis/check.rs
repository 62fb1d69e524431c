//! What is looked at before a Redis is used.

use std::str::FromStr;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::SetOptions;
use fred::types::config::{Options, Server};

use super::pool::Pool;
use super::{events, names};
use crate::bus::BusError;
use crate::room::Partition;

/// The oldest Redis with sharded channels. Valkey tells such a number too.
const OLDEST: u32 = 7;
/// Of what is stored. A program that stores otherwise raises it.
const FORMAT: u32 = 2;

/// Refuses a Redis that cannot do what is needed, or that belongs to another
/// installation; warns of settings that may lose data.
pub(super) async fn check(pool: &Pool) -> Result<(), BusError> {
    let client = pool.client(Partition::FIRST);
    for server in client.active_connections() {
        let info = pool.ask("check", || info(client, &server)).await?;
        check_version(&server, &info)?;
        for advice in advice(&info) {
            events::setting_may_lose_data(&server, advice);
        }
    }
    check_installation(pool, client).await
}

async fn info(client: &Client, server: &Server) -> Result<String, Error> {
    let node = Options {
        cluster_node: client.is_clustered().then(|| server.clone()),
        ..Options::default()
    };
    client.with_options(&node).info(None).await
}

fn check_version(server: &Server, info: &str) -> Result<(), BusError> {
    let version = field::<String>(info, "redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|text| text.parse().ok());
    if major.is_some_and(|major: u32| major >= OLDEST) {
        return Ok(());
    }
    Err(BusError::Unavailable(format!(
        "{server} is Redis {version}: use Redis {OLDEST} or newer, or Valkey"
    )))
}

/// What an operator should change, one sentence each.
fn advice(info: &str) -> Vec<&'static str> {
    let mut advice = Vec::new();
    let policy = field::<String>(info, "maxmemory_policy");
    if policy.is_some_and(|policy| policy != "noeviction") {
        advice.push("set `maxmemory-policy noeviction`: what Redis evicts is lost");
    }
    if field(info, "aof_enabled") == Some(0) {
        advice.push("set `appendonly yes`: what is not on disk is lost when Redis ends");
    }
    let has_replicas = field::<u32>(info, "connected_slaves").is_some_and(|count| count > 0);
    // Shown only where it is set.
    if has_replicas && !info.contains("min_slaves_good_slaves") {
        advice.push("set `min-replicas-to-write 1`: what no replica has is lost in a fail-over");
    }
    advice
}

fn field<T: FromStr>(info: &str, name: &str) -> Option<T> {
    let values = info.lines().filter_map(|line| line.split_once(':'));
    let mut found = values.filter(|(key, _)| *key == name);
    found.next()?.1.trim().parse().ok()
}

/// Keys are found by the number of partitions, and read by their format: a
/// program that differs in either would find nothing, or nonsense.
async fn check_installation(pool: &Pool, client: &Client) -> Result<(), BusError> {
    let ours = format!("partitions={} format={FORMAT}", Partition::COUNT);
    let stored = pool
        .ask("check", || async {
            let unless_there = Some(SetOptions::NX);
            let () = client
                .set(names::INSTALLATION, &ours, None, unless_there, false)
                .await?;
            client.get::<String, _>(names::INSTALLATION).await
        })
        .await?;
    if stored == ours {
        return Ok(());
    }
    Err(BusError::Unreadable(format!(
        "this Redis belongs to an installation with `{stored}`, this program needs `{ours}`: \
         give it a Redis of its own, or run the program that fits"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\n\
        maxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n\
        # Replication\r\nrole:master\r\nconnected_slaves:1\r\nmin_slaves_good_slaves:1\r\n";

    #[test]
    fn settings_that_may_lose_data_are_named() {
        assert!(advice(GOOD).is_empty());
        for (good, bad, named) in [
            ("noeviction", "allkeys-lru", "maxmemory-policy"),
            ("aof_enabled:1", "aof_enabled:0", "appendonly"),
            ("min_slaves_good_slaves:1\r\n", "", "min-replicas-to-write"),
        ] {
            let advice = advice(&GOOD.replace(good, bad));
            assert!(advice.len() == 1 && advice[0].contains(named), "{advice:?}");
        }
    }

    #[test]
    fn an_old_redis_is_refused() {
        let server = Server::new("127.0.0.1", 6379);
        assert!(check_version(&server, GOOD).is_ok());
        let error = check_version(&server, &GOOD.replace("7.0", "6.2")).unwrap_err();
        assert!(error.to_string().contains("6.2.15"), "{error}");
    }
}
