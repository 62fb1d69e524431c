//! The rights that the documentation names suffice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;
use causerie_testkit::resp::Resp;

use super::every_verb::use_every_verb;
use crate::ear::Hints;
use crate::world::eventually;

/// The line of `docs/redis.md` that makes the user.
pub fn documented() -> Vec<&'static str> {
    let docs = include_str!("../../../../docs/redis.md");
    let mut lines = docs.lines();
    let line = lines.find(|line| line.starts_with("ACL SETUSER")).unwrap();
    line.split(' ').collect()
}

#[tokio::test]
async fn the_documented_rights_suffice() {
    let redis = Redis::start().await;
    redis.command(&documented()).await;
    redis.command(&["ACL", "LOG", "RESET"]).await;
    let bus = as_documented(&redis).await;

    use_every_verb(&*bus).await;
    let denied = redis.command(&["ACL", "LOG"]).await;
    assert!(denied.list().is_empty(), "{denied:?}");
}

async fn as_documented(redis: &Redis) -> Arc<dyn Bus> {
    let url = format!("redis://causerie:PASSWORD@127.0.0.1:{}", redis.port());
    let settings = RedisSettings::new(url);
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Arc::new(bus.unwrap())
}

#[tokio::test]
async fn a_right_that_is_missing_is_asked_for_again_with_pauses() {
    let redis = Redis::start().await;
    redis.command(&documented()).await;
    let no_channels = ["ACL", "SETUSER", "causerie", "resetchannels"];
    redis.command(&no_channels).await;
    let bus = as_documented(&redis).await;
    let asked = Instant::now();
    let mut hints = Hints::opening(&*bus);
    // All partitions at once, and then one by one; the third time after two pauses.
    let in_two_tries = 2 * (1 + 128);
    eventually(async || (rejected(&redis).await > in_two_tries).then_some(())).await;
    assert!(asked.elapsed() >= Duration::from_millis(500));
    redis.command(&documented()).await;
    hints.come_again(&*bus).await;
}

/// How many subscriptions were refused.
async fn rejected(redis: &Redis) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let mut lines = stats.lines();
    let found = lines.find(|line| line.starts_with("cmdstat_ssubscribe:"));
    let field = |line: &str| {
        let (_, rest) = line.split_once("rejected_calls=")?;
        rest.split(',').next()?.parse().ok()
    };
    found.and_then(field).unwrap_or(0)
}

#[tokio::test]
async fn the_documented_rights_end_at_our_names() {
    let redis = Redis::start().await;
    redis.command(&documented()).await;
    let connection = Resp::connect(redis.port()).await;
    let mut connection = connection.unwrap();
    let auth = connection.command(&["AUTH", "causerie", "PASSWORD"]).await;
    auth.unwrap();
    for (command, why) in [
        (["GET", "other"].as_slice(), "access"),
        (
            &["EVAL", "return redis.call('GET', 'other')", "0"],
            "access",
        ),
        (&["SSUBSCRIBE", "other"], "access"),
        (&["CONFIG", "GET", "*"], "permissions"),
        (&["KEYS", "*"], "permissions"),
    ] {
        let refused = connection.command(command).await.unwrap_err();
        assert!(refused.contains(why), "{command:?}: {refused}");
    }
}
