//! How questions are answered, over the bus in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod kit;

use std::time::Duration;

use causerie_broker::Settings;
use causerie_shared::record::Class;
use kit::{Ear, Running, all, ask, data, echo, events, memory_bus, room, text_of};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn one_question_lives_as_the_protocol_says() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let _broker = Running::start(bus.clone(), Settings::default(), echo(50.0));
    let reply = ask(&*bus, &user_room, "s1", "how are you today").await;
    let records = ear.until_replies(1).await;

    let (start, rest) = records.split_first().unwrap();
    assert_eq!(start.header.class, Class::Start);
    assert_eq!(data(start)["attempt"], 1);
    assert_eq!(data(start)["message_id"], reply.as_str());
    let names = events(rest);
    assert_eq!(names.first(), Some(&"typing_indicator"));
    let last = &names[names.len() - 3..];
    assert_eq!(last, ["typing_indicator", "message", "ai_processing_end"]);
    assert!(
        names[1..names.len() - 3]
            .iter()
            .all(|name| *name == "message_delta")
    );
    let typing: Vec<_> = all(rest, "typing_indicator");
    assert_eq!(typing[0]["user_id"], "assistant");
    assert_eq!(
        (&typing[0]["is_typing"], &typing[1]["is_typing"]),
        (&true.into(), &false.into())
    );

    let message = &all(rest, "message")[0];
    assert_eq!(message["content"], "You said: how are you today");
    assert_eq!(message["content"], text_of(rest, &reply, 1));
    assert_eq!(message["finish_reason"], "stop");
    assert_eq!(message["role"], "assistant");
    assert_eq!(message["in_reply_to"], data(start)["in_reply_to"]);
    let metadata = &message["metadata"];
    assert_eq!(metadata["model_used"], "echo");
    assert_eq!(metadata["token_count"], 6);
    assert_eq!(metadata["attempt"], 1);
    assert!(
        (100..200).contains(&metadata["response_time"].as_u64().unwrap()),
        "{metadata}"
    );
    assert!(
        metadata["time_to_first_token"].as_u64().unwrap() < 10,
        "{metadata}"
    );
    assert!(ear.rest().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_delta_goes_at_once_and_later_ones_are_gathered() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let _broker = Running::start(bus.clone(), Settings::default(), echo(500.0));
    let asked = Instant::now();
    ask(&*bus, &user_room, "s1", &"word ".repeat(500)).await;
    ear.until(|record| record.header.class == Class::Delta)
        .await;
    assert!(
        asked.elapsed() < Duration::from_millis(5),
        "{:?}",
        asked.elapsed()
    );
    let records = ear.until_replies(1).await;
    let deltas = all(&records, "message_delta").len();
    // 502 tokens at 500 a second, gathered for 30 ms.
    assert!((30..40).contains(&deltas), "{deltas}");
}

#[tokio::test(start_paused = true)]
async fn questions_of_a_session_are_answered_in_order_and_know_what_was_said() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    for text in ["one", "two", "three"] {
        ask(&*bus, &user_room, "s1", text).await;
    }
    let _broker = Running::start(bus.clone(), Settings::default(), echo(50.0));
    let records = ear.until_replies(3).await;
    let starts_and_ends: Vec<_> = events(&records)
        .into_iter()
        .filter(|name| name.starts_with("ai_processing"))
        .collect();
    let one = ["ai_processing_start", "ai_processing_end"];
    assert_eq!(starts_and_ends, [one, one, one].concat());
    let replies = all(&records, "message");
    let texts: Vec<_> = replies
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["You said: one", "You said: two", "You said: three"]);
    // The echo counts the words it was sent: each question, after what was said.
    let prompts: Vec<_> = replies
        .iter()
        .map(|m| &m["metadata"]["prompt_tokens"])
        .collect();
    assert_eq!(prompts, [1, 1 + 4, 1 + 4 + 4]);
}

/// A model cannot be asked to write it again, so its text comes without them.
#[tokio::test(start_paused = true)]
async fn control_characters_of_a_model_are_replaced() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    ask(&*bus, &user_room, "s1", "a\tb\n\u{1b}[2J\0c").await;
    let _broker = Running::start(bus.clone(), Settings::default(), echo(0.0));
    let records = ear.until_replies(1).await;
    let said = "You said: a\tb\n\u{fffd}[2J\u{fffd}c";
    let replies = all(&records, "message");
    assert_eq!(replies[0]["content"], said);
    let deltas = all(&records, "message_delta");
    let texts = deltas.iter().map(|delta| delta["text"].as_str().unwrap());
    assert_eq!(texts.collect::<String>(), said);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_answered_side_by_side() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let _broker = Running::start(bus.clone(), Settings::default(), echo(10.0));
    let asked = Instant::now();
    for session in 0..20 {
        ask(
            &*bus,
            &user_room,
            &format!("s{session}"),
            "eight more words and it is a second",
        )
        .await;
    }
    let records = ear.until_replies(20).await;
    assert_eq!(all(&records, "message").len(), 20);
    assert!(
        asked.elapsed() < Duration::from_millis(1_200),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_hint_told_is_found_within_a_second() {
    let bus = memory_bus();
    let user_room = room("demo:user:u1");
    let mut ear = Ear::in_rooms(&*bus, std::slice::from_ref(&user_room)).await;
    let deaf = kit::faulty_bus::FaultyBus::new(bus.clone());
    let _broker = Running::start(deaf, Settings::default(), echo(0.0));
    kit::pass(Duration::from_millis(100)).await;
    let asked = Instant::now();
    ask(&*bus, &user_room, "s1", "anybody there?").await;
    ear.until_replies(1).await;
    assert!(
        asked.elapsed() <= Duration::from_millis(1_001),
        "{:?}",
        asked.elapsed()
    );
}
