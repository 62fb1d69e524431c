//! Which server Sentinels take for the primary.
//!
//! In a planned fail-over they know some ten seconds before the former primary does. Till
//! then it takes messages as ever, and they are lost: so nobody is believed but Sentinels.

use std::time::Duration;

use fred::types::config::{Server, ServerConfig};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::address::{Address, CONNECT_TIMEOUT};
use super::dial::{Credentials, NotDialed, ask, in_time};
use super::resp::Frame;
use super::topology::Topology;

/// How long who is named, or was the primary, may take to say what it is, but for the start.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the others are waited for once one has answered: one that is cut off, or slow
/// to hear of a fail-over, may be the first.
const OTHERS: Duration = Duration::from_millis(100);

/// What one of them tells.
struct Told {
    primary: Server,
    /// How often a fail-over was begun until it was so.
    epoch: u64,
}

/// What those tell who know of the latest fail-over. It is never one before the one that
/// is known.
pub(super) async fn look(
    address: &Address,
    known: Option<&Topology>,
) -> Result<Topology, NotDialed> {
    // Who has just started waits for Redis as everywhere.
    let patience = known.map_or(CONNECT_TIMEOUT, |_| PATIENCE);
    let mut told = ask_all(address).await?;
    if let Some(known) = known {
        if told.is_of_no_fail_over(known)
            && let Some(run) = run_of_known(address, known, patience).await
        {
            let named = run_of_primary(address, &told.primary, patience).await;
            if named.is_ok_and(|named| named != run) {
                // Where a fail-over came while they were asked, its number is told by now.
                told = ask_all(address).await?;
                if told.is_of_no_fail_over(known) {
                    return Err(NotDialed::Another(told.primary));
                }
            } else {
                // The same by another name; or what is named cannot be used.
                return Ok(known.clone());
            }
        }
        if told.epoch < known.epoch {
            return Err(NotDialed::Earlier);
        }
        if known.primaries.contains(&told.primary) {
            return Ok(Topology::of_one(told.primary, told.epoch));
        }
    }
    let Told { primary, epoch } = told;
    match run_of_primary(address, &primary, patience).await {
        Ok(_) => Ok(Topology::of_one(primary, epoch)),
        Err(error) => Err(NotDialed::OfPrimary(primary, Box::new(error))),
    }
}

impl Told {
    /// Whether another primary is named than the one that is known, and no fail-over since.
    fn is_of_no_fail_over(&self, known: &Topology) -> bool {
        self.epoch == known.epoch && !known.primaries.contains(&self.primary)
    }
}

/// However slow they are: who found them at the start must find them again. Once one has
/// answered those that hang are not waited for.
async fn ask_all(address: &Address) -> Result<Told, NotDialed> {
    let sentinels = address.config.server.hosts();
    let asked = sentinels
        .into_iter()
        .map(|sentinel| ask_one(address, sentinel));
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut until = Instant::now() + CONNECT_TIMEOUT;
    let mut latest: Result<Told, NotDialed> = Err(NotDialed::Silent(CONNECT_TIMEOUT));
    while let Ok(Some(told)) = timeout_at(until, asked.next()).await {
        match (&latest, told) {
            (Ok(before), Ok(told)) if told.epoch <= before.epoch => {}
            (Ok(_), Err(_)) => {}
            (Ok(_) | Err(_), Ok(told)) => {
                until = until.min(Instant::now() + OTHERS);
                latest = Ok(told);
            }
            (Err(_), Err(error)) => latest = Err(error),
        }
    }
    latest
}

async fn ask_one(address: &Address, sentinel: Server) -> Result<Told, NotDialed> {
    let ServerConfig::Sentinel {
        service_name,
        username,
        password,
        ..
    } = &address.config.server
    else {
        return Err(NotDialed::Nowhere);
    };
    let credentials = Credentials { username, password };
    let mut stream = address.dial_as(credentials, &sentinel).await?;
    // In this order: whom they name is never of a fail-over before that one.
    let master = ask(&mut stream, &["SENTINEL", "MASTER", service_name]).await?;
    // While a fail-over goes on, the answer to that still names the former one.
    let by_name = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service_name];
    let named = ask(&mut stream, &by_name).await?;
    let told = || {
        let epoch = field(master, "config-epoch")?.parse().ok()?;
        let mut named = named.into_list()?.into_iter();
        let (host, port) = (named.next()?, named.next()?);
        let primary = Server::new(host.as_str()?, port.as_str()?.parse().ok()?);
        Some(Told { primary, epoch })
    };
    told().ok_or(NotDialed::Nowhere)
}

/// Of a list of names and what they stand for.
fn field(list: Frame, name: &str) -> Option<String> {
    let list = list.into_list()?;
    let mut pairs = list.chunks_exact(2).filter_map(|pair| match pair {
        [key, value] => Some((key.as_str()?, value.as_str()?)),
        _ => None,
    });
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.to_owned())
}

