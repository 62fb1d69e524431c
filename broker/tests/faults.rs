//! What happens when a broker dies, stands still, or loses the bus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causerie_broker::Settings;
use causerie_broker::backend::echo::{Echo, EchoConfig};
use causerie_broker::backend::{Backend, Chunk, ChunkStream, Done, Finish, Prompt};
use causerie_shared::bus::Bus;
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::reply::{Cancelled, ClaimId, Takeover};
use causerie_shared::ids::MessageId;
use causerie_shared::record::{Class, Record};
use causerie_testkit::recorded::Recorded;
use kit::faulty_bus::{Fault, FaultyBus};
use kit::{Ear, Running, all, ask, data, echo, events, memory_bus, only, pass, room, text_of};
use tokio::time::Instant;

const QUESTION: &str = "one two three four five six seven eight nine ten";
const ANSWER: &str = "You said: one two three four five six seven eight nine ten";

/// Somebody asks, and a broker has begun to answer at one word a second.
struct Begun {
    bus: Arc<MemoryBus>,
    ear: Ear,
    reply: MessageId,
    first: Running,
    first_bus: Arc<FaultyBus>,
}

async fn begun() -> Begun {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let first_bus = FaultyBus::new(bus.clone());
    let first = Running::start(first_bus.clone(), Settings::default(), echo(1.0));
    let reply = ask(&*bus, &user_room, "s1", QUESTION).await;
    for _ in 0..3 {
        ear.until(|record| record.header.class == Class::Delta)
            .await;
    }
    Begun {
        bus,
        ear,
        reply,
        first,
        first_bus,
    }
}

/// In how many deltas a reply of 40 words comes over a bus that takes so long for each.
async fn deltas_with(lag: Duration) -> usize {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let lagging = FaultyBus::new(bus.clone());
    lagging.set(Fault::Lag(lag));
    let _broker = Running::start(lagging, Settings::default(), echo(20.0));
    ask(&*bus, &user_room, "s1", &"word ".repeat(38)).await;
    let heard = ear.until(is_final).await;
    let deltas = heard
        .iter()
        .filter(|record| record.header.class == Class::Delta);
    deltas.count()
}

/// Texts are gathered for twice the time that the bus took: 4 words of 50 ms.
#[tokio::test(start_paused = true)]
async fn a_bus_that_lags_is_given_fewer_deltas() {
    let (quick, slow) = (
        deltas_with(Duration::ZERO).await,
        deltas_with(Duration::from_millis(100)).await,
    );
    assert!(quick >= 38 && slow <= 12, "{quick}, {slow}");
}

fn is_final(record: &Record) -> bool {
    record.header.class == Class::Final
}

