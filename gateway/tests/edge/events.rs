//! Event streams: `GET /api/events` and `/api/rooms/{room}/events`.

use causerie_shared::protocol::data::FinishReason;
use causerie_testkit::client::sse::{Event, Sse};
use causerie_testkit::client::ws::Connect;
use serde_json::json;

use crate::auth::now;
use crate::support::held_bus::HeldBus;
use crate::support::node::{Node, token};

fn own() -> String {
    token(json!({"projects": ["p1", "p2"]}))
}

async fn open(node: &Node, path: &str) -> Sse {
    let bearer = format!("Bearer {}", own());
    Sse::open(&node.at(path), &[("authorization", &bearer)]).await
}

async fn reopen(node: &Node, path: &str, last: &str) -> Sse {
    let bearer = format!("Bearer {}", own());
    let headers = [("authorization", &*bearer), ("last-event-id", last)];
    Sse::open(&node.at(path), &headers).await
}

async fn say(node: &Node, room: &str, text: &str) {
    let data = json!({"user_input": text, "room": room, "ai": false});
    let body = json!({"action": "sendMessage", "data": data});
    let answer = node.post("/api/actions", &own(), &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits until all rooms of the stream are joined.
async fn joined(stream: &mut Sse, rooms: usize) {
    for _ in 0..rooms {
        stream.expect_name("subscribed").await;
    }
}

fn texts(events: &[Event]) -> Vec<String> {
    let said = events.iter().filter(|event| event.name == "new_message");
    said.map(|event| event.json()["data"]["content"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_stream_begins_as_a_socket_does() {
    let node = Node::start().await;
    let mut stream = open(&node, "/api/events?room=project:p1").await;
    joined(&mut stream, 3).await;
    let mut events = stream.events();
    assert_eq!(events.remove(0).retry.as_deref(), Some("1000"));
    assert_eq!(events.remove(0).name, "ready");
    let mut rooms: Vec<String> = events
        .iter()
        .map(|event| event.json()["room"].as_str().unwrap().to_owned())
        .collect();
    rooms.sort();
    assert_eq!(rooms, ["project:p1", "tenant", "user:u1"]);
}

#[tokio::test]
async fn the_last_id_recovers_every_room() {
    let node = Node::start().await;
    let path = "/api/events?room=project:p1&room=project:p2";
    let mut stream = open(&node, path).await;
    joined(&mut stream, 4).await;
    for (room, text) in [
        ("project:p1", "a1"),
        ("project:p2", "b1"),
        ("user:me", "c1"),
    ] {
        say(&node, room, text).await;
        stream.expect(text, |event| event.data.contains(text)).await;
    }
    let last = stream
        .events()
        .into_iter()
        .rev()
        .find_map(|event| event.id)
        .unwrap();
    drop(stream);
    for (room, text) in [
        ("user:me", "c2"),
        ("project:p2", "b2"),
        ("project:p1", "a2"),
        ("project:p1", "a3"),
    ] {
        say(&node, room, text).await;
    }
    let mut again = reopen(&node, path, &last).await;
    joined(&mut again, 4).await;
    say(&node, "user:me", "c3").await;
    again
        .expect("the live one", |event| event.data.contains("c3"))
        .await;
    let mut said = texts(&again.events());
    said.sort();
    assert_eq!(said, ["a2", "a3", "b2", "c2", "c3"]);
    let subscribed: Vec<_> = again
        .events()
        .into_iter()
        .filter(|event| event.name == "subscribed")
        .collect();
    assert!(
        subscribed
            .iter()
            .all(|event| event.json()["recovered"] == true)
    );

    // As a query, for those who cannot set the header; and it goes before an
    // older position in the URL.
    let stale = path.replace("project:p1", "project:p1@aaaaaaaa:1");
    let encoded: String = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
    let mut by_query = open(&node, &format!("{stale}&lastEventId={encoded}")).await;
    by_query
        .expect("the last one", |event| event.data.contains("a3"))
        .await;
    assert!(
        by_query
            .events()
            .iter()
            .all(|event| !event.data.contains("\"recovered\":false"))
    );
}

/// Even one who heard nothing yet misses nothing.
#[tokio::test]
async fn what_subscribed_says_is_a_position_too() {
    let node = Node::start().await;
    say(&node, "project:p1", "before").await;
    let path = "/api/rooms/project:p1/events";
    let mut stream = open(&node, path).await;
    let last = stream.expect_name("subscribed").await.id.unwrap();
    drop(stream);
    say(&node, "project:p1", "meanwhile").await;
    let mut again = reopen(&node, path, &last).await;
    again
        .expect("what was missed", |event| event.data.contains("meanwhile"))
        .await;
    assert_eq!(texts(&again.events()), ["meanwhile"]);
}

/// A user's own room has two names: a position counts under either.
#[tokio::test]
async fn ones_own_room_goes_on_by_whichever_name() {
    let node = Node::start().await;
    let mut last = String::new();
    for (at, path) in [
        "/api/rooms/user:u1/events",
        "/api/rooms/user:me/events",
        "/api/events?room=user:u1",
        "/api/events",
    ]
    .into_iter()
    .cycle()
    .take(8)
    .enumerate()
    {
        let (missed, live) = (format!("missed {at}"), format!("live {at}"));
        if !last.is_empty() {
            say(&node, "user:me", &missed).await;
        }
        let mut stream = reopen(&node, path, &last).await;
        let is_own = |event: &Event| event.name == "subscribed" && event.data.contains("user:u1");
        stream.expect("its own room", is_own).await;
        say(&node, "user:me", &live).await;
        let heard = stream
            .expect("live", |event| event.data.contains(&live))
            .await;
        let mut expected = vec![missed, live];
        if last.is_empty() {
            expected.remove(0);
        }
        assert_eq!(texts(&stream.events()), expected, "{path} after {last}");
        last = heard.id.unwrap();
    }

    // In the query too, whatever the path calls it.
    let position = last.split(',').find(|room| room.starts_with("user:u1@"));
    let (_, position) = position.unwrap().split_once('@').unwrap();
    say(&node, "user:me", "the last").await;
    for (path, name) in [("user:u1", "user:me"), ("user:me", "user:u1")] {
        let path = format!("/api/rooms/{path}/events?room={name}@{position}&room=project:p9");
        let mut stream = open(&node, &path).await;
        stream
            .expect("what was missed", |event| event.data.contains("the last"))
            .await;
        assert_eq!(texts(&stream.events()), ["the last"], "{path}");
    }
}

/// Rooms are joined side by side: an event of one that is joined must not make
/// its reader forget the position in another that is not joined yet.
#[tokio::test]
async fn an_id_holds_the_position_of_a_room_that_is_still_being_joined() {
    let bus = HeldBus::new();
    let node = Node::on(bus.clone(), "").await;
    let path = "/api/events?room=project:p1&room=project:p2";
    let mut stream = open(&node, path).await;
    joined(&mut stream, 4).await;
    let events = stream.events().into_iter().rev();
    let last = events.filter_map(|event| event.id).next().unwrap();
    drop(stream);
    say(&node, "project:p1", "missed").await;

    let room = "acme:project:p1".parse().unwrap();
    bus.hold(Some(room));
    let node = Node::on(bus.clone(), "").await;
    let mut broken = reopen(&node, path, &last).await;
    joined(&mut broken, 3).await;
    say(&node, "project:p2", "meanwhile").await;
    let heard = broken
        .expect("another room's", |event| event.data.contains("meanwhile"))
        .await;
    drop(broken);

    bus.hold(None);
    let mut again = reopen(&node, path, &heard.id.unwrap()).await;
    joined(&mut again, 4).await;
    say(&node, "project:p1", "live").await;
    again
        .expect("the live one", |event| event.data.contains("live"))
        .await;
    assert_eq!(texts(&again.events()), ["missed", "live"]);
}

#[tokio::test]
async fn one_room_is_one_room() {
    let node = Node::start().await;
    let mut stream = open(&node, "/api/rooms/project:p1/events").await;
    stream.expect_name("subscribed").await;
    for room in ["user:me", "project:p2", "project:p1"] {
        say(&node, room, room).await;
    }
    stream
        .expect("its own", |event| {
            event.data.contains("project:p1\",\"metadata")
        })
        .await;
    assert_eq!(texts(&stream.events()), ["project:p1"]);
}

#[tokio::test]
async fn a_position_that_is_gone_is_told() {
    let node = Node::start().await;
    say(&node, "project:p1", "x").await;
    let mut stream = open(
        &node,
        "/api/rooms/project:p1/events?room=project:p1@aaaaaaaa:7",
    )
    .await;
    let subscribed = stream.expect_name("subscribed").await.json();
    assert_eq!(
        (&subscribed["recovered"], &subscribed["seq"]),
        (&json!(false), &json!(1))
    );
}

#[tokio::test]
async fn who_joins_in_the_middle_gets_a_snapshot_and_what_follows() {
    let node = Node::start().await;
    let body = json!({"action": "sendMessage", "data": {"user_input": "hello"}});
    node.post("/api/actions", &own(), &body).await;
    let mut making = node.next_question().await;
    making.start().await;
    making.say("one ").await;
    let mut stream = open(&node, "/api/rooms/user:me/events").await;
    let snapshot = stream.expect_name("message_snapshot").await;
    assert_eq!(snapshot.json()["data"]["text"], "one ");
    assert_eq!(snapshot.id, None);
    making.say("two").await;
    let delta = stream.expect_name("message_delta").await;
    assert_eq!(delta.json()["data"]["index"], 1);
    making.finish(FinishReason::Stop).await;
    let message = stream.expect_name("message").await;
    assert!(message.id.is_some());
    assert_eq!(message.json()["data"]["content"], "one two");
}

#[tokio::test]
async fn bad_wishes_are_refused_before_the_stream_begins() {
    let node = Node::start().await;
    for (path, headers, status) in [
        ("/api/events?room=project:p3", &[][..], 403),
        ("/api/rooms/user:u2/events", &[], 403),
        ("/api/events?room=project:p1@1:2", &[], 400),
        ("/api/events", &[("last-event-id", "17")], 400),
        ("/api/rooms/me/events", &[], 400),
    ] {
        let bearer = format!("Bearer {}", own());
        let headers = [headers, &[("authorization", &*bearer)]].concat();
        let refused = Sse::try_open(reqwest::Method::GET, &node.at(path), &headers, None).await;
        assert_eq!(refused.unwrap_err().status, status, "{path}");
    }
}

#[tokio::test]
async fn a_fault_goes_before_the_end_of_the_token() {
    let node = Node::start().await;
    // A minute of leeway goes on top.
    let token = token(json!({"exp": now() - 57}));
    let url = node.at(&format!("/api/events?token={token}"));
    let mut stream = Sse::open(&url, &[]).await;
    let fault = stream.expect_name("fault").await.json();
    assert_eq!(
        (&fault["type"], &fault["code"]),
        (&json!("error"), &json!("unauthorized"))
    );
    assert_eq!(fault["fatal"], true);
    assert_eq!(stream.expect_end().await, "complete");
    let again = Sse::try_open(reqwest::Method::GET, &url, &[], None).await;
    assert_eq!(again.unwrap_err().status, 401);
}

#[tokio::test]
async fn a_draining_node_says_when_to_come_back() {
    let node = Node::start().await;
    let mut stream = open(&node, "/api/events").await;
    joined(&mut stream, 2).await;
    let mut socket = Connect::to(&node.ws()).param("token", &own()).open().await;
    socket.expect_type("ready").await;
    node.shutdown.cancel();
    assert_eq!(stream.expect_end().await, "complete");
    let retry = stream.events().pop().unwrap().retry.unwrap();
    assert!(retry.parse::<u64>().unwrap() <= 2_000, "{retry}");
    assert!(stream.events().iter().all(|event| event.name != "fault"));
    assert_eq!(socket.expect_close().await.code, Some(1012));
    node.stop().await;
}

#[tokio::test]
async fn a_comment_comes_while_nothing_happens() {
    let node = Node::start().await;
    let mut stream = open(&node, "/api/events").await;
    stream
        .expect("a comment", |event| event.comment.is_some())
        .await;
}

/// A stream that is not read asks for nothing more, so nothing would ever end
/// it; its place on the node is free again all the same.
#[tokio::test]
async fn one_who_never_reads_is_cut_off() {
    use tokio::io::AsyncWriteExt;
    let node = Node::with("[websocket]\nmax_connections = 1\nheartbeat_interval = 1").await;
    let address = node.url.trim_start_matches("http://");
    let mut stuck = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/rooms/project:p1/events?token={} HTTP/1.1\r\nhost: x\r\n\r\n",
        own()
    );
    stuck.write_all(request.as_bytes()).await.unwrap();
    let connect = Connect::to(&node.ws()).param("token", &own());
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    // Until it holds the only place.
    while connect.clone().try_open().await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline);
    }
    // More than the system's own buffers hold.
    let text = "x".repeat(32 * 1024);
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    while connect.clone().try_open().await.is_err() {
        say(&node, "project:p1", &text).await;
        assert!(tokio::time::Instant::now() < deadline, "it holds on");
    }
    drop(stuck);
}
