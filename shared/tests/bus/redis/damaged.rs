//! What an operator, another program, a torn file or a clock has damaged harms
//! itself alone.

use std::collections::BTreeSet;
use std::time::Duration;

use causerie_shared::bus::log::{HistoryRange, Missed};
use causerie_shared::bus::redis::{RedisBus, RedisSettings};
use causerie_shared::bus::reply::Appended;
use causerie_shared::bus::{Bus, BusError, Retention};
use causerie_shared::protocol::action::IfBusy;
use causerie_shared::room::{Partition, RoomKey};
use causerie_testkit::recorded::Recorded;
use causerie_testkit::redis::Redis;
use futures::future::join_all;

use crate::cases::keys::key;
use crate::ear::Ear;
use crate::scene::*;

async fn connect(redis: &Redis) -> RedisBus {
    let bus = RedisBus::connect(RedisSettings::new(redis.url()), Retention::default());
    bus.await.unwrap()
}

#[tokio::test]
async fn a_lease_and_a_tenant_that_cannot_be_read_are_passed_over() {
    let recorded = Recorded::here();
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let partition = room.partition();
    ask_and_claim(&bus, &question_in(&room, "s1")).await;
    ask(&bus, &question_in(&room, "s2")).await;
    let beats = format!("causerie:{{p{partition}}}:beats");
    redis.command(&["HSET", &beats, "who?", "what?"]).await;
    let tenants = format!("causerie:{{p{partition}}}:tenants");
    redis.command(&["SADD", &tenants, "no:tenant"]).await;

    assert_eq!(bus.leases().await.unwrap().len(), 1);
    let waiting = bus.waiting().await.unwrap();
    assert_eq!(waiting.places.len(), 1, "{:?}", waiting.places);
    recorded.metric_rises("causerie_bus_unreadable_records_total");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_hides_no_other() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let (sound, torn) = (key("acme"), key("acme"));
    for key in [&sound, &torn] {
        bus.add_key(key).await.unwrap();
    }
    let keys = format!("causerie:{{p{}}}:keys", sound.card.id.partition());
    let id = torn.card.id.as_str();
    redis.command(&["HSET", &keys, id, "acme 1 ck_"]).await;

    let listed = bus.keys(&sound.tenant).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key, sound);
    let read = bus.key(&torn.card.id).await;
    assert!(matches!(read, Err(BusError::Unreadable(_))), "{read:?}");
}

#[tokio::test]
async fn a_room_whose_log_is_damaged_is_told_from_a_redis_that_is_away() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    ask(&bus, &question_in(&room, "s1")).await;
    let meta = format!("causerie:{{p{}}}:meta:{room}", room.partition());
    assert_eq!(redis.command(&["EXISTS", &meta]).await.integer(), 1);
    redis.command(&["HSET", &meta, "seq", "many"]).await;

    let read = bus.read(&room, None, 10).await;
    assert!(matches!(read, Err(BusError::Unreadable(_))), "{read:?}");
    drop(redis);
    let read = bus.read(&room, None, 10).await;
    assert!(matches!(read, Err(BusError::Unavailable(_))), "{read:?}");
}

/// The rooms that a look finds to have changed.
async fn changed(bus: &RedisBus, partition: Partition) -> Result<BTreeSet<RoomKey>, BusError> {
    let changes = bus.changed(partition, 0).await?;
    Ok(changes.rooms.into_iter().map(|(room, _)| room).collect())
}

