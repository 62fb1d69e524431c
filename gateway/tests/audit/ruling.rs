//! Who ruled over what is others', or was not believed while they were here.

use causerie_testkit::client::http::Answer;
use causerie_testkit::client::ws::Client;
use causerie_testkit::process::Node;
use causerie_testkit::redis::Redis;
use reqwest::Method;
use serde_json::{Value, json};

use super::{DEADLINE, Instant, ON, ask, bare, come_in, entries, gateways, keys, read, token};

async fn act(node: &Node, token: &str, action: &str, data: Value) -> Answer {
    let body = json!({"action": action, "data": data});
    ask(node, Method::POST, "/api/actions", token, Some(&body)).await
}

/// Says something to people, and gives the message's id.
async fn say(node: &Node, token: &str) -> Value {
    let data = json!({"user_input": "a secret", "room": "project:p1", "ai": false});
    let said = act(node, token, "sendMessage", data).await;
    assert_eq!(said.status, 200, "{said:?}");
    said.json()["data"]["message_id"].clone()
}

fn message(room: &str, id: &Value) -> Value {
    json!({"room": room, "message_id": id})
}

/// So many entries, once they are there, without those of who came in.
async fn told(node: &Node, count: usize) -> Vec<Value> {
    let is_other = |entry: &Value| entry["what"] != "connect";
    let found = entries(node, "", count, is_other).await;
    found.iter().rev().map(bare).collect()
}

