//! The rights that the documentation names suffice.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;
use causerie_testkit::resp::Resp;

use super::every_verb::use_every_verb;

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
    let url = format!("redis://causerie:PASSWORD@127.0.0.1:{}", redis.port());
    let settings = RedisSettings::new(url);
    let bus = RedisBus::connect(settings, Retention::default()).await;
    let bus: Arc<dyn Bus> = Arc::new(bus.unwrap());

    use_every_verb(&*bus).await;
    let denied = redis.command(&["ACL", "LOG"]).await;
    assert!(denied.list().is_empty(), "{denied:?}");
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
