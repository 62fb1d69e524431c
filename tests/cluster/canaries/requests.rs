//! What people ask for over HTTP.

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::http::{self, Answer};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::cluster::Cluster;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ORIGIN, PROJECT, get};
use crate::kit::cage::Cage;
use crate::status;

pub(super) async fn over_http(cluster: &Cluster, cage: &mut Cage, token: &str) {
    let gateway = cluster.gateways[0].url();
    let bearer = format!("Bearer {token}");
    let agent = cage.plant("User-Agent over HTTP");
    let trace = cage.plant("the header traceparent");
    let headers = [
        ("authorization", bearer.as_str()),
        ("origin", ORIGIN),
        ("user-agent", &agent),
        ("traceparent", &trace),
    ];
    let ask = |said: String| json!({"user_input": said});

    let said = cage.plant("user_input over HTTP");
    let url = format!("{gateway}/api/chat?{}=1", cage.plant("a query over HTTP"));
    cluster.ai.script([Behaviour::new(Plot::Echo)]);
    let answer = http::request(Method::POST, &url, &headers, Some(&ask(said.clone()))).await;
    assert_eq!(answer.json()["data"]["content"], said, "{answer:?}");

    let said = cage.plant("user_input over SSE");
    cluster.ai.script([Behaviour::new(Plot::Echo)]);
    let url = format!("{gateway}/api/chat/stream");
    let mut stream = Sse::post(&url, &headers, &ask(said.clone())).await;
    assert_eq!(
        stream.expect_name("message").await.json()["data"]["content"],
        said
    );

    let config = format!(
        "{gateway}/api/client-config?t=acme-hash&visitor={}",
        cage.plant("visitor")
    );
    assert_eq!(get(&config, &[("origin", ORIGIN)]).await.status, 200);

    let history = format!(
        "{gateway}/api/rooms/user:me/history?before={}",
        cage.plant("before")
    );
    assert_eq!(get(&history, &headers).await.status, 400);
    let history = format!("{gateway}/api/rooms/user:me/history?token={token}");
    assert!(get(&history, &[]).await.body.contains(&said));
    let position = cage.plant("Last-Event-ID");
    let headers = [
        ("authorization", bearer.as_str()),
        ("last-event-id", &position),
    ];
    assert_eq!(
        get(&format!("{gateway}/api/events"), &headers).await.status,
        400
    );
}

/// One frame in a request of its own.
pub(super) async fn actions_over_http(
    cluster: &Cluster,
    cage: &mut Cage,
    token: &str,
    reader: &mut Client,
) {
    let said = cage.plant("user_input of an action over HTTP");
    let note = cage.plant("metadata over HTTP");
    let id = cage.plant("id over HTTP");
    let frame = json!({
        "action": "sendMessage",
        "id": id,
        cage.plant("a member of a frame over HTTP"): cage.plant("its value over HTTP"),
        "data": {
            "user_input": said,
            "session_id": cage.plant("session_id over HTTP"),
            "room": format!("project:{PROJECT}"),
            "metadata": {"note": note},
            "ai": false,
        },
    });
    let ack = act(cluster, cage, token, &frame).await;
    assert_eq!(ack.json()["id"], id, "{ack:?}");
    let is_it = |frame: &Value| frame["data"]["content"] == said;
    let heard = reader.expect("what was said over HTTP", is_it).await;
    assert_eq!(heard["data"]["metadata"]["note"], note, "{heard}");

    let unknown = json!({"action": cage.plant("an unknown action over HTTP")});
    let bad = json!({"action": "read", "data": {"room": cage.plant("a bad room over HTTP")}});
    let gone = json!({"action": "delete", "data": {
        "room": "user:me", "message_id": format!("00-{}", cage.plant("a message_id over HTTP")),
    }});
    let other = json!({"action": "authenticate", "data": {
        "token": cage.plant("what is no token over HTTP"),
    }});
    let text = json!(cage.plant("what is no frame"));
    for (status, frame) in [
        (400, &unknown),
        (400, &bad),
        (404, &gone),
        (401, &other),
        (400, &text),
    ] {
        let answer = act(cluster, cage, token, frame).await;
        assert_eq!(answer.status, status, "{frame}: {answer:?}");
    }
}

async fn act(cluster: &Cluster, cage: &mut Cage, token: &str, frame: &Value) -> Answer {
    let url = format!("{}/api/actions", cluster.gateways[0].url());
    let (bearer, trace) = (
        format!("Bearer {token}"),
        cage.plant("traceparent of actions"),
    );
    let headers = [("authorization", &*bearer), ("traceparent", &trace)];
    http::request(Method::POST, &url, &headers, Some(frame)).await
}

/// What people may ask for, with something else where a number or an id should be.
pub(super) async fn bad_parts_of_urls(cluster: &Cluster, cage: &mut Cage, token: &str) {
    let gateway = cluster.gateways[0].url();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let room = format!("/api/rooms/project:{PROJECT}");
    for (status, path) in [
        (400, format!("{room}/history?after={}", cage.plant("after"))),
        (400, format!("{room}/history?limit={}", cage.plant("limit"))),
        (
            400,
            format!("{room}/history?format={}", cage.plant("format")),
        ),
        (
            403,
            format!(
                "/api/rooms/project:{}/history",
                cage.plant("a foreign room in a path")
            ),
        ),
        (
            400,
            format!("{room}/events?lastEventId={}", cage.plant("lastEventId")),
        ),
        (
            404,
            format!("/api/messages/00-{}", cage.plant("a message_id in a path")),
        ),
    ] {
        let answer = get(&format!("{gateway}{path}"), &headers).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    // A position as good as any, of a log that never was.
    let room = format!("project:{PROJECT}");
    let last = format!("{room}@{}:7", cage.plant("an epoch in Last-Event-ID"));
    let headers = [("authorization", &*bearer), ("last-event-id", &last)];
    let url = format!("{gateway}/api/rooms/{room}/events");
    let mut stream = Sse::open(&url, &headers).await;
    stream.expect_name("subscribed").await;
}

/// What an operator asks, with something else where a word or a number should be.
pub(super) async fn of_an_operator(cluster: &Cluster, cage: &mut Cage) {
    let gateway = cluster.gateways[0].url();
    let operator = status::operator();
    cage.keep("an operator's token", &operator);
    let bearer = format!("Bearer {operator}");
    let headers = [("authorization", &*bearer)];
    let history = "/api/websocket/status/history";
    let mut paths = Vec::new();
    for name in ["kind", "before", "limit"] {
        let value = cage.plant(&format!("{name} of the status"));
        paths.push((400, format!("{history}?{name}={value}")));
    }
    let part = cage.plant("a part of the audit log");
    paths.push((400, format!("/api/audit?part={part}")));
    let any = cage.plant("any parameter of the status");
    paths.push((200, format!("/api/status/live?{any}={any}")));
    for (status, path) in paths {
        let answer = get(&format!("{gateway}{path}"), &headers).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    let url = cluster.gateways[0].ws_url().replace("/ws", "/ws/status");
    let connect = Connect::to(&url).param("token", &operator);
    let mut watching = connect.open().await;
    watching.expect_type("system_status_update").await;
    watching
        .send_text(&cage.plant("a frame to the status"))
        .await;
}
