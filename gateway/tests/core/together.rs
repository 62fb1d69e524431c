//! What comes close together goes out together: in order, and to each what is for
//! them.

use causerie_shared::protocol::data::TypingIndicator;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record};
use causerie_testkit::client::ws::Client;
use serde_json::Value;

use crate::support::{Node, TENANT};

const ROOM: &str = "project:p1";

/// How many signs of typing there are. All see the last one.
const COUNT: u64 = 2_100;

/// Somebody types: not shown to that user.
fn typing(user: &str, number: u64) -> Record {
    let data = TypingIndicator {
        user_id: user.to_owned(),
        is_typing: true,
    };
    Record {
        header: Header {
            class: Class::Transient,
            event: Event::TypingIndicator.name().into(),
            position: None,
            ts: number,
            reply: None,
            in_reply_to: None,
            excluded: Some(user.parse().unwrap()),
            trace: None,
        },
        frame: frame::transient(
            Event::TypingIndicator,
            &ROOM.parse().unwrap(),
            number,
            &data,
        ),
    }
}

/// Who typed, in order: by the number in `ts`.
fn typed(client: &Client) -> Vec<(String, u64)> {
    let frames = client.frames().into_iter();
    let typing = frames.filter(|frame| frame["type"] == "typing_indicator");
    let typed = typing.map(|frame: Value| {
        let user = frame["data"]["user_id"].as_str().unwrap().to_owned();
        (user, frame["ts"].as_u64().unwrap())
    });
    typed.collect()
}

#[tokio::test]
async fn a_burst_comes_in_order_and_to_each_what_is_for_them() {
    let node = Node::alone().await;
    let mut clients = Vec::new();
    for user in ["u1", "u2", "u3"] {
        clients.push(node.in_project(user).await);
    }
    let room = format!("{TENANT}:{ROOM}").parse().unwrap();
    let mut expected = Vec::new();
    for number in 1..=COUNT {
        // Rows of one, of two, of many in which all see all but one.
        let user =
            ["u1", "u2", "nobody"][usize::from(number % 7 == 0) + usize::from(number % 3 == 0)];
        expected.push((user.to_owned(), number));
        node.gateway
            .bus
            .publish(&room, &typing(user, number))
            .await
            .unwrap();
    }
    for (mut client, own) in clients.into_iter().zip(["u1", "u2", "u3"]) {
        let is_last = |frame: &Value| frame["ts"] == COUNT;
        client.expect("the last one", is_last).await;
        let seen: Vec<_> = expected.iter().filter(|(user, _)| user != own).collect();
        let typed = typed(&client);
        assert!(typed.iter().eq(seen), "{own}: {typed:?}");
    }
}

#[tokio::test]
async fn those_who_come_and_go_amid_a_burst_see_a_stretch_without_a_hole() {
    let node = Node::alone().await;
    let talker = node.in_project("u1").await;
    let talking = tokio::spawn(async move {
        let mut talker = talker;
        for number in 1..=500 {
            talker
                .send(serde_json::json!({
                    "action": "sendMessage", "id": format!("c{number}"),
                    "data": {"user_input": "x", "room": ROOM, "ai": false},
                }))
                .await;
        }
        let is_last = |frame: &Value| frame["id"] == "c500";
        talker.expect("the last ack", is_last).await;
        talker
    });
    for round in 0..20 {
        let mut client = node.in_project(&format!("v{round}")).await;
        client.ping().await;
        let of_room = |frame: &Value| frame["room"] == ROOM;
        let seqs: Vec<_> = client
            .frames()
            .iter()
            .filter(|frame| of_room(frame))
            .map(|frame| frame["seq"].as_u64().unwrap())
            .collect();
        let first = seqs[0];
        assert_eq!(seqs, (first..first + seqs.len() as u64).collect::<Vec<_>>());
    }
    let talker = talking.await.unwrap();
    drop(talker);
}