#[tokio::test]
async fn a_damaged_room_hides_no_other_that_has_changed() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let [torn, odd, other_type, sound] = four_of_one_partition();
    let partition = sound.partition();
    for room in [&torn, &odd, &other_type, &sound] {
        ask(&bus, &for_people(question(room))).await;
    }
    let meta = |room| format!("causerie:{{p{partition}}}:meta:{room}");
    redis.command(&["HSET", &meta(&torn), "seq", "many"]).await;
    redis.command(&["HSET", &meta(&odd), "epoch", "?"]).await;
    redis.command(&["SET", &meta(&other_type), "no hash"]).await;
    let found = changed(&bus, partition).await.unwrap();
    assert_eq!(found, BTreeSet::from([sound.clone()]));

    // What Redis does not do just now is no damage: here, to begin new lives.
    redis.command(&["DEBUG", "CHANGE-REPL-ID"]).await;
    let refuse = |replicas| ["CONFIG", "SET", "min-replicas-to-write", replicas];
    redis.command(&refuse("1")).await;
    let refused = changed(&bus, partition).await;
    assert!(
        matches!(refused, Err(BusError::Unavailable(_))),
        "{refused:?}"
    );
    redis.command(&refuse("0")).await;
    let found = changed(&bus, partition).await.unwrap();
    assert_eq!(found, BTreeSet::from([odd, sound]));
}

fn four_of_one_partition() -> [RoomKey; 4] {
    let partition = room("acme:project:p1").partition();
    let rooms = (1..).map(|number| room(&format!("acme:project:p{number}")));
    let rooms = rooms.filter(|room| room.partition() == partition);
    rooms.take(4).collect::<Vec<_>>().try_into().unwrap()
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_as_lost_and_left_out_of_history() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let receipt = ask(&bus, &question_in(&room, "s1")).await;
    for _ in 0..3 {
        ask(&bus, &question_in(&room, "s1")).await;
    }
    let log = format!("causerie:{{p{}}}:log:{room}", room.partition());
    for seq in ["2", "3"] {
        let entries = redis.command(&["XRANGE", &log, seq, seq]).await;
        let id = entries.list()[0].list()[0].text();
        redis.command(&["XDEL", &log, &id]).await;
    }
    // Redis takes no entry behind a later one: all are written anew.
    let entries = redis.command(&["XRANGE", &log, "-", "+"]).await;
    redis.command(&["DEL", &log]).await;
    let entries: Vec<_> = entries
        .list()
        .iter()
        .map(|entry| (entry.list()[0].text(), entry.list()[1].list()[1].text()))
        .collect();
    let [first, last] = &entries[..] else {
        panic!("{entries:?}")
    };
    let damaged = ["2-7", "3-7"].map(|id| (id.to_owned(), "9 of a version to come".to_owned()));
    for (id, record) in [first, &damaged[0], &damaged[1], last] {
        redis.command(&["XADD", &log, id, "r", record]).await;
    }

    let page = bus.read(&room, Some(&receipt.position), 10).await.unwrap();
    assert_eq!((page.missed, page.head.seq), (Missed::Lost, 4));
    let after = |after| HistoryRange {
        after,
        before: None,
    };
    let history = bus.history(&room, after(Some(0)), 10).await.unwrap();
    assert_eq!(seqs(&history.records), [1, 4]);
    let step = bus.history(&room, after(Some(1)), 2).await.unwrap();
    assert_eq!(
        (step.records, step.has_more, step.reached),
        (vec![], true, Some(3))
    );
}

