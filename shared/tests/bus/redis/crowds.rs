//! Counting who comes costs Redis little, however many come at once.

use std::time::Duration;

use causerie_shared::bus::allowance::{Allowance, Taken};
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::rate::Rate;
use causerie_shared::room::Partition;
use causerie_testkit::DEADLINE;
use causerie_testkit::redis::Redis;
use futures::future::join_all;
use tokio::time::Instant;

const CROWD: usize = 1_000;

/// What one address of the crowd's is allowed.
const OF_ADDRESS: u32 = 100;

async fn start() -> (Redis, RedisBus) {
    let redis = Redis::start().await;
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default()).await;
    (redis, bus.unwrap())
}

async fn scripts_run(redis: &Redis) -> usize {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let calls = |command: &str| {
        let name = format!("cmdstat_{command}:calls=");
        let found = stats.lines().find_map(|line| line.strip_prefix(&name));
        found.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    };
    calls("eval") + calls("evalsha")
}

fn an_hour(count: u32) -> Allowance {
    let per = Duration::from_secs(3_600);
    let burst = count;
    Allowance {
        what: "connections",
        rate: Rate { count, per, burst },
    }
}

/// What a crowd of users with one address between them is told, each of them and their
/// address; fails where the machine is too busy to answer all in time.
async fn count(
    bus: &RedisBus,
    users: &[String],
    address: &str,
) -> Result<[Vec<Taken>; 2], BusError> {
    let (one, some) = ([an_hour(1)], [an_hour(OF_ADDRESS)]);
    let of_users = users.iter().map(|user| bus.take(user, &one));
    let of_address = users.iter().map(|_| bus.take(address, &some));
    let (of_users, of_address) = futures::join!(join_all(of_users), join_all(of_address));
    let all = |taken: Vec<_>| taken.into_iter().collect::<Result<Vec<Taken>, BusError>>();
    Ok([all(of_users)?, all(of_address)?])
}

#[tokio::test]
async fn a_crowd_is_counted_with_few_scripts_and_each_of_it_is() {
    let (redis, bus) = start().await;
    let deadline = Instant::now() + DEADLINE;
    let mut round = 0;
    let (users, [of_users, of_address], scripts) = loop {
        round += 1;
        let users: Vec<_> = (0..CROWD)
            .map(|at| format!("user:acme:u{round}-{at}"))
            .collect();
        let before = scripts_run(&redis).await;
        match count(&bus, &users, &format!("ip:192.0.2.{round}")).await {
            Ok(taken) => break (users, taken, scripts_run(&redis).await - before),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    assert!(scripts < CROWD / 10, "{scripts} scripts for {CROWD}");
    assert!(of_users.iter().all(|taken| *taken == Taken::Granted));
    let granted = of_address.iter().filter(|taken| **taken == Taken::Granted);
    assert_eq!(granted.count(), OF_ADDRESS as usize);
    for user in users.iter().step_by(100) {
        let again = bus.take(user, &[an_hour(1)]).await.unwrap();
        assert!(matches!(again, Taken::Spent { .. }), "{user}: {again:?}");
    }
}

#[tokio::test]
async fn who_comes_alone_waits_for_nobody() {
    let (redis, bus) = start().await;
    // The first script has to be sent whole.
    bus.take("ip:192.0.2.50", &[an_hour(1)]).await.unwrap();
    let before = scripts_run(&redis).await;
    for at in 0..50 {
        bus.take(&format!("ip:192.0.2.{at}"), &[an_hour(1)])
            .await
            .unwrap();
    }
    assert_eq!(scripts_run(&redis).await - before, 50);
}

#[tokio::test]
async fn one_that_cannot_be_read_takes_no_other_with_it() {
    let (redis, bus) = start().await;
    let damaged = "user:acme:damaged";
    let prefix = format!("causerie:{{p{:02x}}}:", Partition::of_name(damaged).index());
    let key = format!("{prefix}rate:{damaged}:connections");
    redis.command(&["LPUSH", &key, "no number"]).await;
    let users: Vec<_> = (0..200).map(|at| format!("user:acme:u{at}")).collect();
    let names = users.iter().map(String::as_str).chain([damaged]);
    let some = [an_hour(2)];
    let taken = join_all(names.map(|name| bus.take(name, &some))).await;
    let (last, others) = taken.split_last().unwrap();
    assert!(matches!(last, Err(BusError::Unreadable(_))), "{last:?}");
    for taken in others {
        assert_eq!(*taken.as_ref().unwrap(), Taken::Granted);
    }
}
