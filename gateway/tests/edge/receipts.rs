//! Who has read how far.

use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use serde_json::{Value, json};

use crate::support::node::{Node, token};
use crate::support::pair::Pair;

const ROOM: &str = "project:p1";

fn member(user: &str) -> String {
    token(json!({"sub": user, "projects": ["p1"]}))
}

/// Connects to the room, and waits until all rooms are joined.
async fn connect(node: &Node, user: &str) -> Client {
    let connect = Connect::to(&node.ws())
        .param("token", &member(user))
        .param("room", ROOM);
    let mut client = connect.open().await;
    for _ in 0..3 {
        client.expect_type("subscribed").await;
    }
    client
}

fn read(room: &str, seq: Value) -> Value {
    json!({"action": "read", "data": {"room": room, "seq": seq}})
}

#[tokio::test]
async fn how_far_one_has_read_is_shown_to_all_and_kept_nowhere() {
    let pair = Pair::start().await;
    let mut reader = connect(&pair.here, "u1").await;
    let mut others = [
        connect(&pair.there, "u1").await,
        connect(&pair.there, "u2").await,
    ];
    let bearer = format!("Bearer {}", member("u2"));
    let url = pair.there.at("/api/rooms/project:p1/events");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    stream.expect_name("subscribed").await;

    let ack = reader.request(read(ROOM, json!(7))).await;
    assert_eq!(ack["data"], json!({}));
    let action = read(ROOM, json!(9));
    let ack = pair.here.post("/api/actions", &member("u1"), &action).await;
    assert_eq!(ack.status, 200, "{ack:?}");
    for seq in [7, 9] {
        let told = stream.expect_name("message_read").await.json();
        assert_eq!(told["data"], json!({"user_id": "u1", "seq": seq}));
        assert_eq!(told["room"], ROOM);
        assert!(told["ts"].is_u64() && told.get("seq").is_none(), "{told}");
        for client in others.iter_mut().chain([&mut reader]) {
            assert_eq!(client.expect_type("message_read").await, told);
        }
    }
    let path = format!("/api/rooms/{ROOM}/history");
    let history = pair.there.get(&path, &member("u2")).await.json();
    assert_eq!(history["events"], json!([]));
}

#[tokio::test]
async fn who_may_not_write_tells_nobody_that_they_read() {
    let node = Node::start().await;
    let mut witness = connect(&node, "u2").await;
    let mut reader = connect(&node, "u1").await;
    for (room, seq, code) in [
        ("tenant", json!(1), "forbidden"),
        ("user:u2", json!(1), "forbidden"),
        ("project:p2", json!(1), "forbidden"),
        (ROOM, json!(0), "invalid_message"),
        (ROOM, json!(-1), "invalid_message"),
        (ROOM, json!(1_u64 << 53), "invalid_message"),
        (ROOM, json!("1"), "invalid_message"),
        (ROOM, json!(null), "invalid_message"),
    ] {
        let error = reader.request(read(room, seq)).await;
        assert_eq!(error["code"], code, "{error}");
    }
    let ack = reader.request(read("user:me", json!(1))).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let told = reader.expect_type("message_read").await;
    assert_eq!(told["room"], "user:u1");
    witness.ping().await;
    let heard = witness.frames();
    let is_read = |frame: &Value| frame["type"] == "message_read";
    assert!(!heard.iter().any(is_read), "{heard:?}");
}
