//! The rights that the documentation names suffice.

use std::sync::Arc;

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::{Cancelled, ClaimId, Takeover};
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;
use causerie_testkit::resp::Resp;

use crate::ear::Ear;
use crate::scene::*;

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

    // Every verb, and every branch of it that has commands of its own.
    let room = room("acme:project:p1");
    let mut ear = Ear::open(&*bus, &[&room]).await;
    let _wakes = bus.wakes(10);
    let first = ask_and_claim(&*bus, &question_in(&room, "s1")).await;
    let second = question_in(&room, "s1");
    ask(&*bus, &second).await;
    bus.beat(&first.lease, 1).await.unwrap();
    bus.append(&first.lease, &delta(&first, 0, "a"))
        .await
        .unwrap();
    let seen = bus.leases().await.unwrap().remove(0);
    let claim = ClaimId::generate();
    let Takeover::Taken(first) = bus.take_over(&seen, &claim).await.unwrap() else {
        panic!("not taken over")
    };
    let mut ending = ending(&first, "done");
    ending.dead_letter = Some("a trial".to_owned());
    bus.finish(&first.lease, &ending).await.unwrap();
    let cancelled = bus.cancel(&room, reply_of(&second)).await.unwrap();
    assert_eq!(cancelled, Cancelled::Finished);
    bus.reply(reply_of(&second)).await.unwrap().unwrap();
    bus.waiting().await.unwrap();
    let changes = bus.changed(room.partition(), 0).await.unwrap();
    assert_eq!(changes.rooms.len(), 1);
    missed(&*bus, &room, &at(&head(&*bus, &room).await, 1)).await;
    bus.history(&room, Default::default(), 10).await.unwrap();
    bus.publish(&room, &typing(&room, 1)).await.unwrap();
    ear.durable(4).await;
    ear.rooms.unsubscribe(&room).await.unwrap();
    bus.ping().await.unwrap();

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