/// The run of the one that is known; `None` where it does not take itself for the primary
/// any more.
async fn run_of_known(address: &Address, known: &Topology, patience: Duration) -> Option<String> {
    let server = known.primaries.first()?;
    run_of_primary(address, server, patience).await.ok()
}

/// The run of a server that takes itself for the primary: the same by whichever address
/// it is asked.
async fn run_of_primary(
    address: &Address,
    server: &Server,
    patience: Duration,
) -> Result<String, NotDialed> {
    let asked = async {
        let mut stream = address.dial(server).await?;
        let info = ask(&mut stream, &["INFO"]).await?;
        let info = info.as_str().unwrap_or_default();
        let told = |name| info.lines().find_map(|line| line.strip_prefix(name));
        match told("role:") {
            Some("master") => Ok(told("run_id:").unwrap_or_default().to_owned()),
            Some(_) | None => Err(NotDialed::Replica),
        }
    };
    in_time(patience, asked).await
}

#[cfg(test)]
mod tests {
    use causerie_testkit::proxy::Proxy;
    use causerie_testkit::redis::Redis;
    use causerie_testkit::replicated::Replicated;

    use super::*;
    use crate::bus::redis::settings::RedisSettings;

    #[tokio::test]
    async fn one_server_by_two_names_is_one() {
        let redis = Replicated::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let told = look(&address, None).await.unwrap();
        let server = told.primaries.first().unwrap();
        let by_name = Server::new("localhost", server.port);
        let by_name = Topology::of_one(by_name, told.epoch);
        assert_eq!(look(&address, Some(&by_name)).await.unwrap(), by_name);

        // What became a replica, or is none of ours, is left.
        let replica = redis.servers().find(|port| *port != server.port);
        let replica = Server::new("127.0.0.1", replica.unwrap());
        let replica = Topology::of_one(replica, told.epoch);
        assert_eq!(look(&address, Some(&replica)).await.unwrap(), told);
    }

    #[tokio::test]
    async fn sentinels_that_are_slow_are_waited_for() {
        let redis = Replicated::start().await;
        let sentinel = redis.sentinels().next().unwrap();
        let proxy = Proxy::start(sentinel).await;
        proxy.delay(Duration::from_millis(250));
        let url = proxy.url("redis-sentinel") + "/0?sentinelServiceName=causerie";
        let address = Address::new(&RedisSettings::new(url)).unwrap();
        let told = look(&address, None).await.unwrap();

        // Not at the start alone: else no fail-over would be followed.
        let former = Topology::of_one(Server::new("127.0.0.1", 1), told.epoch);
        assert_eq!(look(&address, Some(&former)).await.unwrap(), told);
    }

    #[tokio::test]
    async fn a_primary_that_is_not_there_is_named() {
        let mut redis = Replicated::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let primary = redis.primary().await;
        for server in 0..redis.servers().count() {
            redis.server_mut(server).kill();
        }
        let error = look(&address, None).await.unwrap_err();
        let error = error.in_words(&address.config.server.hosts()).to_string();
        let named = format!("127.0.0.1:{} refuses", redis.server(primary).port());
        assert!(error.contains(&named), "{error}");
    }

    #[tokio::test]
    async fn of_a_primary_that_hangs_it_is_told_how_long_it_was_waited_for() {
        let mut redis = Replicated::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let told = look(&address, None).await.unwrap();
        let another = Topology::of_one(Server::new("127.0.0.1", 1), told.epoch);
        let primary = redis.primary().await;
        redis.server_mut(primary).pause();
        let error = look(&address, Some(&another)).await.unwrap_err();
        let error = error.to_string();
        assert!(error.ends_with("no answer within 1s"), "{error}");
    }

    /// As where they were set up anew: whoever has just started follows them.
    #[tokio::test]
    async fn another_primary_without_a_fail_over_is_told_while_the_known_one_lives() {
        let redis = Replicated::start().await;
        let mut former = Redis::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let told = look(&address, None).await.unwrap();
        let known = Topology::of_one(Server::new("127.0.0.1", former.port()), told.epoch);
        let refused = look(&address, Some(&known)).await.unwrap_err();
        let named = told.primaries.first().unwrap();
        assert!(
            matches!(&refused, NotDialed::Another(one) if one == named),
            "{refused}"
        );
        former.kill();
        assert_eq!(look(&address, Some(&known)).await.unwrap(), told);
    }

    #[tokio::test]
    async fn nobody_goes_back_to_an_earlier_fail_over() {
        let redis = Replicated::start().await;
        let address = Address::new(&RedisSettings::new(redis.url())).unwrap();
        let told = look(&address, None).await.unwrap();
        let later = Topology::of_one(Server::new("127.0.0.1", 1), told.epoch + 1);
        let refused = look(&address, Some(&later)).await.unwrap_err();
        assert!(matches!(refused, NotDialed::Earlier), "{refused}");
        let same = Topology::of_one(Server::new("127.0.0.1", 1), told.epoch);
        assert_eq!(look(&address, Some(&same)).await.unwrap(), told);
    }
}
