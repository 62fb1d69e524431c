//! Servers look at a tenant's connections, and end them.

use causerie_shared::api_key::KeyScope;
use causerie_shared::ids::{ConnectionId, RunId};
use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api_keys::kept;
use crate::support::node::{Node, token};
use crate::support::pair::Pair;

async fn connect(node: &Node, token: &str) -> (Client, String) {
    let connect = Connect::to(&node.ws()).param("token", token);
    let mut client = connect.param("room", "project:p1").open().await;
    let ready = client.expect_type("ready").await;
    let id = ready["data"]["connection_id"].as_str().unwrap();
    (client, id.to_owned())
}

async fn delete(node: &Node, path: &str, token: &str) -> Answer {
    let headers = [("authorization", &*format!("Bearer {token}"))];
    request(Method::DELETE, &node.at(path), &headers, None).await
}

fn at(id: &str) -> String {
    format!("/api/connections/{id}")
}

#[tokio::test]
async fn a_server_sees_a_connection_of_its_tenant() {
    let node = Node::start().await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let person = token(json!({"projects": ["p1"], "name": "Ünal"}));
    let (mut client, id) = connect(&node, &person).await;
    let first = node.get(&at(&id), &reader).await.json();
    client
        .request(json!({"action": "typing", "data": {"is_typing": true}}))
        .await;
    let shown = node.get(&at(&id), &reader).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let shown = shown.json();
    for (field, value) in [
        ("connection_id", json!(id)),
        ("user_id", json!("u1")),
        ("name", json!("Ünal")),
        ("transport", json!("websocket")),
    ] {
        assert_eq!(shown[field], value, "{shown}");
    }
    assert!(shown["node"].is_string(), "{shown}");
    let ms = |of: &Value, field: &str| of[field].as_u64().unwrap();
    assert!(ms(&first, "connected_at") <= ms(&first, "last_active_at"));
    assert!(ms(&shown, "last_active_at") >= ms(&first, "last_active_at"));
    let mut rooms: Vec<_> = shown["rooms"].as_array().unwrap().iter().collect();
    rooms.sort_by_key(|room| room.to_string());
    assert_eq!(json!(rooms), json!(["project:p1", "tenant", "user:u1"]));

    let bearer = format!("Bearer {person}");
    let url = node.at("/api/rooms/user:me/events");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    let ready = stream.expect_name("ready").await.json();
    let id = ready["data"]["connection_id"].as_str().unwrap();
    let shown = node.get(&at(id), &reader).await.json();
    assert_eq!(shown["transport"], "sse", "{shown}");
    assert_eq!(shown["rooms"], json!(["user:u1"]), "{shown}");
}

#[tokio::test]
async fn a_server_ends_one_connection_and_no_other() {
    let node = Node::start().await;
    let ruler = kept(&node, "acme", &[KeyScope::Admin]).await;
    let person = token(json!({"projects": ["p1"]}));
    let (mut client, id) = connect(&node, &person).await;
    let (mut other, _) = connect(&node, &person).await;
    let ended = delete(&node, &at(&id), &ruler).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(ended.json(), json!({"connection_id": id}));
    assert_eq!(client.expect_close().await.code, Some(4510));
    other.ping().await;
    // Once it is gone both say so, and at once: this is the gateway that had it.
    for answer in [
        delete(&node, &at(&id), &ruler).await,
        node.get(&at(&id), &ruler).await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json()["code"], "not_found");
    }
}

#[tokio::test]
async fn who_may_look_at_connections_and_end_them() {
    let node = Node::start().await;
    let (mut client, id) = connect(&node, &token(json!({"projects": ["p1"]}))).await;
    let server = async |scope| kept(&node, "acme", &[scope]).await;
    let role = |role: &str| token(json!({"sub": "a1", "roles": [role]}));
    for (who, get, end) in [
        (server(KeyScope::Publish).await, 403, 403),
        (server(KeyScope::Read).await, 200, 403),
        (token(json!({})), 403, 403),
        (role("operator"), 403, 403),
        (kept(&node, "other", &[KeyScope::Admin]).await, 404, 404),
    ] {
        let answer = node.get(&at(&id), &who).await;
        assert_eq!(answer.status, get, "{answer:?}");
        let answer = delete(&node, &at(&id), &who).await;
        assert_eq!(answer.status, end, "{answer:?}");
        client.ping().await;
    }
    let admin = role("admin");
    for who in [
        role("publisher"),
        server(KeyScope::Admin).await,
        admin.clone(),
    ] {
        let (mut client, id) = connect(&node, &token(json!({"projects": ["p1"]}))).await;
        let answer = node.get(&at(&id), &who).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = delete(&node, &at(&id), &who).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(client.expect_close().await.code, Some(4510));
    }
    assert_eq!(node.get(&at("a%20b"), &admin).await.status, 400);
}

