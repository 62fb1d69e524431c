//! Coming late, coming back, and reading slowly.

use causerie_gateway::settings::Settings;
use causerie_shared::protocol::data::FinishReason;
use serde_json::{Value, json};

use crate::support::{Node, ask, at, begin_reply, in_short, memory_bus, say};

const ROOM: &str = "project:p1";

#[tokio::test]
async fn a_late_joiner_gets_a_snapshot_and_then_exactly_the_deltas_after_it() {
    let bus = memory_bus();
    let one = Node::start(&bus, Settings::default()).await;
    let two = Node::start(&bus, Settings::default()).await;
    let mut first = one.in_project("u1").await;
    ask(&mut first, ROOM).await;
    let mut making = begin_reply(&bus, ROOM).await;
    making.say("Be").await;
    making.say("ca").await;
    // One whose node hears the room already, and one whose node reads it.
    let mut here = one.in_project("u2").await;
    let mut there = two.in_project("u3").await;
    making.say("use").await;
    making.finish(FinishReason::Stop).await;
    for client in [&mut here, &mut there] {
        client.expect_type("message").await;
        let expected = ["subscribed 1 true", "snapshot 1 Beca", "delta 2", "2"];
        assert_eq!(in_short(client, ROOM), expected);
    }
}

#[tokio::test]
async fn one_who_comes_back_misses_nothing_wherever_it_was() {
    let bus = memory_bus();
    let one = Node::start(&bus, Settings::default()).await;
    let mut first = one.in_project("u1").await;
    let mut epoch = json!(null);
    // More than a node's own recent events, and than one page.
    for seq in 1..=300 {
        epoch = say(&mut first, ROOM, &format!("m{seq}")).await["epoch"].clone();
    }
    let two = Node::start(&bus, Settings::default()).await;
    for node in [&one, &two] {
        for seq in [0, 1, 171, 172, 299, 300] {
            let connect = node.connect("u2").param("room", &at(ROOM, &epoch, seq));
            let mut back = node.joined(connect, 3).await;
            let mut expected = vec![format!("subscribed {seq} true")];
            expected.extend((seq + 1..=300).map(|seq| seq.to_string()));
            if seq < 300 {
                back.expect("the last event", |frame| {
                    frame["room"] == ROOM && frame["seq"] == 300 && frame["type"] != "subscribed"
                })
                .await;
            }
            assert_eq!(in_short(&back, ROOM), expected);
        }
    }
}

#[tokio::test]
async fn a_position_that_does_not_hold_is_told() {
    let node = Node::alone().await;
    let mut first = node.in_project("u1").await;
    let epoch = say(&mut first, ROOM, "one").await["epoch"].clone();
    for unknown in [at(ROOM, &epoch, 7), at(ROOM, &json!("zzzzzzzz"), 1)] {
        let mut back = node
            .joined(node.connect("u2").param("room", &unknown), 3)
            .await;
        say(&mut first, ROOM, "more").await;
        back.expect_type("new_message").await;
        let seen = in_short(&back, ROOM);
        let head: u64 = seen[1].parse().unwrap();
        assert_eq!(seen[0], format!("subscribed {} false", head - 1));
    }
}

#[tokio::test]
async fn events_go_on_while_many_come_and_go() {
    let node = Node::alone().await;
    let mut talker = node.in_project("u1").await;
    let talking = tokio::spawn(async move {
        let mut epoch = json!(null);
        for text in 1..=200 {
            epoch = say(&mut talker, ROOM, &text.to_string()).await["epoch"].clone();
        }
        epoch
    });
    let mut seq = 0;
    let mut epoch = None;
    let mut seen = Vec::new();
    while seq < 200 {
        let connect = match &epoch {
            Some(epoch) => node.connect("u2").param("room", &at(ROOM, epoch, seq)),
            None => node.connect("u2").param("room", ROOM),
        };
        let mut client = node.joined(connect, 3).await;
        if seq == 0 {
            let frames = client.frames();
            let subscribed = frames.iter().find(|frame| frame["room"] == ROOM).unwrap();
            seq = subscribed["seq"].as_u64().unwrap();
            seen.extend(1..=seq);
        }
        let stays_until = (seq + 3).min(200);
        client
            .expect("some more", |frame| {
                frame["type"] == "new_message" && frame["seq"] == stays_until
            })
            .await;
        for frame in client
            .frames()
            .iter()
            .filter(|frame| frame["type"] == "new_message")
        {
            seq = frame["seq"].as_u64().unwrap();
            epoch = Some(frame["epoch"].clone());
            seen.push(seq);
        }
    }
    talking.await.unwrap();
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_reader_is_closed_alone_and_recovers() {
    let settings = Settings {
        outbox_bytes: 64 << 10,
        ..Settings::default()
    };
    let node = Node::start(&memory_bus(), settings).await;
    let mut talker = node.in_project("u1").await;
    let slow = node.in_project("u2").await;
    slow.stop_reading();
    let mut slow = slow;
    let long = "x".repeat(30_000);
    let mut sent = 0;
    // Until what the two sockets buffer is full, and the outbox with it.
    while node.gateway.registry.len() == 2 && sent < 2_000 {
        say(&mut talker, ROOM, &long).await;
        sent += 1;
        let is_closed = node
            .gateway
            .registry
            .all()
            .iter()
            .any(|of| of.outbox.is_closed());
        if is_closed {
            break;
        }
    }
    slow.resume_reading();
    assert_eq!(slow.expect_close().await.code, Some(4008));
    let frames = slow.frames();
    let last = frames
        .iter()
        .rfind(|frame| frame["type"] == "new_message")
        .unwrap();
    let position = at(ROOM, &last["epoch"], last["seq"].as_u64().unwrap());
    let mut back = node
        .joined(node.connect("u2").param("room", &position), 3)
        .await;
    back.expect("the last event", |frame| {
        frame["type"] == "new_message" && frame["seq"] == sent
    })
    .await;
    let missed = sent - last["seq"].as_u64().unwrap();
    assert_eq!(in_short(&back, ROOM).len() as u64, 1 + missed);
    talker
        .expect("its own last", |frame| {
            frame["type"] == "new_message" && frame["seq"] == sent
        })
        .await;
}

#[tokio::test]
async fn one_who_is_slow_to_read_what_it_missed_can_act() {
    let node = Node::alone().await;
    let mut talker = node.in_project("u1").await;
    let mut epoch = json!(null);
    // More than two sockets buffer.
    for _ in 0..500 {
        epoch = say(&mut talker, ROOM, &"x".repeat(30_000)).await["epoch"].clone();
    }
    let other = node.connect("u2").param("room", "project:p2");
    let mut other = node.joined(other, 3).await;
    let mut slow = node.client("u3").await;
    slow.stop_reading();
    for action in [
        json!({"action": "subscribe", "room": ROOM, "epoch": epoch, "seq": 0}),
        json!({"action": "sendMessage", "user_input": "x", "room": "project:p2", "ai": false}),
    ] {
        slow.send(action).await;
    }
    other.expect_type("new_message").await;
    let is_read = |frame: &Value| frame["type"] == "new_message" && frame["room"] == ROOM;
    let read = slow.frames().into_iter().filter(is_read).count();
    assert!(read < 500, "{read} were buffered on the way");
    slow.resume_reading();
    slow.expect("the last event", |frame| {
        is_read(frame) && frame["seq"] == 500
    })
    .await;
    let mut expected = vec!["subscribed 0 true".to_owned()];
    expected.extend((1..=500).map(|seq| seq.to_string()));
    assert_eq!(in_short(&slow, ROOM), expected);
}
