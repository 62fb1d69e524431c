//! What servers publish, and who sees it.

use causerie_shared::api_key::KeyScope;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_keys::kept;
use crate::support::node::{Node, ORIGIN, token};

async fn publish(node: &Node, token: &str, body: Value) -> Answer {
    node.post("/api/publish", token, &body).await
}

/// The same, which must succeed; its results.
async fn published(node: &Node, token: &str, body: Value) -> Value {
    let answer = publish(node, token, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["results"].clone()
}

async fn history(node: &Node, room: &str, reader: &str) -> Vec<Value> {
    let path = format!("/api/rooms/{room}/history");
    let answer = node.get(&path, reader).await.json();
    answer["events"].as_array().unwrap().clone()
}

/// Connects, and waits until the rooms are joined.
async fn connect(connect: Connect, rooms: usize) -> Client {
    let mut client = connect.header("origin", ORIGIN).open().await;
    for _ in 0..rooms {
        client.expect_type("subscribed").await;
    }
    client
}

#[tokio::test]
async fn a_durable_event_is_heard_kept_and_told_where() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Publish, KeyScope::Read]).await;
    let person = token(json!({"projects": ["p1"]}));
    let to = Connect::to(&node.ws()).param("token", &person);
    let mut socket = connect(to.param("room", "project:p1"), 3).await;
    let url = node.at("/api/rooms/project:p1/events");
    let bearer = format!("Bearer {person}");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    stream.expect_name("subscribed").await;

    let body = json!({
        "rooms": ["project:p1", "user:u1", "project:p1"],
        "type": "order.paid", "data": {"total": 7}, "durable": true,
    });
    let results = published(&node, &server, body).await;
    let results = results.as_array().unwrap();
    let rooms: Vec<&Value> = results.iter().map(|result| &result["room"]).collect();
    assert_eq!(rooms, ["project:p1", "user:u1"]);

    let heard = socket
        .expect("the event", |frame| {
            frame["room"] == "project:p1" && frame["type"] == "order.paid"
        })
        .await;
    assert_eq!(heard["data"], json!({"total": 7}));
    assert_eq!(
        (&heard["seq"], &heard["epoch"]),
        (&results[0]["seq"], &results[0]["epoch"])
    );
    let raw = socket
        .texts()
        .into_iter()
        .find(|text| text.contains("order.paid"));
    assert!(raw.unwrap().starts_with(r#"{"seq":1,"epoch":""#));
    assert_eq!(stream.expect_name("order.paid").await.json(), heard);
    assert_eq!(history(&node, "project:p1", &server).await, [heard]);
    let own = history(&node, "user:me", &person).await;
    assert_eq!(own[0]["seq"], results[1]["seq"]);
}

#[tokio::test]
async fn an_event_that_passes_is_heard_and_not_kept() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Admin]).await;
    let person = token(json!({}));
    let mut socket = connect(Connect::to(&node.ws()).param("token", &person), 2).await;
    for id in [json!(null), json!("t1"), json!("t1")] {
        let body = json!({
            "rooms": ["user:u1"], "type": "price", "data": {"now": 3}, "durable": false, "id": id,
        });
        let results = published(&node, &server, body).await;
        assert_eq!(results, json!([{"room": "user:u1"}]));
    }
    socket.ping().await;
    let frames = socket.frames().into_iter();
    let prices: Vec<Value> = frames.filter(|frame| frame["type"] == "price").collect();
    assert_eq!(prices.len(), 2, "a repeat is no second one: {prices:?}");
    assert!(prices[0].get("seq").is_none() && prices[0]["ts"].is_u64());
    assert_eq!(prices[0]["data"], json!({"now": 3}));
    assert!(history(&node, "user:u1", &server).await.is_empty());
}

#[tokio::test]
async fn the_same_id_is_published_once() {
    let node = Node::start().await;
    let scopes = [KeyScope::Publish, KeyScope::Read];
    let (server, successor) = (
        kept(&node, "acme", &scopes).await,
        kept(&node, "acme", &scopes).await,
    );
    let body = |rooms: Value| json!({"rooms": rooms, "type": "order.paid", "durable": true, "id": "order-1"});
    let first = published(&node, &server, body(json!(["project:p1"]))).await;
    // With a new key, and where half of it had been done.
    let rooms = json!(["project:p1", "project:p2"]);
    let second = published(&node, &successor, body(rooms)).await;
    assert_eq!(second[0], first[0]);
    assert_eq!(second[1]["seq"], 1);
    for room in ["project:p1", "project:p2"] {
        assert_eq!(history(&node, room, &server).await.len(), 1, "{room}");
    }
    // Another tenant's ids are others.
    let stranger = kept(&node, "other", &[KeyScope::Publish]).await;
    let elsewhere = published(&node, &stranger, body(json!(["project:p1"]))).await;
    assert_ne!(elsewhere[0]["epoch"], first[0]["epoch"]);
}

