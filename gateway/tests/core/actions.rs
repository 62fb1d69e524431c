//! What clients may do.

use causerie_gateway::hub::Live;
use causerie_gateway::settings::Settings;
use causerie_shared::bus::question::QueueCaps;
use causerie_shared::protocol::data::FinishReason;
use serde_json::json;

use crate::support::{Node, ask, begin_reply, in_short, memory_bus, say};

#[tokio::test]
async fn two_nodes_hear_the_same_in_the_same_order() {
    let bus = memory_bus();
    let one = Node::start(&bus, Settings::default()).await;
    let two = Node::start(&bus, Settings::default()).await;
    let mut u1 = one.in_project("u1").await;
    let mut u2 = two.in_project("u2").await;
    for round in 0..20 {
        say(&mut u1, "project:p1", &format!("a{round}")).await;
        say(&mut u2, "project:p1", &format!("b{round}")).await;
    }
    let expected: Vec<_> = (0..=40)
        .map(|seq| match seq {
            0 => "subscribed 0 true".to_owned(),
            seq => seq.to_string(),
        })
        .collect();
    for client in [&mut u1, &mut u2] {
        client
            .expect("the last event", |frame| frame["seq"] == 40)
            .await;
        assert_eq!(in_short(client, "project:p1"), expected);
    }
}

#[tokio::test]
async fn a_question_is_stored_once_and_its_reply_streams() {
    let bus = memory_bus();
    let node = Node::start(&bus, Settings::default()).await;
    let mut phone = node.client("u1").await;
    let mut laptop = node.client("u1").await;
    let question = json!({"action": "sendMessage", "id": "q1", "user_input": "Why?"});
    let first = phone.request(question.clone()).await;
    let again = laptop.request(question).await;
    assert_eq!(first["data"], again["data"]);
    assert_eq!(first["data"]["room"], "user:u1");
    let mut making = begin_reply(&bus, "user:u1").await;
    making.say("Be").await;
    making.say("cause.").await;
    making.finish(FinishReason::Stop).await;
    for client in [&mut phone, &mut laptop] {
        let reply = client.expect_type("message").await;
        assert_eq!(reply["data"]["content"], "Because.");
        let expected = ["subscribed 0 true", "1", "start", "delta 0", "delta 1", "2"];
        assert_eq!(in_short(client, "user:u1"), expected);
    }
}

#[tokio::test]
async fn rooms_of_others_are_forbidden_and_so_is_another_tenant() {
    let node = Node::alone().await;
    let mut client = node.client("u1").await;
    for (action, data) in [
        ("sendMessage", json!({"user_input": "x", "room": "user:u2"})),
        ("sendMessage", json!({"user_input": "x", "room": "tenant"})),
        (
            "sendMessage",
            json!({"user_input": "x", "tenant_hash": "other"}),
        ),
        ("subscribe", json!({"room": "user:u2"})),
        ("typing", json!({"is_typing": true, "room": "tenant"})),
    ] {
        let answer = client
            .request(json!({"action": action, "data": data}))
            .await;
        assert_eq!(answer["code"], "forbidden", "{action}: {answer}");
    }
}

#[tokio::test]
async fn nothing_crosses_tenants() {
    let node = Node::alone().await;
    let mut ours = node.in_project("u1").await;
    let other = node
        .connect("u1")
        .param("tenant", "other")
        .param("room", "project:p1");
    let mut theirs = node.joined(other, 3).await;
    say(&mut ours, "project:p1", "secret").await;
    let asked = ask(&mut ours, "user:me").await;
    let cancel = json!({"action": "cancel", "message_id": asked["message_id"]});
    assert_eq!(theirs.request(cancel.clone()).await["code"], "not_found");
    let frames = theirs.frames();
    assert!(
        frames.iter().all(|frame| frame["type"] != "new_message"),
        "{frames:?}"
    );
    assert_eq!(ours.request(cancel).await["type"], "ack");
}