#[tokio::test]
async fn where_no_gateway_answers_it_is_not_known() {
    let pair = Pair::start().await;
    let ruler = kept(&pair.here, "acme", &[KeyScope::Admin]).await;
    let elsewhere = ConnectionId::generate(RunId::generate());
    for answer in [
        pair.here.get(&at(elsewhere.as_str()), &ruler).await,
        delete(&pair.there, &at(elsewhere.as_str()), &ruler).await,
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["code"], "overloaded");
        assert!(answer.body.contains("does not answer"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "2", "{answer:?}");
    }
    // No gateway has ever made such an id.
    for made_up in ["c1", "3f0a9b1c2d4e", "3f0a9b1c2d4-0123456789abcdef"] {
        let answer = pair.here.get(&at(made_up), &ruler).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[tokio::test]
async fn where_there_can_be_no_other_gateway_it_is_gone() {
    let node = Node::start().await;
    let ruler = kept(&node, "acme", &[KeyScope::Admin]).await;
    let before_a_restart = ConnectionId::generate(RunId::generate());
    for answer in [
        node.get(&at(before_a_restart.as_str()), &ruler).await,
        delete(&node, &at(before_a_restart.as_str()), &ruler).await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json()["code"], "not_found");
    }
}

#[tokio::test]
async fn without_redis_nobody_is_said_to_be_gone() {
    let mut pair = Pair::start().await;
    let person = token(json!({"projects": ["p1"]}));
    let (_client, id) = connect(&pair.there, &person).await;
    let ruler = token(json!({"sub": "a1", "roles": ["admin"], "projects": ["p1"]}));
    // A gateway that came only just now may not hear yet what others ask, and says 503.
    let is_shown = async { while pair.here.get(&at(&id), &ruler).await.status != 200 {} };
    timeout(DEADLINE, is_shown).await.unwrap();
    pair.lose_redis();
    let path = at(&id);
    let (shown, ended, listed, present) = tokio::join!(
        pair.here.get(&path, &ruler),
        delete(&pair.here, &path, &ruler),
        pair.here.get("/api/users/u1/connections", &ruler),
        pair.here.get("/api/rooms/project:p1/presence", &ruler),
    );
    for answer in [shown, ended, listed, present] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("retry-after"), "2", "{answer:?}");
    }
    // Of its own the gateway knows.
    let there = pair.there.get(&at(&id), &ruler).await;
    assert_eq!(there.status, 200, "{there:?}");
}

fn of(user: &str) -> String {
    format!("/api/users/{user}/connections")
}

fn ids(listed: &Answer) -> Vec<String> {
    let connections = listed.json()["connections"].as_array().unwrap().clone();
    let id = |line: &Value| line["connection_id"].as_str().unwrap().to_owned();
    connections.iter().map(id).collect()
}

/// Once each gateway hears what the other asks, and knows of it.
async fn until_all_are_listed(node: &Node, user: &str, server: &str, count: usize) -> Answer {
    let listed = async {
        loop {
            let listed = node.get(&of(user), server).await;
            assert_eq!(listed.status, 200, "{listed:?}");
            if ids(&listed).len() == count {
                return listed;
            }
        }
    };
    timeout(DEADLINE, listed).await.unwrap()
}

#[tokio::test]
async fn a_server_lists_what_a_user_has_at_all_gateways() {
    let pair = Pair::start().await;
    let reader = kept(&pair.here, "acme", &[KeyScope::Read]).await;
    let person = token(json!({"projects": ["p1"], "name": "Ünal"}));
    let (_first, first) = connect(&pair.here, &person).await;
    let (_second, second) = connect(&pair.there, &person).await;
    let bearer = format!("Bearer {person}");
    let url = pair.there.at("/api/rooms/user:me/events");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    let ready = stream.expect_name("ready").await.json();
    let third = ready["data"]["connection_id"].as_str().unwrap().to_owned();
    stream.expect_name("subscribed").await;
    // Of somebody else, and of somebody of that name elsewhere.
    let (_other, _) = connect(
        &pair.there,
        &token(json!({"sub": "u2", "projects": ["p1"]})),
    )
    .await;

    let mut expected = [
        (&first, "websocket", 3),
        (&second, "websocket", 3),
        (&third, "sse", 1),
    ];
    expected.sort();
    for node in [&pair.here, &pair.there] {
        let listed = until_all_are_listed(node, "u1", &reader, 3).await.json();
        assert_eq!(listed["user_id"], "u1");
        assert_eq!(listed["unanswered"], json!([]), "{listed}");
        assert!(listed.get("has_more").is_none(), "{listed}");
        let mut lines = listed["connections"].as_array().unwrap().clone();
        let came = |line: &Value| line["connected_at"].as_u64().unwrap();
        assert!(lines.is_sorted_by_key(came), "{listed}");
        lines.sort_by_key(|line| line["connection_id"].to_string());
        for (line, (id, transport, rooms)) in lines.iter().zip(expected) {
            assert_eq!(line["connection_id"], *id, "{listed}");
            assert_eq!(line["transport"], transport, "{line}");
            assert_eq!(line["room_count"], rooms, "{line}");
            assert_eq!(line["name"], "Ünal", "{line}");
            let shown = node.get(&at(id), &reader).await.json();
            assert_eq!(shown["node"], line["node"], "{line}");
        }
    }
    let others = kept(&pair.here, "other", &[KeyScope::Admin]).await;
    for (user, server) in [("u1", &others), ("nobody", &reader)] {
        let none = pair.here.get(&of(user), server).await;
        assert_eq!(none.status, 200, "{none:?}");
        let expected = json!({"user_id": user, "connections": [], "unanswered": []});
        assert_eq!(none.json(), expected);
    }
    assert_eq!(pair.here.get(&of("a%20b"), &reader).await.status, 400);
}

#[tokio::test]
async fn a_gateway_by_itself_lists_at_once() {
    let node = Node::start().await;
    let ruler = kept(&node, "acme", &[KeyScope::Admin]).await;
    let person = token(json!({"projects": ["p1"]}));
    let (mut client, id) = connect(&node, &person).await;
    client.ping().await;
    let (mut gone, ended) = connect(&node, &person).await;
    assert_eq!(delete(&node, &at(&ended), &ruler).await.status, 200);
    gone.expect_close().await;
    let listed = node.get(&of("u1"), &ruler).await;
    assert_eq!(ids(&listed), [id]);
    assert_eq!(listed.json()["unanswered"], json!([]));
}