#[tokio::test(start_paused = true)]
async fn another_broker_takes_over_from_one_that_was_killed() {
    let Begun {
        bus,
        mut ear,
        reply,
        first,
        ..
    } = begun().await;
    let second = Running::start(bus.clone(), Settings::default(), echo(10.0));
    pass(Duration::from_secs(1)).await;
    ear.rest();
    let killed = Instant::now();
    first.kill().await;

    let restart = ear.next().await;
    let after = killed.elapsed();
    assert!(after < Duration::from_secs(3), "taken over after {after:?}");
    assert!(
        after >= Duration::from_millis(1_500),
        "taken over after {after:?}"
    );
    assert_eq!(restart.header.event, "message_restart");
    assert_eq!(restart.header.class, Class::Start);
    assert_eq!(data(&restart)["attempt"], 2);
    let records = ear.until_replies(1).await;
    assert_eq!(records[0].header.event, "ai_processing_start");
    assert_eq!(data(&records[0])["attempt"], 2);
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
    let message = &all(&records, "message")[0];
    assert_eq!(message["content"], ANSWER);
    assert_eq!(message["metadata"]["attempt"], 2);
    pass(Duration::from_secs(10)).await;
    assert!(ear.rest().is_empty(), "one end only");
    second.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_stood_still_is_fenced_and_falls_silent() {
    let Begun {
        bus,
        mut ear,
        reply,
        first,
        first_bus,
    } = begun().await;
    let second = Running::start(bus.clone(), Settings::default(), echo(1.0));
    pass(Duration::from_secs(1)).await;
    first_bus.set(Fault::Hang);
    ear.until(|record| record.header.event == "message_restart")
        .await;
    pass(Duration::from_secs(2)).await;
    first_bus.set(Fault::None);

    let mut records = ear.until(is_final).await;
    let attempts: Vec<_> = records
        .iter()
        .filter_map(|r| r.header.reply.as_ref())
        .collect();
    assert!(
        attempts.iter().all(|part| part.attempt == 2),
        "{attempts:?}"
    );
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
    pass(Duration::from_secs(10)).await;
    records.extend(ear.rest());
    assert_eq!(
        events(&records)
            .iter()
            .filter(|name| **name == "message")
            .count(),
        1
    );
    // It is none the worse for it, and works on.
    second.drain().await;
    ask(&*bus, &room("demo:user:u1"), "s2", "still there?").await;
    let records = ear.until_replies(1).await;
    assert_eq!(
        all(&records, "message")[0]["content"],
        "You said: still there?"
    );
    first.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_away_for_everybody_delays_and_restarts_nothing() {
    for fault in [Fault::Hang, Fault::Fail] {
        let Begun {
            bus,
            mut ear,
            reply,
            first: _first,
            first_bus,
        } = begun().await;
        let second_bus = FaultyBus::new(bus.clone());
        let _second = Running::start(second_bus.clone(), Settings::default(), echo(1.0));
        pass(Duration::from_secs(1)).await;
        let mut records = ear.rest();
        first_bus.set(fault);
        second_bus.set(fault);
        pass(Duration::from_secs(10)).await;
        // What was carried out, though its answer was lost.
        records.extend(ear.rest());
        let back = Instant::now();
        second_bus.set(Fault::None);
        first_bus.set(Fault::None);
        records.extend(ear.until_replies(1).await);
        assert!(
            back.elapsed() < Duration::from_millis(1_500),
            "{fault:?}: {:?}",
            back.elapsed()
        );
        let names = events(&records);
        assert!(!names.contains(&"message_restart"), "{fault:?}: {names:?}");
        let message = &all(&records, "message")[0];
        assert_eq!(message["content"], ANSWER, "{fault:?}");
        assert_eq!(message["message_id"], reply.as_str());
        assert_eq!(message["metadata"]["attempt"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_not_lost() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let cut = FaultyBus::new(bus.clone());
    let _broker = Running::start(cut.clone(), Settings::default(), echo(0.0));
    for round in 0..20 {
        ask(&*bus, &user_room, &format!("s{round}"), "who has me?").await;
        // The broker hears of it, and its claims fail, some after they were carried out.
        pass(Duration::from_millis(1_100)).await;
        cut.set(Fault::Fail);
        ask(&*bus, &user_room, &format!("t{round}"), "who has me?").await;
        pass(Duration::from_millis(1_100)).await;
        cut.set(Fault::None);
    }
    let records = ear.until_replies(40).await;
    let messages = all(&records, "message");
    assert_eq!(messages.len(), 40);
    assert!(
        messages
            .iter()
            .all(|m| m["content"] == "You said: who has me?")
    );
}

#[tokio::test(start_paused = true)]
async fn after_three_attempts_a_question_is_answered_with_an_error() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    ask(&*bus, &user_room, "s1", QUESTION).await;
    let claim = ClaimId::generate();
    bus.claim(user_room.partition(), &user_room.tenant, &claim)
        .await
        .unwrap()
        .unwrap();
    for _ in 0..2 {
        let seen = bus.leases().await.unwrap().remove(0);
        let taken = bus.take_over(&seen, &ClaimId::generate()).await.unwrap();
        assert!(matches!(taken, Takeover::Taken(_)));
    }
    let watched = FaultyBus::new(bus.clone());
    let broker = Running::start(watched.clone(), Settings::default(), echo(0.0));
    let records = ear.until_replies(1).await;
    let error = &all(&records, "ai_processing_error")[0];
    assert_eq!(error["code"], "internal");
    assert_eq!(error["canRetry"], false);
    let message = &all(&records, "message")[0];
    assert_eq!(message["finish_reason"], "error");
    assert_eq!(message["metadata"]["attempt"], 4);
    assert!(
        all(&records, "message_delta").is_empty(),
        "no model is asked"
    );
    assert_eq!(
        watched.dead_letters(),
        ["none of 3 attempts came to an end"]
    );
    broker.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_read_is_answered_with_an_error() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let mut question = kit::question(&user_room, "s1", &kit::task("x"));
    question.reply.as_mut().unwrap().task = bytes::Bytes::from_static(b"\xff\x00");
    kit::accept(&*bus, &question).await;
    ask(&*bus, &user_room, "s1", "and then?").await;
    let watched = FaultyBus::new(bus.clone());
    let _broker = Running::start(watched.clone(), Settings::default(), echo(0.0));
    let records = ear.until_replies(2).await;
    let messages = all(&records, "message");
    assert_eq!(messages[0]["finish_reason"], "error");
    assert_eq!(watched.dead_letters().len(), 1);
    // The session goes on, and its context does not hold the damaged question.
    assert_eq!(messages[1]["content"], "You said: and then?");
    assert_eq!(messages[1]["metadata"]["prompt_tokens"], 2);
}

#[tokio::test(start_paused = true)]
async fn deltas_that_the_bus_lost_are_sent_again() {
    let recorded = Recorded::here();
    let Begun {
        mut ear,
        reply,
        first: _first,
        first_bus,
        bus,
    } = begun().await;
    let before = bus.reply(&reply).await.unwrap().unwrap().reply;
    assert_eq!(before.text, "You said: one ");
    first_bus.set(Fault::Forget);
    pass(Duration::from_millis(3_500)).await;
    assert!(ear.rest().is_empty());
    first_bus.set(Fault::None);
    let records = ear.until_replies(1).await;
    let deltas = all(&records, "message_delta");
    let indexes: Vec<_> = deltas
        .iter()
        .map(|delta| delta["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, (3..12).collect::<Vec<_>>());
    let texts = deltas.iter().map(|delta| delta["text"].as_str().unwrap());
    assert_eq!(before.text + &texts.collect::<String>(), ANSWER);
    recorded.metric_rises("causerie_broker_deltas_sent_again_total");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_cancelled_ends_so_though_its_broker_hears_of_it_too_late() {
    let Begun {
        bus,
        mut ear,
        reply,
        first,
        first_bus,
    } = begun().await;
    first_bus.set(Fault::Hang);
    // The model says all meanwhile.
    pass(Duration::from_secs(15)).await;
    let user_room = room("demo:user:u1");
    let cancelled = bus.cancel(&user_room, &reply).await.unwrap();
    assert_eq!(cancelled, Cancelled::Flagged);
    first_bus.set(Fault::None);
    let message = &all(&ear.until_replies(1).await, "message")[0];
    assert_eq!(message["finish_reason"], "cancelled");
    assert_eq!(message["content"], ANSWER);
    first.drain().await;
}

/// Says nothing, and is cancelled just before its end.
struct CancelledLast {
    bus: Arc<MemoryBus>,
}

impl Backend for CancelledLast {
    fn name(&self) -> &'static str {
        "cancelled_last"
    }

    fn model<'a>(&'a self, _: &'a Prompt) -> &'a str {
        "m"
    }

    fn ask(&self, _: Prompt) -> ChunkStream {
        let bus = self.bus.clone();
        let end = async move {
            // The reply is announced.
            tokio::task::yield_now().await;
            let lease = bus.leases().await.unwrap().remove(0).lease;
            let cancelled = bus.cancel(&lease.room, &lease.message_id).await;
            assert_eq!(cancelled.unwrap(), Cancelled::Flagged);
            Ok(Chunk::Done(Done {
                finish: Finish::Stop,
                usage: None,
                model: "m".to_owned(),
            }))
        };
        Box::pin(futures::stream::once(end))
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_was_not_told_learns_with_the_end_that_it_is_cancelled() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let backend = CancelledLast { bus: bus.clone() };
    // It hears no hints, and its next beat comes too late.
    let deaf = FaultyBus::new(bus.clone());
    let broker = Running::start(deaf, Settings::default(), only(backend));
    ask(&*bus, &user_room, "s1", QUESTION).await;
    let message = &all(&ear.until_replies(1).await, "message")[0];
    assert_eq!(message["finish_reason"], "cancelled");
    broker.drain().await;
}

/// Panics when it is first asked, and is an echo from then on.
struct PanicsOnce {
    echo: Echo,
    panicked: AtomicBool,
}

impl Backend for PanicsOnce {
    fn name(&self) -> &'static str {
        "panics_once"
    }

    fn model<'a>(&'a self, prompt: &'a Prompt) -> &'a str {
        self.echo.model(prompt)
    }

    fn ask(&self, prompt: Prompt) -> ChunkStream {
        let first = !self.panicked.swap(true, Ordering::Relaxed);
        assert!(!first, "as the test wants it");
        self.echo.ask(prompt)
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_task_panicked_is_begun_anew_and_its_slot_is_free() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let one_slot = Settings {
        max_concurrent: 1,
        ..Settings::default()
    };
    let backend = PanicsOnce {
        echo: Echo::new(EchoConfig::default()),
        panicked: AtomicBool::new(false),
    };
    let _broker = Running::start(bus.clone(), one_slot, only(backend));
    let reply = ask(&*bus, &user_room, "s1", QUESTION).await;
    let records = ear.until_replies(1).await;
    assert_eq!(all(&records, "message_restart").len(), 1);
    assert_eq!(text_of(&records, &reply, 2), ANSWER);
}