#[tokio::test]
async fn a_cancelled_question_that_waited_ends_at_once() {
    let node = Node::alone().await;
    let mut client = node.client("u1").await;
    let asked = ask(&mut client, "user:me").await;
    let cancel = json!({"action": "cancel", "message_id": asked["message_id"]});
    let ack = client.request(cancel.clone()).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let message = client.expect_type("message").await;
    assert_eq!(message["data"]["finish_reason"], "cancelled");
    assert_eq!(message["data"]["in_reply_to"], asked["message_id"]);
    assert_eq!(message["data"]["message_id"], ack["data"]["message_id"]);
    assert_eq!(client.request(cancel).await["code"], "not_found");
}

#[tokio::test]
async fn a_busy_session_and_a_full_queue_are_told() {
    let settings = Settings {
        queue: QueueCaps {
            session: 2,
            user: 9,
            tenant: 9,
        },
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut client = node.client("u1").await;
    let question = |if_busy| json!({"action": "sendMessage", "user_input": "Why?", "session_id": "s1", "if_busy": if_busy});
    assert_eq!(client.request(question("reject")).await["type"], "ack");
    assert_eq!(client.request(question("reject")).await["code"], "conflict");
    assert_eq!(client.request(question("queue")).await["type"], "ack");
    let full = client.request(question("queue")).await;
    assert_eq!(
        (&full["code"], &full["scope"], &full["limit"]),
        (&json!("overloaded"), &json!("user"), &json!(2))
    );
    assert!(full["retry_after_ms"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn typing_is_shown_to_others_and_ends_with_the_connection_or_in_time() {
    let node = Node::alone().await;
    let mut typist = node.in_project("u1").await;
    let mut second_device = node.in_project("u1").await;
    let mut other = node.in_project("u2").await;
    let typing = json!({"action": "typing", "is_typing": true, "room": "project:p1"});
    let is = |typing: bool| {
        move |frame: &serde_json::Value| {
            frame["type"] == "typing_indicator" && frame["data"]["is_typing"] == typing
        }
    };
    typist.request(typing.clone()).await;
    other.expect("typing", is(true)).await;
    other.expect("its end after three seconds", is(false)).await;
    typist.request(typing).await;
    other.expect("typing again", is(true)).await;
    typist.vanish().await;
    other.expect("its end with the connection", is(false)).await;
    second_device.ping().await;
    assert_eq!(
        in_short(&second_device, "project:p1"),
        ["subscribed 0 true"]
    );
}

#[tokio::test]
async fn subscribed_comes_before_its_ack_and_nothing_after_leaving() {
    let settings = Settings {
        max_rooms: 3,
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut client = node.client("u1").await;
    let mut other = node.in_project("u2").await;
    let ack = client
        .request(json!({"action": "join", "room": "project:p1"}))
        .await;
    assert_eq!(ack["data"]["room"], "project:p1");
    let refused = client
        .request(json!({"action": "join", "room": "project:p2"}))
        .await;
    assert_eq!(
        (&refused["code"], &refused["limit"]),
        (&json!("forbidden"), &json!(3))
    );
    say(&mut other, "project:p1", "one").await;
    client.expect_type("new_message").await;
    client
        .request(json!({"action": "leave", "room": "project:p1"}))
        .await;
    say(&mut other, "project:p1", "two").await;
    client.ping().await;
    let frames = client.frames();
    let of_project: Vec<_> = frames
        .iter()
        .filter(|frame| frame["room"] == "project:p1" || frame["data"]["room"] == "project:p1")
        .map(|frame| frame["type"].as_str().unwrap())
        .collect();
    let expected = ["subscribed", "ack", "new_message", "unsubscribed", "ack"];
    assert_eq!(of_project, expected);
}

#[tokio::test]
async fn chat_stays_in_the_history_where_it_is_not_broadcast() {
    let settings = Settings {
        live: Live {
            chat: false,
            ..Live::ALL
        },
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut client = node.in_project("u1").await;
    say(&mut client, "project:p1", "quiet").await;
    say(&mut client, "user:me", "loud").await;
    let event = client.expect_type("new_message").await;
    assert_eq!(event["room"], "user:u1");
    client.ping().await;
    assert_eq!(in_short(&client, "project:p1"), ["subscribed 0 true"]);
}
