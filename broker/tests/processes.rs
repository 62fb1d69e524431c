//! `causerie-broker` as a process, on a real Redis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::ReplyState;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::MessageId;
use causerie_shared::record::{Class, Record};
use causerie_shared::room::RoomKey;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use kit::{Ear, all, ask, data, events, room, text_of};
use serde_json::Value;
use tokio::time::{interval, sleep_until, timeout};

const QUESTION: &str = "one two three four five six seven eight nine ten eleven twelve thirteen";
const ANSWER: &str =
    "You said: one two three four five six seven eight nine ten eleven twelve thirteen";

/// A broker whose echo says so many words a second.
fn broker(redis: &Redis, pace: &str) -> Program {
    Program::broker()
        .env("REDIS_URL", redis.url())
        .env("AI_ECHO_TOKENS_PER_SECOND", pace)
        .env("AI_ECHO_FIRST_TOKEN_DELAY", "0")
}

async fn bus(redis: &Redis) -> Arc<dyn Bus> {
    let settings = RedisSettings::new(redis.url());
    let bus = RedisBus::connect(settings, Retention::default()).await;
    Arc::new(bus.unwrap())
}

/// Somebody asks, and the first of two brokers has begun to answer, slowly.
struct Begun {
    redis: Redis,
    room: RoomKey,
    bus: Arc<dyn Bus>,
    ear: Ear,
    reply: MessageId,
    first: Node,
    second: Node,
}

async fn begun() -> Begun {
    let redis = Redis::options().aof().start().await;
    let bus = bus(&redis).await;
    let room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&room)).await;
    let first = broker(&redis, "5").start().await;
    let reply = ask(&*bus, &room, "s1", QUESTION).await;
    for _ in 0..3 {
        ear.until(|record| record.header.class == Class::Delta)
            .await;
    }
    let second = broker(&redis, "200").start().await;
    Begun {
        redis,
        room,
        bus,
        ear,
        reply,
        first,
        second,
    }
}

/// Asks once more, to see whether the brokers are the worse for it.
async fn works_on(bus: &dyn Bus, room: &RoomKey, ear: &mut Ear) -> Vec<Record> {
    ask(bus, room, "s2", "still there?").await;
    let records = ear.until_replies(1).await;
    let messages = all(&records, "message");
    assert_eq!(messages.len(), 1, "{:?}", events(&records));
    assert_eq!(messages[0]["content"], "You said: still there?");
    records
}

#[tokio::test]
async fn without_a_redis_to_work_on_it_refuses_to_start() {
    let end = Program::broker().run().await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    assert!(
        end.output.contains("redis.url") && end.output.contains("`causerie`"),
        "{}",
        end.output
    );
}

#[tokio::test]
async fn it_may_be_started_before_its_redis() {
    let mut redis = Redis::start().await;
    redis.kill();
    let node = broker(&redis, "0").start_without_waiting().await;
    node.log_line("no connection to Redis").await;
    node.metric_rises("causerie_redis_connects_failed_total")
        .await;
    redis.restart().await;
    node.ready().await;
    let (bus, room) = (bus(&redis).await, room("demo:user:u1"));
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&room)).await;
    works_on(&*bus, &room, &mut ear).await;
}

#[tokio::test]
async fn when_asked_to_end_it_ends_its_replies_first() {
    let Begun {
        bus,
        room,
        mut ear,
        mut first,
        mut second,
        redis: _redis,
        ..
    } = begun().await;
    first.terminate();
    first.log_line("broker drains").await;
    let later = ask(&*bus, &room, "s2", "who takes this?").await;
    let records = ear.until(|record| {
        record.header.class == Class::Final && data(record)["message_id"] == later.as_str()
    });
    let records = records.await;
    assert!(all(&records, "message_restart").is_empty());
    let records = ear.until_replies(2).await;
    assert_eq!(all(&records, "message")[0]["content"], ANSWER);
    assert!(
        first.wait(Duration::from_secs(5)).await.success(),
        "{}",
        first.output()
    );
    // With nothing to do it ends at once.
    second.terminate();
    assert!(
        second.wait(Duration::from_secs(2)).await.success(),
        "{}",
        second.output()
    );
}

#[tokio::test]
async fn another_takes_over_from_one_that_was_killed() {
    let Begun {
        bus,
        room,
        mut ear,
        reply,
        mut first,
        second: _second,
        redis: _redis,
        ..
    } = begun().await;
    let killed = Instant::now();
    first.kill();
    ear.until(|record| record.header.event == "message_restart")
        .await;
    let after = killed.elapsed();
    assert!(after < Duration::from_secs(5), "taken over after {after:?}");
    let records = ear.until_replies(1).await;
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
    let messages = all(&records, "message");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["content"], ANSWER);
    works_on(&*bus, &room, &mut ear).await;
}