#[tokio::test]
async fn visitors_see_announcements_and_nothing_else_of_the_tenants_room() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Publish, KeyScope::Read]).await;
    let visitor = Connect::to(&node.ws()).param("t", "h-acme");
    let mut visitor = connect(visitor, 2).await;
    let ready = visitor.frames()[0].clone();
    let own = ready["data"]["token"].as_str().unwrap().to_owned();
    let member = token(json!({}));
    let mut member = connect(Connect::to(&node.ws()).param("token", &member), 2).await;
    let kinds = [
        "order.paid",
        "broadcast_message",
        "project_created",
        "system_notification",
        "performance_alert",
        "maintenance_mode",
    ];
    for durable in [true, false] {
        for kind in kinds {
            let body = json!({"rooms": ["tenant"], "type": kind, "durable": durable});
            published(&node, &server, body).await;
        }
    }
    let seen = async |client: &mut Client| {
        client.ping().await;
        let frames = client.frames().into_iter();
        let frames = frames.filter(|frame| frame["room"] == "tenant" && frame["data"].is_object());
        let kinds = frames.map(|frame| frame["type"].as_str().unwrap().to_owned());
        // Who has come may be told meanwhile.
        kinds
            .filter(|kind| kind != "user_joined")
            .collect::<Vec<_>>()
    };
    let announcements = [
        "broadcast_message",
        "system_notification",
        "maintenance_mode",
    ];
    assert_eq!(
        seen(&mut visitor).await,
        [announcements, announcements].concat()
    );
    let mut to_member = seen(&mut member).await;
    // Who has come may be told meanwhile, but to no visitor.
    to_member.retain(|kind| kind != "user_joined");
    assert_eq!(to_member, [kinds, kinds].concat());
    let headers = [
        ("authorization", &*format!("Bearer {own}")),
        ("origin", ORIGIN),
    ];
    let url = node.at("/api/rooms/tenant/history");
    let history = request(Method::GET, &url, &headers, None).await.json();
    let kept: Vec<&Value> = history["events"].as_array().unwrap().iter().collect();
    let kept: Vec<&str> = kept
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(kept, announcements);
}

#[tokio::test]
async fn who_may_publish_where() {
    let node = Node::start().await;
    let all = json!({"rooms": ["tenant"], "type": "x"});
    let to = |room: &str| json!({"rooms": ["project:p1", room], "type": "x"});
    let publisher = token(json!({"projects": ["p1"], "roles": ["publisher"]}));
    let admin = token(json!({"projects": ["p1"], "roles": ["admin"]}));
    let plain = token(json!({"projects": ["p1"]}));
    let server = kept(&node, "acme", &[KeyScope::Publish]).await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    for (who, body, status) in [
        (&publisher, all.clone(), 200),
        (&publisher, to("user:me"), 200),
        (&publisher, to("user:u2"), 403),
        (&publisher, to("project:p2"), 403),
        (&admin, to("user:u2"), 200),
        (&admin, to("project:p2"), 403),
        (&plain, to("project:p1"), 403),
        (&server, to("user:u2"), 200),
        (&server, to("project:p2"), 200),
        (&server, to("user:me"), 400),
        (&reader, to("project:p1"), 403),
    ] {
        let answer = publish(&node, who, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    // What is refused in part is not done in part.
    let before = history(&node, "project:p1", &plain).await.len();
    publish(&node, &publisher, to("project:p2")).await;
    assert_eq!(history(&node, "project:p1", &plain).await.len(), before);
}

#[tokio::test]
async fn what_cannot_be_published_is_named() {
    let node = Node::start().await;
    let server = kept(&node, "acme", &[KeyScope::Publish]).await;
    for (body, names) in [
        (json!({"type": "x"}), "rooms"),
        (json!({"rooms": [], "type": "x"}), "rooms"),
        (json!({"rooms": ["tenant"]}), "type"),
        (
            json!({"rooms": ["tenant"], "type": "new_message"}),
            "only Causerie itself",
        ),
        (
            json!({"rooms": ["tenant"], "type": "Nothing"}),
            "lower-case",
        ),
        (json!({"rooms": ["tenant"], "type": "x", "id": 7}), "id"),
    ] {
        let answer = publish(&node, &server, body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(names), "{answer:?}");
    }
    let body = json!({"rooms": ["tenant"], "type": "new_message", "id": "o1"});
    assert_eq!(publish(&node, &server, body).await.json()["id"], "o1");
}