fn connection_of(client: &Client) -> String {
    let ready = |frame: &Value| frame["type"] == "ready";
    let ready = client.frames().into_iter().find(ready).unwrap();
    ready["data"]["connection_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn to_delete_what_others_said_is_told() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    let [user, other] = ["u1", "u2"].map(|user| token("acme", user, None));
    let boss = token("acme", "boss", Some("admin"));
    let (own, others) = (say(&here, &user).await, say(&here, &user).await);
    // What is one's own is nobody else's affair.
    let deleted = act(&here, &user, "delete", message("project:p1", &own)).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    for room in ["project:p1", "project:p9"] {
        let refused = act(&here, &other, "delete", message(room, &others)).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    let mut client = come_in(&here, &boss).await;
    let frame = json!({"action": "delete", "data": message("project:p1", &others)});
    let deleted = client.request(frame).await;
    assert_eq!(deleted["type"], "ack", "{deleted}");
    let missing = act(
        &here,
        &boss,
        "delete",
        message("project:p1", &json!("00-x")),
    )
    .await;
    assert_eq!(missing.status, 404, "{missing:?}");

    let on = format!("project:p1 {}", others.as_str().unwrap());
    let address = "198.51.100.x";
    let expected = [
        json!({"what": "delete", "who": "user:u2", "address": address, "on": on,
            "result": "forbidden"}),
        json!({"what": "delete", "who": "user:u2", "address": address, "result": "forbidden"}),
        json!({"what": "delete", "who": "user:boss", "address": address,
            "transport": "websocket", "on": on, "result": "ok"}),
    ];
    assert_eq!(told(&there, 3).await, expected);
}

#[tokio::test]
async fn a_token_that_is_shown_in_vain_is_told() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    let user = token("acme", "u1", None);
    let mut client = come_in(&here, &user).await;
    let connection = connection_of(&client);
    let (theirs, elsewhere) = (token("acme", "u2", None), token("bolt", "u1", None));
    for (shown, code) in [
        (&*user, ""),
        ("made-up", "unauthorized"),
        (&theirs, "forbidden"),
    ] {
        let frame = json!({"action": "authenticate", "data": {"token": shown}});
        let answer = client.request(frame).await;
        assert_eq!(answer["code"].as_str().unwrap_or_default(), code);
    }
    let refused = act(&here, &user, "authenticate", json!({"token": elsewhere})).await;
    assert_eq!(refused.status, 403, "{refused:?}");

    let is_refusal = |entry: &Value| entry["what"] == "refuse";
    let mut found = entries(&there, "", 3, is_refusal).await;
    found.reverse();
    let of = |entry: &Value| entry["connection"].clone();
    let connections: Vec<_> = found.iter().map(of).collect();
    assert_eq!(
        connections,
        [json!(connection), json!(connection), Value::Null]
    );
    let address = "198.51.100.x";
    let over_socket = |result: &str| {
        json!({"what": "refuse", "who": "user:u1", "address": address, "transport": "websocket",
            "result": result})
    };
    let expected = [
        over_socket("token_malformed"),
        over_socket("token_user"),
        json!({"what": "refuse", "who": "user:u1", "address": address, "result": "token_user"}),
    ];
    assert_eq!(found.iter().map(bare).collect::<Vec<_>>(), expected);
    assert!(!json!(found).to_string().contains("made-up"));
}

#[tokio::test]
async fn to_end_a_connection_is_told() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    let key = keys(&redis, "create --tenant acme --name shop --scope admin").await;
    let server = format!("key:{}", key.rsplit_once('_').unwrap().0);
    let user = token("acme", "u1", None);
    let mut client = come_in(&here, &user).await;
    let id = connection_of(&client);
    let path = format!("/api/connections/{id}");
    for (who, status) in [(&user, 403), (&key, 200)] {
        let answer = ask(&there, Method::DELETE, &path, who, None).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(client.expect_close().await.code, Some(4510));
    // What comes to nothing is in another part: in order only if it is kept later.
    told(&here, 3).await;
    let gone = ask(&there, Method::DELETE, &path, &key, None).await;
    assert_eq!(gone.status, 404, "{gone:?}");

    let ended = |who: &str, result: &str| {
        json!({"what": "end_connection", "who": who, "address": "198.51.100.x",
            "on": format!("connection:{id}"), "result": result})
    };
    let expected = [
        json!({"what": "make_key", "who": "command", "on": server, "result": "ok"}),
        ended("user:u1", "role"),
        ended(&server, "ok"),
        ended(&server, "not_found"),
    ];
    assert_eq!(told(&here, 4).await, expected);
}

#[tokio::test]
async fn an_abuser_is_told() {
    let redis = Redis::start().await;
    let few = [
        ON[0],
        ("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1"),
        ("LIMITS_VIOLATIONS_BEFORE_CLOSE", "1"),
        // The one who reads it comes from the same address.
        ("LIMITS_HOLD_OFF", "0s"),
    ];
    let [here, there] = gateways(&redis, &few).await;
    let mut client = come_in(&here, &token("acme", "u1", None)).await;
    let connection = connection_of(&client);
    let message = json!({"action": "sendMessage", "data": {"user_input": "x", "ai": false}});
    while client.request(message.clone()).await["fatal"] != true {}
    assert_eq!(client.expect_close().await.code, Some(4508));

    let is_abuse = |entry: &Value| entry["what"] == "abuse";
    let found = entries(&there, "", 1, is_abuse).await;
    assert_eq!(found[0]["connection"], json!(connection));
    let expected = json!({"what": "abuse", "who": "user:u1", "address": "198.51.100.x",
        "transport": "websocket", "result": "ok"});
    assert_eq!(found.iter().map(bare).collect::<Vec<_>>(), [expected]);
}

/// Else the tenant's admin could not find them.
#[tokio::test]
async fn an_abuser_over_http_is_told_by_name() {
    let redis = Redis::start().await;
    let few = [
        ON[0],
        ("LIMITS_MESSAGES_PER_MINUTE_PER_USER", "1"),
        ("LIMITS_VIOLATIONS_BEFORE_CLOSE", "1"),
        ("LIMITS_HOLD_OFF", "0s"),
    ];
    let [here, there] = gateways(&redis, &few).await;
    let user = token("acme", "u1", None);
    let message = json!({"action": "sendMessage", "data": {"user_input": "x", "ai": false}});
    let operator = token("acme", "boss", Some("operator"));
    let (deadline, mut found) = (Instant::now() + DEADLINE, None);
    while found.is_none() {
        ask(&here, Method::POST, "/api/actions", &user, Some(&message)).await;
        let page = read(&there, "", &operator).await;
        assert!(Instant::now() < deadline, "{page}");
        let entries = page["entries"].as_array().unwrap().iter();
        found = entries.map(bare).find(|entry| entry["what"] == "abuse");
    }
    let expected = json!({"what": "abuse", "who": "user:u1", "address": "198.51.100.x",
        "on": "messages", "result": "ok"});
    assert_eq!(found, Some(expected));
}
