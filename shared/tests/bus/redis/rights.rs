//! The rights that the documentation names suffice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::question::Question;
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;
use causerie_testkit::replicated::Replicated;
use causerie_testkit::resp::Resp;

use super::every_verb::use_every_verb;
use crate::ear::Hints;
use crate::scene::*;
use crate::world::eventually;

/// The line of `docs/redis.md` that makes the user.
pub fn documented() -> Vec<&'static str> {
    documented_users().next().unwrap()
}

/// That one, and then the one that Sentinels are asked as.
fn documented_users() -> impl Iterator<Item = Vec<&'static str>> {
    let docs = include_str!("../../../../docs/redis.md");
    let lines = docs.lines();
    let lines = lines.filter(|line| line.starts_with("ACL SETUSER"));
    lines.map(|line| line.split(' ').collect())
}

#[tokio::test]
async fn the_documented_rights_suffice() {
    let redis = Redis::start().await;
    redis.command(&documented()).await;
    suffice(&redis, redis.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_rights_suffice_behind_sentinels() {
    let redis = Replicated::start().await;
    for server in 0..redis.servers().count() {
        redis.server(server).command(&documented()).await;
    }
    let primary = redis.server(redis.primary().await);
    suffice(primary, redis.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_are_asked_as_the_user_of_their_own() {
    let redis = Replicated::start().await;
    let user = documented_users().nth(1).unwrap();
    for port in redis.sentinels() {
        let mut connection = Resp::connect(port).await.unwrap();
        connection.command(&user).await.unwrap();
    }
    let connect = async |password: &str| {
        let url = redis.url();
        let url = format!("{url}&sentinelUsername=causerie&sentinelPassword={password}");
        RedisBus::connect(RedisSettings::new(url), Retention::default()).await
    };
    let error = connect("wrong").await.unwrap_err().to_string();
    assert!(error.contains("WRONGPASS"), "{error}");
    let bus = connect("PASSWORD").await.unwrap();
    use_every_verb(&bus).await;
}

/// Every verb is carried out, and nothing that was tried denied.
async fn suffice(redis: &Redis, url: String) {
    redis.command(&["ACL", "LOG", "RESET"]).await;
    let bus = as_documented(url).await;
    use_every_verb(&*bus).await;
    let denied = redis.command(&["ACL", "LOG"]).await;
    assert!(denied.list().is_empty(), "{denied:?}");
}

/// What is passed over where only its place is left takes a right of its own.
#[tokio::test]
async fn the_documented_rights_suffice_where_something_is_lost() {
    let redis = Redis::start().await;
    redis.command(&documented()).await;
    let bus = as_documented(redis.url()).await;
    let room = room("acme:project:p1");
    let lost = async |question: &Question| {
        let partition = room.partition();
        let key = format!("causerie:{{p{partition}}}:gen:{}", reply_of(question));
        redis.command(&["DEL", &key]).await;
    };
    let [first, second, third] = [(); 3].map(|()| question_in(&room, "s1"));
    ask(&*bus, &first).await;
    lost(&first).await;
    assert_eq!(try_claim(&*bus, &room).await, None);
    ask(&*bus, &second).await;
    ask(&*bus, &third).await;
    let claimed = claim(&*bus, &room).await;
    lost(&third).await;
    finish(&*bus, &claimed, "said").await;
    let denied = redis.command(&["ACL", "LOG"]).await;
    assert!(denied.list().is_empty(), "{denied:?}");
}

async fn as_documented(url: String) -> Arc<dyn Bus> {
    let url = url.replace("://", "://causerie:PASSWORD@");
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
    let bus = as_documented(redis.url()).await;
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
