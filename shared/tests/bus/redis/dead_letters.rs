//! Hopeless questions are kept for an operator, as the documentation says.

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::Finished;
use causerie_shared::bus::{Bus, Retention};
use causerie_testkit::redis::Redis;

use crate::cases::deleting::delete;
use crate::scene::*;

#[tokio::test]
async fn a_hopeless_question_is_kept_once_with_all_that_is_known_of_it() {
    let redis = Redis::start().await;
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default());
    let bus = bus.await.unwrap();
    let room = room("acme:project:p1");
    let question = asked_by("u1", question_in(&room, "s1"));
    let claim = ask_and_claim(&bus, &question).await;
    let mut ending = ending(&claim, "failed");
    ending.dead_letter = Some("three brokers died of it".to_owned());
    // The second one stands for an answer of Redis that was lost on its way.
    for _ in 0..2 {
        let finished = bus.finish(&claim.lease, &ending).await;
        assert_eq!(finished.unwrap(), Finished::Done);
    }

    let key = format!("causerie:{{p{}}}:dead", room.partition());
    let letters = redis.command(&["XRANGE", &key, "-", "+"]).await;
    let [letter] = letters.list() else {
        panic!("not one letter: {letters:?}")
    };
    let fields: Vec<_> = letter.list()[1].list().iter().map(|f| f.text()).collect();
    let task = String::from_utf8_lossy(&claim.task);
    assert_eq!(
        fields,
        [
            ["reply", reply_of(&question).as_str()],
            ["room", "acme:project:p1"],
            ["session", "s1"],
            ["user", "u1"],
            ["question", question.message_id.as_str()],
            ["attempt", "1"],
            ["reason", "three brokers died of it"],
            ["task", &task],
        ]
        .concat()
    );
    let expires_in_ms = redis.command(&["PTTL", &key]).await.integer();
    assert!(expires_in_ms > 0, "{expires_in_ms}");

    delete(&bus, &room, &question.message_id).await;
    let letters = redis.command(&["XRANGE", &key, "-", "+"]).await;
    assert!(letters.list().is_empty(), "{letters:?}");
}
