//! Who is served when, and how it ends early: fairness, cancelling, draining.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use causerie_broker::backend::openai::{OpenAi, OpenAiConfig};
use causerie_broker::{Broker, Settings};
use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{Cancelled, ReplyState};
use causerie_shared::record::Class;
use causerie_testkit::ai::{AiServer, Behaviour, End};
use kit::faulty_bus::FaultyBus;
use kit::{Ear, Running, all, ask, data, echo, memory_bus, only, pass, room, text_of};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn slots(max_concurrent: usize, max_concurrent_per_tenant: usize) -> Settings {
    Settings {
        max_concurrent,
        max_concurrent_per_tenant,
        ..Settings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn one_question_does_not_wait_behind_another_tenants_hundred() {
    let bus = memory_bus();
    let [busy, quiet] = ["busy:user:u1", "quiet:user:u1"].map(room);
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&quiet)).await;
    let _broker = Running::start(bus.clone(), slots(4, 4), echo(1.0));
    for session in 0..100 {
        ask(&*bus, &busy, &format!("s{session}"), "a b").await;
    }
    pass(Duration::from_secs(1)).await;
    let asked = Instant::now();
    ask(&*bus, &quiet, "s1", "c d").await;
    ear.until(|record| record.header.class == Class::Start)
        .await;
    // The first slot that comes free is its.
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_tenant_at_its_limit_waits_and_another_does_not() {
    let bus = memory_bus();
    let [busy, quiet] = ["busy:user:u1", "quiet:user:u1"].map(room);
    let mut ear = Ear::in_rooms(&*bus, &[busy.clone(), quiet.clone()]).await;
    let _broker = Running::start(bus.clone(), slots(4, 2), echo(1.0));
    for session in 0..6 {
        ask(&*bus, &busy, &format!("s{session}"), "a b").await;
    }
    pass(Duration::from_millis(1_500)).await;
    assert_eq!(bus.leases().await.unwrap().len(), 2);
    let asked = Instant::now();
    let reply = ask(&*bus, &quiet, "s1", "a b").await;
    let is_its_start = |record: &causerie_shared::record::Record| {
        record.header.class == Class::Start && data(record)["message_id"] == reply.as_str()
    };
    ear.until(is_its_start).await;
    assert!(
        asked.elapsed() < Duration::from_millis(10),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn cancelling_ends_the_model_call_and_keeps_what_was_said() {
    let server = AiServer::openai().await;
    let model = OpenAi::new(OpenAiConfig {
        base_url: server.url(),
        api_key: None,
        model: "gpt".into(),
        connect_timeout: Duration::from_secs(10),
    });
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    // It hears no hints: the beat finds the cancellation.
    for (deaf, within) in [(false, 200), (true, 1_000)] {
        let broker_bus: Arc<dyn Bus> = match deaf {
            false => bus.clone(),
            true => FaultyBus::new(bus.clone()),
        };
        server.script(["endless".parse::<Behaviour>().unwrap()]);
        let ai = only(model.as_ref().unwrap().clone());
        let broker = Running::start(broker_bus, Settings::default(), ai);
        let reply = ask(&*bus, &user_room, "s1", "go on for ever").await;
        let start = ear
            .until(|record| record.header.class == Class::Start)
            .await
            .remove(0);
        let mut records = vec![
            ear.until(|r| r.header.class == Class::Delta)
                .await
                .pop()
                .unwrap(),
        ];
        let cancelled = Instant::now();
        assert_eq!(
            bus.cancel(&user_room, &reply).await.unwrap(),
            Cancelled::Flagged
        );
        records.extend(ear.until_replies(1).await);
        let took = cancelled.elapsed();
        assert!(
            took < Duration::from_millis(within),
            "deaf {deaf}: {took:?}"
        );
        let question = data(&start)["in_reply_to"].as_str().unwrap().to_owned();
        assert_eq!(
            server.end_of(&format!("{question}/1/1")).await,
            End::ClosedByClient
        );

        let message = &all(&records, "message")[0];
        assert_eq!(message["finish_reason"], "cancelled");
        assert_eq!(message["content"], text_of(&records, &reply, 1));
        assert!(message["metadata"]["token_count"].as_u64().unwrap() > 0);
        assert!(all(&records, "ai_processing_error").is_empty());
        broker.drain().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_cancelled_before_its_model_was_asked_asks_none() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let first = ask(&*bus, &user_room, "s1", "one").await;
    let queued = ask(&*bus, &user_room, "s1", "two").await;
    assert_eq!(
        bus.cancel(&user_room, &queued).await.unwrap(),
        Cancelled::Finished
    );
    // Claimed by a broker that died, then cancelled.
    let claim = causerie_shared::bus::reply::ClaimId::generate();
    bus.claim(user_room.partition(), &user_room.tenant, &claim)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        bus.cancel(&user_room, &first).await.unwrap(),
        Cancelled::Flagged
    );
    let _broker = Running::start(bus.clone(), Settings::default(), echo(0.0));
    let records = ear.until_replies(1).await;
    let messages = all(&records, "message");
    assert_eq!(messages.len(), 2);
    assert!(
        messages
            .iter()
            .all(|m| m["finish_reason"] == "cancelled" && m["content"] == "")
    );
    assert!(all(&records, "message_delta").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_what_runs_and_claims_nothing_new() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let broker = Running::start(bus.clone(), Settings::default(), echo(1.0));
    ask(&*bus, &user_room, "s1", "a b c d e f g").await;
    ear.until(|record| record.header.class == Class::Delta)
        .await;
    let later = ask(&*bus, &user_room, "s1", "later").await;
    broker.drain().await;
    let records = ear.until_replies(1).await;
    let message = &all(&records, "message")[0];
    assert_eq!(message["content"], "You said: a b c d e f g");
    assert!(
        ear.rest()
            .iter()
            .all(|record| record.header.class == Class::Durable)
    );
    let status = bus.reply(&later).await.unwrap().unwrap();
    assert_eq!(status.state, ReplyState::Queued);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_any_more_when_a_drain_is_over() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let hasty = Settings {
        drain_grace: Duration::from_secs(1),
        ..Settings::default()
    };
    let others = Arc::strong_count(&bus);
    let shutdown = CancellationToken::new();
    let broker = Broker::new(bus.clone(), hasty, echo(1.0)).run(shutdown.clone());
    let meanwhile = async {
        ask(&*bus, &user_room, "s1", "a b c d e f g").await;
        ear.until(|record| record.header.class == Class::Delta)
            .await;
        shutdown.cancel();
    };
    // No task of its own: nothing runs between its end and what is looked at then.
    tokio::join!(broker, meanwhile);
    // Whoever makes a reply has the bus.
    assert_eq!(Arc::strong_count(&bus), others);
}

#[tokio::test(start_paused = true)]
async fn what_a_drain_leaves_is_taken_over() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let hasty = Settings {
        drain_grace: Duration::from_secs(1),
        ..Settings::default()
    };
    let broker = Running::start(bus.clone(), hasty, echo(1.0));
    let reply = ask(&*bus, &user_room, "s1", "a b c d e f g").await;
    ear.until(|record| record.header.class == Class::Delta)
        .await;
    let other = Running::start(bus.clone(), Settings::default(), echo(0.0));
    let told = Instant::now();
    broker.drain().await;
    assert!(
        told.elapsed() < Duration::from_millis(1_010),
        "{:?}",
        told.elapsed()
    );
    let records = ear.until_replies(1).await;
    assert!(
        told.elapsed() < Duration::from_millis(4_000),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(text_of(&records, &reply, 2), "You said: a b c d e f g");
    other.drain().await;
}