#[tokio::test]
async fn one_that_stood_still_finds_itself_fenced() {
    let Begun {
        bus,
        room,
        mut ear,
        reply,
        mut first,
        second: _second,
        redis: _redis,
        ..
    } = begun().await;
    first.pause();
    let mut records = ear.until_replies(1).await;
    first.resume();
    first.log_line("fenced").await;
    first.metric_rises("causerie_broker_fenced_total").await;
    records.extend(works_on(&*bus, &room, &mut ear).await);
    let ends = all(&records, "message");
    let ends = ends
        .iter()
        .filter(|message| message["message_id"] == reply.as_str());
    assert_eq!(ends.count(), 1);
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
}

/// Nobody can answer it: it ends, and does not go from broker to broker.
#[tokio::test]
async fn a_question_of_which_redis_has_lost_what_was_asked_ends_with_an_error() {
    let redis = Redis::start().await;
    let (bus, room) = (bus(&redis).await, room("demo:user:u1"));
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&room)).await;
    let reply = ask(&*bus, &room, "s1", QUESTION).await;
    let named = |name: &str| format!("causerie:{{p{}}}:{name}", room.partition());
    let key = named(&format!("gen:{reply}"));
    let lost = redis.command(&["HDEL", &key, "task", "accepted"]).await;
    assert_eq!(lost.integer(), 2);

    let broker = broker(&redis, "0").start().await;
    let records = ear.until_replies(1).await;
    let message = &all(&records, "message")[0];
    assert_eq!(message["message_id"], reply.as_str());
    assert_eq!(message["finish_reason"], "error");
    assert_eq!(message["metadata"]["attempt"], 1);
    broker
        .metric_rises("causerie_broker_dead_letters_total")
        .await;
    let dead = redis.command(&["XLEN", &named("dead")]).await;
    assert_eq!(dead.integer(), 1);
    works_on(&*bus, &room, &mut ear).await;
}

#[tokio::test]
async fn a_reply_whose_text_cannot_be_stored_is_given_up_and_begun_anew() {
    let Begun {
        bus,
        room,
        mut ear,
        reply,
        first,
        second: _second,
        redis,
    } = begun().await;
    let text = format!("causerie:{{p{}}}:texts:{reply}", room.partition());
    redis.command(&["SET", &text, "no list"]).await;
    first.metric_rises("causerie_broker_given_up_total").await;
    let mut records = ear.until_replies(1).await;
    records.extend(works_on(&*bus, &room, &mut ear).await);
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
}

#[tokio::test]
async fn a_redis_that_stands_still_or_restarts_only_delays() {
    let Begun {
        mut redis,
        bus,
        room,
        reply,
        first,
        mut second,
        ..
    } = begun().await;
    redis.pause();
    // For longer than a broker may be silent: that is what is shown here.
    sleep_until(tokio::time::Instant::now() + Duration::from_secs(4)).await;
    redis.resume();
    first
        .metric_rises("causerie_broker_bus_retries_total")
        .await;
    let message = end_of(&*bus, &reply).await;
    assert_eq!(message["content"], ANSWER);
    assert_eq!(message["metadata"]["attempt"], 1, "{message}");

    // Of the two the slow one shall have it.
    second.pause();
    let slow = ask(&*bus, &room, "s3", &"and so on ".repeat(10)).await;
    wait_for(&*bus, &slow, |state| matches!(state, ReplyState::Running)).await;
    second.resume();
    redis.restart().await;
    let message = end_of(&*bus, &slow).await;
    let expected = format!("You said: {}", "and so on ".repeat(10));
    assert_eq!(message["content"], expected);
    assert_eq!(message["metadata"]["attempt"], 1, "{message}");
}

/// The `data` of the `message` of a reply, once it has ended.
async fn end_of(bus: &dyn Bus, reply: &MessageId) -> Value {
    let is_done = |state: &ReplyState| matches!(state, ReplyState::Done { .. });
    match wait_for(bus, reply, is_done).await {
        ReplyState::Done { message } => data(&message.unwrap()),
        ReplyState::Queued | ReplyState::Running => unreachable!("it is done"),
    }
}

/// Looks at a reply until it stands as wanted.
async fn wait_for(
    bus: &dyn Bus,
    reply: &MessageId,
    wanted: impl Fn(&ReplyState) -> bool,
) -> ReplyState {
    let waiting = async {
        let mut looks = interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            match bus.reply(reply).await {
                Ok(Some(status)) if wanted(&status.state) => return status.state,
                Ok(_) | Err(_) => {}
            }
        }
    };
    timeout(Duration::from_secs(30), waiting)
        .await
        .expect("in time")
}
