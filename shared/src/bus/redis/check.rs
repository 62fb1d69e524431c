//! What is looked at before a Redis is used.

use std::slice::from_ref;
use std::str::FromStr;
use std::sync::Arc;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::SetOptions;
use fred::types::config::Server;
use futures::future::join_all;

use super::address::Address;
use super::dial::NotDialed;
use super::pool::Pool;
use super::servers::Servers;
use super::topology::Topology;
use super::{events, names};
use crate::bus::BusError;
use crate::room::Partition;

/// The oldest Redis with sharded channels. Valkey tells such a number too.
const OLDEST: u32 = 7;
/// Of what is stored. A program that stores otherwise raises it.
const FORMAT: u32 = 2;

/// The nodes that serve something and can be connected to; warns of the others. Without
/// who serves [`names::INSTALLATION`] nobody knows whether this Redis is the right one.
pub(super) async fn who_answers(
    address: &Address,
    servers: &Servers,
) -> Result<Vec<Server>, BusError> {
    let topology = Arc::clone(&servers.topology().borrow());
    let nodes = topology.primaries.iter();
    let probed = nodes.map(|node| async move { (node, address.probe(node).await) });
    let mut answering = Vec::new();
    for (node, probed) in join_all(probed).await {
        if is_there(&topology, node, probed)? {
            answering.push(node.clone());
        }
    }
    Ok(answering)
}

/// Whether a node that was probed is there; an error where it must be, else a warning.
fn is_there(
    topology: &Topology,
    node: &Server,
    probed: Result<(), NotDialed>,
) -> Result<bool, BusError> {
    let needed = topology.owner_of(names::INSTALLATION);
    match probed {
        Ok(()) => Ok(true),
        Err(error @ (NotDialed::Io(_) | NotDialed::Silent(_))) if Some(node) != needed => {
            events::node_away(node, &error);
            Ok(false)
        }
        Err(error) => Err(error.in_words(from_ref(node))),
    }
}

/// Waits until it is connected to these nodes. Refuses a Redis that cannot do what is
/// needed, or that belongs to another installation; gives the settings that may lose data, one
/// sentence each.
pub(super) async fn check(pool: &Pool, nodes: &[Server]) -> Result<Vec<String>, BusError> {
    let mut warnings = Vec::new();
    let infos = join_all(nodes.iter().map(|node| info_of(pool, node))).await;
    for (node, info) in nodes.iter().zip(infos) {
        match info {
            Ok(info) => {
                check_version(node, &info)?;
                // Where others may take its place, those are asked which it is.
                let is_replica =
                    field::<String>(&info, "role").is_some_and(|role| role != "master");
                if is_replica && !pool.links.address.may_change() {
                    return Err(NotDialed::Replica.in_words(from_ref(node)));
                }
                let of_node =
                    |advice| format!("Redis at {node} may lose what it has confirmed: {advice}");
                warnings.extend(advice(&info).into_iter().map(of_node));
            }
            // It may have gone away since it was probed.
            Err(error) => {
                let probed = pool.links.address.probe(node).await;
                let topology = Arc::clone(&pool.links.servers.topology().borrow());
                if is_there(&topology, node, probed)? {
                    return Err(error);
                }
            }
        }
    }
    check_installation(pool).await?;
    Ok(warnings)
}

async fn info_of(pool: &Pool, node: &Server) -> Result<String, BusError> {
    pool.links.connected_in_time(node).await?;
    let lend = || pool.links.lend_of_node(node);
    pool.ask_of("check", lend, info).await
}

async fn info(client: Client) -> Result<String, Error> {
    client.info(None).await
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
async fn check_installation(pool: &Pool) -> Result<(), BusError> {
    let ours = &format!("partitions={} format={FORMAT}", Partition::COUNT);
    let lend = || pool.links.lend_of_key(names::INSTALLATION);
    let set_and_get = |client: Client| async move {
        let unless_there = Some(SetOptions::NX);
        let () = client
            .set(names::INSTALLATION, ours, None, unless_there, false)
            .await?;
        client.get::<String, _>(names::INSTALLATION).await
    };
    let stored = pool.ask_of("check", lend, set_and_get).await?;
    if stored == *ours {
        return Ok(());
    }
    Err(BusError::Unreadable(format!(
        "this Redis belongs to an installation with `{stored}`, this program needs `{ours}`: \
         give it a Redis of its own, or run the program that fits"
    )))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use causerie_testkit::redis::Redis;
    use causerie_testkit::redis_cluster::RedisCluster;

    use super::*;
    use crate::bus::redis::settings::RedisSettings;

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

    #[tokio::test]
    async fn a_node_that_dies_once_it_was_probed_is_waited_for_only_where_it_is_needed() {
        let mut cluster = RedisCluster::start().await;
        for node in 0..cluster.size() {
            let lives_on = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
            cluster.node(node).command(&lives_on).await;
        }
        let settings = RedisSettings {
            timeout: Duration::from_secs(1),
            ..RedisSettings::new(cluster.url())
        };
        let address = Address::new(&settings).unwrap();
        let servers = Servers::find(&address).await.unwrap();
        let nodes = who_answers(&address, &servers).await.unwrap();
        assert_eq!(nodes.len(), 3);

        let slot = cluster.slot_of(names::INSTALLATION).await;
        let needed = cluster.owner(0, slot).await;
        let other = (needed + 1) % 3;
        // With its replica: nobody takes its place.
        for dies in [other + 3, other] {
            cluster.node_mut(dies).kill();
        }
        let pool = Pool::open(&address, servers, settings.pool);
        check(&pool, &nodes).await.unwrap();

        for dies in [needed + 3, needed] {
            cluster.node_mut(dies).kill();
        }
        check(&pool, &nodes).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_lone_replica_is_refused_at_once() {
        let primary = Redis::start().await;
        let replica = Redis::options().replica_of(&primary).start().await;
        let address = Address::new(&RedisSettings::new(replica.url())).unwrap();
        let servers = Servers::find(&address).await.unwrap();
        let nodes = who_answers(&address, &servers).await.unwrap();
        let pool = Pool::open(&address, servers, 1);
        let error = check(&pool, &nodes).await.unwrap_err().to_string();
        assert!(error.contains("is a replica: name its primary"), "{error}");
    }

    #[test]
    fn an_old_redis_is_refused() {
        let server = Server::new("127.0.0.1", 6379);
        assert!(check_version(&server, GOOD).is_ok());
        let error = check_version(&server, &GOOD.replace("7.0", "6.2")).unwrap_err();
        assert!(error.to_string().contains("6.2.15"), "{error}");
    }
}
