//! What is deleted at one gateway is read at none.

use causerie_shared::api_key::KeyScope;
use causerie_shared::protocol::data::FinishReason;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::{Event, Sse};
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_keys::kept;
use crate::support::node::{Node, ORIGIN, token};
use crate::support::pair::Pair;

const ROOM: &str = "project:p1";
const TEXT: &str = "what nobody is to read any more";

fn member(user: &str) -> String {
    token(json!({"sub": user, "projects": ["p1"]}))
}

/// Connects to the room, and waits until all rooms are joined.
async fn connect(node: &Node, token: &str, room: &str) -> Client {
    let connect = Connect::to(&node.ws())
        .param("token", token)
        .param("room", room);
    let mut client = connect.open().await;
    for _ in 0..3 {
        client.expect_type("subscribed").await;
    }
    client
}

async fn act(node: &Node, token: &str, action: &str, data: Value) -> Answer {
    let body = json!({"action": action, "data": data});
    node.post("/api/actions", token, &body).await
}

/// Says something to people, and gives the `data` of the ack.
async fn say(node: &Node, token: &str, room: &str, text: &str) -> Value {
    let data = json!({"user_input": text, "room": room, "ai": false});
    let answer = act(node, token, "sendMessage", data).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["data"].clone()
}

async fn delete(node: &Node, token: &str, room: &str, message_id: &Value) -> Answer {
    let data = json!({"room": room, "message_id": message_id});
    act(node, token, "delete", data).await
}

/// All that one reads who comes to `node` now, on whichever way, having seen the
/// room's first event.
async fn all_that_is_read(node: &Node, reader: &str, server: &str, epoch: &str) -> Vec<String> {
    let mut read = Vec::new();
    for query in [
        "",
        "?after=0",
        "?before=4",
        "?limit=1&after=1",
        "?format=html",
    ] {
        for reader in [reader, server] {
            let path = format!("/api/rooms/{ROOM}/history{query}");
            let history = node.get(&path, reader).await;
            assert_eq!(history.status, 200, "{history:?}");
            read.push(history.body);
        }
    }
    let at = format!("{ROOM}@{epoch}:1");
    let mut socket = connect(node, reader, &at).await;
    socket
        .expect("the last event", |frame| frame["seq"] == 4)
        .await;
    read.extend(socket.texts().iter().map(|text| text.to_string()));
    let bearer = format!("Bearer {reader}");
    for path in ["/api/events", "/api/rooms/project:p1/events"] {
        let headers = [("authorization", &*bearer), ("last-event-id", &at)];
        let url = node.at(&format!("{path}?room={ROOM}"));
        let mut stream = Sse::open(&url, &headers).await;
        let is_last = |event: &Event| {
            let id = event.id.as_deref().unwrap_or_default();
            event.name == "message_deleted" && id.contains(":4")
        };
        stream.expect("the last event", is_last).await;
        read.extend(stream.events().into_iter().map(|event| event.data));
    }
    read
}