#[tokio::test]
async fn a_question_of_which_only_its_place_is_left_holds_nobody_up() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let questions = ["s1", "s2", "s1"].map(|session| question_in(&room, session));
    for question in &questions {
        ask(&bus, question).await;
    }
    let of_reply = |question| {
        let partition = room.partition();
        format!("causerie:{{p{partition}}}:gen:{}", reply_of(question))
    };
    redis.command(&["DEL", &of_reply(&questions[0])]).await;

    let claimed = claim(&bus, &room).await;
    assert_eq!(claimed.lease.message_id, *reply_of(&questions[1]));
    assert_eq!(try_claim(&bus, &room).await, None);
    // The next of the session finds out.
    let last = question_in(&room, "s1");
    ask(&bus, &last).await;
    for question in [&questions[2], &last] {
        let claimed = claim(&bus, &room).await;
        assert_eq!(claimed.lease.message_id, *reply_of(question));
        finish(&bus, &claimed, "done").await;
    }
    // Nobody is before it now.
    let alone = if_busy(IfBusy::Reject, question_in(&room, "s1"));
    ask(&bus, &alone).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_question_waiting() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let asked = question_in(&room, "s1");
    ask(&bus, &asked).await;
    let reply = format!(
        "causerie:{{p{}}}:gen:{}",
        room.partition(),
        reply_of(&asked)
    );
    let accepted = async |later_ms| {
        let change = ["HINCRBY", &reply, "accepted", later_ms];
        redis.command(&change).await;
        bus.waiting().await.unwrap().oldest
    };
    let hour = Duration::from_secs(3_600);
    assert!(accepted("-3600000").await >= hour);
    assert_eq!(accepted("7200000").await, Duration::ZERO);
    assert_eq!(claim(&bus, &room).await.waited_ms, 0);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_hole_in_a_log() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    for _ in 0..4 {
        ask(&bus, &question_in(&room, "s1")).await;
    }
    let log = format!("causerie:{{p{}}}:log:{room}", room.partition());
    let entries = redis.command(&["XRANGE", &log, "-", "+"]).await;
    redis.command(&["DEL", &log]).await;
    let month_ago = |ms: u64| ms - 30 * 24 * 3_600_000;
    let meta = format!("causerie:{{p{}}}:meta:{room}", room.partition());
    for (number, entry) in entries.list().iter().enumerate() {
        let id = entry.list()[0].text();
        let (seq, ms) = id.split_once('-').unwrap();
        let ms = ms.parse::<u64>().unwrap();
        // The first and the third are said to be old.
        let ms = if number % 2 == 0 { month_ago(ms) } else { ms };
        let record = entry.list()[1].list()[1].text();
        if number == 0 {
            // Who wrote it has noted that.
            redis
                .command(&["HSET", &meta, "oldest", &ms.to_string()])
                .await;
        }
        redis
            .command(&["XADD", &log, &format!("{seq}-{ms}"), "r", &record])
            .await;
    }
    ask(&bus, &question_in(&room, "s1")).await;
    assert_eq!(seqs(&whole_log(&bus, &room).await), [2, 3, 4, 5]);
}

#[tokio::test]
async fn while_redis_refuses_writes_an_ending_is_told_to_nobody() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let claimed = ask_and_claim(&bus, &question_in(&room, "s1")).await;
    let mut ear = Ear::open(&bus, &[&room]).await;
    let refuse = |replicas| ["CONFIG", "SET", "min-replicas-to-write", replicas];
    redis.command(&refuse("1")).await;
    for _ in 0..3 {
        let ended = bus.finish(&claimed.lease, &ending(&claimed, "done")).await;
        assert!(matches!(ended, Err(BusError::Unavailable(_))), "{ended:?}");
    }
    redis.command(&refuse("0")).await;
    finish(&bus, &claimed, "done").await;
    let told = [ear.record().await, ear.record().await];
    let told = told.map(|record| record.header.event.to_string());
    assert_eq!(told, ["typing_indicator", "message"]);
}

#[tokio::test]
async fn a_damaged_reply_takes_none_with_it_that_is_made_at_the_same_time() {
    let redis = Redis::start().await;
    let bus = connect(&redis).await;
    let room = room("acme:project:p1");
    let mut claims = Vec::new();
    for _ in 0..50 {
        claims.push(ask_and_claim(&bus, &question(&room)).await);
    }
    let damaged = &claims[30].lease.message_id;
    let texts = format!("causerie:{{p{}}}:texts:{damaged}", room.partition());
    redis.command(&["SET", &texts, "no list"]).await;

    let appending = claims.iter().map(async |claim| {
        let appended = bus.append(&claim.lease, &delta(claim, 0, "a")).await;
        (&claim.lease.message_id, appended)
    });
    for (reply, appended) in join_all(appending).await {
        if reply == damaged {
            assert!(
                matches!(appended, Err(BusError::Unreadable(_))),
                "{appended:?}"
            );
        } else {
            assert_eq!(appended.unwrap(), Appended::Done { cancelled: false });
            let status = bus.reply(reply).await.unwrap().unwrap();
            assert_eq!(status.reply.text, "a");
        }
    }
}