#[tokio::test]
async fn nobody_reads_at_any_gateway_what_was_deleted() {
    let pair = Pair::start().await;
    let (writer, reader) = (member("u1"), member("u2"));
    let server = kept(&pair.here, "acme", &[KeyScope::Read]).await;
    let mut here = connect(&pair.here, &writer, ROOM).await;
    let mut there = connect(&pair.there, &reader, ROOM).await;
    say(&pair.there, &reader, ROOM, "before").await;
    let said = say(&pair.here, &writer, ROOM, TEXT).await;
    say(&pair.here, &reader, ROOM, "after").await;
    for client in [&mut here, &mut there] {
        client.expect("all", |frame| frame["seq"] == 3).await;
    }
    let epoch = said["epoch"].as_str().unwrap();

    let data = json!({"room": ROOM, "message_id": said["message_id"]});
    let frame = json!({"action": "delete", "data": data});
    let ack = here.request(frame).await;
    assert_eq!(ack["data"], json!({"message_id": said["message_id"]}));
    for client in [&mut here, &mut there] {
        let told = client.expect_type("message_deleted").await;
        assert_eq!((&told["seq"], &told["room"]), (&json!(4), &json!(ROOM)));
        let data = json!({"message_id": said["message_id"], "user_id": "u1"});
        assert_eq!(told["data"], data);
    }

    // From what a gateway keeps, and from the log alone.
    let stranger = pair.another().await;
    for node in [&pair.here, &pair.there, &stranger] {
        let read = all_that_is_read(node, &reader, &server, epoch).await;
        let tombs = read.iter().filter(|text| text.starts_with(r#"{"seq":2,"#));
        for tomb in tombs.clone() {
            let tomb: Value = serde_json::from_str(tomb).unwrap();
            let ts = tomb["ts"].as_u64().unwrap();
            let expected = json!({
                "seq": 2, "epoch": epoch, "ts": ts,
                "type": "message_deleted", "room": ROOM, "data": {},
            });
            assert_eq!(tomb, expected);
        }
        assert_eq!(tombs.count(), 3, "{read:?}");
        for text in read {
            assert!(!text.contains(TEXT), "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_deleted_again_is_deleted_still() {
    let pair = Pair::start().await;
    let writer = member("u1");
    let said = say(&pair.here, &writer, ROOM, TEXT).await;
    for node in [&pair.here, &pair.there, &pair.here] {
        let answer = delete(node, &writer, ROOM, &said["message_id"]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["type"], "ack");
    }
    let path = format!("/api/rooms/{ROOM}/history");
    let history = pair.there.get(&path, &writer).await.json();
    assert_eq!(history["events"].as_array().unwrap().len(), 2, "{history}");
}

#[tokio::test]
async fn who_may_delete_what() {
    let node = Node::start().await;
    let project =
        |user: &str, roles: Value| token(json!({"sub": user, "projects": ["p1"], "roles": roles}));
    let (own, other) = (project("u1", json!([])), project("u2", json!([])));
    let admin = project("chief", json!(["admin"]));
    let publisher = project("shop", json!(["publisher"]));
    let operator = project("root", json!(["operator"]));
    let outside = token(json!({"sub": "u1", "projects": []}));
    let foreign = {
        let claims = json!({"tenant": "other", "projects": "*", "roles": ["admin"]});
        token(claims)
    };
    for (room, who, status, says) in [
        (ROOM, &other, 403, "not yours"),
        (ROOM, &publisher, 403, "not yours"),
        (ROOM, &operator, 403, "not yours"),
        (ROOM, &outside, 403, "not allowed to you"),
        (ROOM, &foreign, 404, "No such message"),
        (ROOM, &own, 200, "ack"),
        (ROOM, &admin, 200, "ack"),
        ("user:u1", &other, 403, "not allowed to you"),
        ("user:u1", &admin, 200, "ack"),
        ("user:me", &outside, 200, "ack"),
        ("user:me", &admin, 404, "No such message"),
    ] {
        let place = if room == ROOM { ROOM } else { "user:u1" };
        let said = say(&node, &own, place, TEXT).await;
        let answer = delete(&node, who, room, &said["message_id"]).await;
        assert_eq!(answer.status, status, "{room}: {answer:?}");
        assert!(answer.body.contains(says), "{room}: {answer:?}");
        assert!(!answer.body.contains(TEXT), "{room}: {answer:?}");
        let path = format!("/api/rooms/{place}/history?limit=1");
        let left = node.get(&path, &own).await;
        assert_eq!(left.body.contains(TEXT), status != 200, "{left:?}");
    }
    let said = say(&node, &own, ROOM, TEXT).await;
    let elsewhere = delete(&node, &own, "user:me", &said["message_id"]).await;
    assert_eq!(elsewhere.status, 404, "{elsewhere:?}");
    for (data, says) in [
        (json!({"room": ROOM}), "`message_id` is missing"),
        (json!({"message_id": "1f-1"}), "`room` is missing"),
        (json!({"room": ROOM, "message_id": "x"}), "partition"),
    ] {
        let answer = act(&node, &own, "delete", data).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(says), "{answer:?}");
    }
}

#[tokio::test]
async fn a_reply_is_deleted_by_an_admin_and_answers_no_repeat() {
    let node = Node::start().await;
    let asker = token(json!({}));
    let admin = token(json!({"sub": "chief", "roles": ["admin"]}));
    let body = json!({"user_input": "Why?", "id": "c1"});
    let (answer, reply) = tokio::join!(node.post("/api/chat", &asker, &body), async {
        let mut making = node.next_question().await;
        making.say(TEXT).await;
        let reply = making.claim.lease.message_id.to_string();
        making.finish(FinishReason::Stop).await;
        json!(reply)
    });
    assert!(answer.body.contains(TEXT), "{answer:?}");
    let refused = delete(&node, &asker, "user:me", &reply).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let deleted = delete(&node, &admin, "user:u1", &reply).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let path = format!("/api/messages/{}", reply.as_str().unwrap());
    for answer in [
        node.post("/api/chat", &asker, &body).await,
        node.get(&path, &asker).await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(!answer.body.contains(TEXT), "{answer:?}");
    }
}

#[tokio::test]
async fn a_question_that_is_deleted_is_not_answered() {
    let node = Node::start().await;
    let asker = token(json!({}));
    let mut socket = Connect::to(&node.ws()).param("token", &asker).open().await;
    let data = json!({"user_input": TEXT});
    let ack = socket
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    let said = &ack["data"]["message_id"];
    let deleted = delete(&node, &asker, "user:me", said).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let ended = socket.expect_type("message").await;
    assert_eq!(ended["data"]["finish_reason"], "cancelled", "{ended}");
    assert_eq!(ended["data"]["in_reply_to"], *said);
}

#[tokio::test]
async fn visitors_delete_what_they_have_said() {
    let node = Node::start().await;
    let body = json!({"tenant_hash": "h-acme"});
    let headers = [("origin", ORIGIN)];
    let url = node.at("/api/auth/session");
    let session = request(Method::POST, &url, &headers, Some(&body)).await;
    let visitor = session.json()["token"].as_str().unwrap().to_owned();
    let said = say(&node, &visitor, "user:me", TEXT).await;
    let deleted = delete(&node, &visitor, "user:me", &said["message_id"]).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
}
