//! `POST /api/chat`, `/api/chat/stream` and `/api/actions`.

use causerie_shared::protocol::data::{AiProcessingError, FinishReason};
use causerie_shared::protocol::error::ErrorCode;
use causerie_shared::protocol::frame;
use causerie_shared::record::{Class, Header, Record};
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::recorded::Recorded;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::making::Making;
use crate::support::node::{Node, token};

/// Asks in the background: the answer comes when the test has made the reply.
fn ask(node: &Node, body: Value) -> JoinHandle<Answer> {
    let (url, token) = (node.at("/api/chat"), token(json!({})));
    tokio::spawn(async move {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        request(Method::POST, &url, &headers, Some(&body)).await
    })
}

/// A whole reply at once.
async fn reply(mut making: Making, text: &str) {
    making.start().await;
    making.say(text).await;
    making.finish(FinishReason::Stop).await;
}

#[tokio::test]
async fn a_question_is_answered_with_its_message() {
    let node = Node::start().await;
    let mut socket = Connect::to(&node.ws())
        .param("token", &token(json!({})))
        .open()
        .await;
    socket
        .expect("its room", |frame| frame["room"] == "user:u1")
        .await;
    let asked = ask(
        &node,
        json!({"id": "q1", "user_input": "hello", "session_id": "s1"}),
    );
    reply(node.next_question().await, "hi there").await;
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    // The very frame that everybody else in the room hears.
    let heard = socket.expect_type("message").await;
    assert_eq!(answer.json(), heard);
    assert_eq!(heard["data"]["content"], "hi there");
    assert_eq!(heard["data"]["session_id"], "s1");
}

#[tokio::test]
async fn a_repeat_waits_for_the_same_reply_and_later_gets_it() {
    let node = Node::start().await;
    let body = json!({"id": "q1", "user_input": "hello"});
    let first = ask(&node, body.clone());
    let making = node.next_question().await;
    let second = ask(&node, body.clone());
    let by_socket = {
        let mut socket = Connect::to(&node.ws())
            .param("token", &token(json!({})))
            .open()
            .await;
        let again = json!({"action": "sendMessage", "id": "q1", "data": {"user_input": "hello"}});
        socket.request(again).await
    };
    assert_eq!(
        by_socket["data"]["message_id"],
        making.claim.in_reply_to.as_str()
    );
    reply(making, "once").await;
    let first = first.await.unwrap();
    assert_eq!(first.json(), second.await.unwrap().json());
    let third = ask(&node, body).await.unwrap();
    assert_eq!(first.json(), third.json());
    let history = node
        .get("/api/rooms/user:me/history", &token(json!({})))
        .await;
    assert_eq!(history.json()["events"].as_array().unwrap().len(), 2);
}

/// How long an id is remembered may be changed while the program runs.
#[tokio::test]
async fn an_id_is_forgotten_as_soon_as_the_changed_file_says() {
    let node = Node::start().await;
    let toml = std::fs::read_to_string(node.config_file()).unwrap();
    let limits = "[limits]\ndedup_window = '1s'\nmessages_per_minute_per_connection = 7\n";
    std::fs::write(node.config_file(), format!("{limits}{toml}")).unwrap();
    node.settings.reload();
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    loop {
        let connect = Connect::to(&node.ws()).param("token", &token(json!({})));
        let ready = connect.open().await.expect_type("ready").await;
        if ready["data"]["messages_per_minute"] == 7 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{ready}");
    }
    let said = async || {
        let data = json!({"user_input": "hello", "ai": false});
        let body = json!({"action": "sendMessage", "id": "c1", "data": data});
        let ack = node.post("/api/actions", &token(json!({})), &body).await;
        ack.json()["data"]["message_id"].clone()
    };
    let first = said().await;
    while said().await == first {
        assert!(tokio::time::Instant::now() < deadline, "it is remembered");
    }
}

#[tokio::test]
async fn past_the_time_out_the_reply_still_reaches_the_room() {
    let recorded = Recorded::here();
    let node = Node::with("[ai]\nmessage_timeout = '100ms'").await;
    let body = json!({"id": "q1", "user_input": "hello"});
    let answer = ask(&node, body.clone()).await.unwrap();
    assert_eq!(answer.status, 504, "{answer:?}");
    recorded.metric_rises("causerie_chat_timeouts_total");
    let error = answer.json();
    assert_eq!(
        (&error["code"], &error["id"]),
        (&json!("ai_timeout"), &json!("q1"))
    );
    assert_eq!(error["canRetry"], true);
    reply(node.next_question().await, "late").await;
    let answer = ask(&node, body).await.unwrap();
    assert_eq!(answer.json()["data"]["content"], "late", "{answer:?}");
}

#[tokio::test]
async fn a_reply_that_failed_or_was_cancelled_tells_so() {
    let node = Node::start().await;
    let asked = ask(&node, json!({"id": "q1", "user_input": "hello"}));
    node.next_question().await.finish(FinishReason::Error).await;
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 502, "{answer:?}");
    let error = answer.json();
    assert_eq!(
        (&error["code"], &error["id"]),
        (&json!("ai_unavailable"), &json!("q1"))
    );
    // The same id would get the same failed reply.
    assert_eq!(error["canRetry"], false);

    let asked = ask(&node, json!({"user_input": "hello"}));
    let mut making = node.next_question().await;
    making.say("as far as").await;
    making.finish(FinishReason::Cancelled).await;
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["data"]["finish_reason"], "cancelled");
    assert_eq!(answer.json()["data"]["content"], "as far as");
}

/// Tells why the reply fails, as a broker does, and ends it.
async fn fail(node: &Node, making: Making, code: ErrorCode, can_retry: bool) {
    let lease = &making.claim.lease;
    let event = causerie_shared::protocol::event::Event::AiProcessingError;
    let data = AiProcessingError {
        message_id: lease.message_id.clone(),
        code,
        can_retry,
    };
    let header = Header {
        class: Class::Transient,
        event: event.name().into(),
        position: None,
        ts: node.bus.clock().now_ms(),
        reply: None,
        in_reply_to: Some(making.claim.in_reply_to.clone()),
        excluded: None,
        trace: None,
    };
    let frame = frame::transient(event, &lease.room.room, header.ts, &data);
    let records = [Record { header, frame }];
    node.bus.announce(lease, &records).await.unwrap();
    making.finish(FinishReason::Error).await;
}

#[tokio::test]
async fn why_a_reply_failed_is_told_as_the_room_hears_it() {
    let node = Node::start().await;
    for (code, can_retry, status) in [
        (ErrorCode::AiTimeout, true, 504),
        (ErrorCode::AiUnavailable, false, 502),
        (ErrorCode::Internal, false, 500),
    ] {
        let asked = ask(&node, json!({"user_input": "hello"}));
        fail(&node, node.next_question().await, code, can_retry).await;
        let answer = asked.await.unwrap();
        let error = answer.json();
        assert_eq!(
            (answer.status, &error["code"], &error["canRetry"]),
            (status, &json!(code), &json!(can_retry))
        );
    }
}

#[tokio::test]
async fn a_question_can_be_heard_as_it_is_answered() {
    let node = Node::start().await;
    let bearer = format!("Bearer {}", token(json!({})));
    let headers = [("authorization", &*bearer)];
    let body = json!({"id": "q1", "user_input": "hello"});
    let mut stream = Sse::post(&node.at("/api/chat/stream"), &headers, &body).await;
    let ack = stream.expect_name("ack").await.json();
    assert_eq!(ack["id"], "q1");
    let other = ask(&node, json!({"user_input": "another"}));
    let mut making = node.next_question().await;
    making.start().await;
    for text in ["one ", "two ", "three"] {
        making.say(text).await;
    }
    making.finish(FinishReason::Stop).await;
    assert_eq!(stream.expect_end().await, "complete");
    let names: Vec<String> = stream
        .events()
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(
        names,
        [
            "ack",
            "new_message",
            "ai_processing_start",
            "message_delta",
            "message_delta",
            "message_delta",
            "message"
        ]
    );
    assert_eq!(
        stream.events()[6].json()["data"]["content"],
        "one two three"
    );
    reply(node.next_question().await, "other").await;
    assert_eq!(other.await.unwrap().status, 200);

    // A repeat gets what there is.
    let mut again = Sse::post(&node.at("/api/chat/stream"), &headers, &body).await;
    again.expect_end().await;
    let last = again.events().pop().unwrap();
    assert_eq!(last.json()["data"]["content"], "one two three");
}

#[tokio::test]
async fn going_away_does_not_cancel() {
    let node = Node::start().await;
    let bearer = format!("Bearer {}", token(json!({})));
    let headers = [("authorization", &*bearer)];
    let body = json!({"id": "q1", "user_input": "hello"});
    let mut stream = Sse::post(&node.at("/api/chat/stream"), &headers, &body).await;
    stream.expect_name("ack").await;
    let making = node.next_question().await;
    drop(stream);
    reply(making, "all the same").await;
    let answer = ask(&node, body).await.unwrap();
    assert_eq!(answer.json()["data"]["content"], "all the same");
}

#[tokio::test]
async fn one_frame_may_be_posted() {
    let node = Node::start().await;
    let post = |body: Value| {
        let node = &node;
        async move { node.post("/api/actions", &token(json!({})), &body).await }
    };
    let sent =
        post(json!({"action": "sendMessage", "id": "c1", "data": {"user_input": "x"}})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let ack = sent.json();
    assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!("c1")));
    let question = ack["data"]["message_id"].clone();
    let cancelled = post(json!({"action": "cancel", "data": {"message_id": question}})).await;
    assert_eq!(cancelled.json()["type"], "ack");
    let again = post(json!({"action": "cancel", "id": "c2", "message_id": question})).await;
    assert_eq!((again.status, &again.json()["id"]), (404, &json!("c2")));
    for (body, status, code) in [
        (
            json!({"action": "subscribe", "id": "c3", "room": "tenant"}),
            400,
            "unknown_action",
        ),
        (json!({"action": "ping", "id": "c3"}), 400, "unknown_action"),
        (
            json!({"action": "dance", "id": "c3"}),
            400,
            "unknown_action",
        ),
        (
            json!({"action": "sendMessage", "id": "c3", "user_input": ""}),
            400,
            "invalid_message",
        ),
        (
            json!({"action": "sendMessage", "id": "c3", "user_input": "x", "room": "user:u2"}),
            403,
            "forbidden",
        ),
    ] {
        let answer = post(body.clone()).await;
        let error = answer.json();
        assert_eq!(
            (answer.status, &error["code"]),
            (status, &json!(code)),
            "{body}"
        );
        assert_eq!(error["id"], "c3");
    }
}

#[tokio::test]
async fn bad_requests_are_told_apart() {
    let node = Node::start().await;
    let bearer = format!("Bearer {}", token(json!({})));
    let client = reqwest::Client::new();
    let send = |method: Method, path: &str, kind: &str, body: String| {
        let request = client
            .request(method, node.at(path))
            .header("authorization", &bearer)
            .header("content-type", kind)
            .body(body);
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let allow = answer.headers().get("allow").cloned();
            let error: Value = answer.json().await.unwrap();
            (status, error["code"].as_str().unwrap().to_owned(), allow)
        }
    };
    let json_type = "application/json; charset=utf-8";
    for (method, path, kind, body, expected) in [
        (
            Method::POST,
            "/api/chat",
            "text/plain",
            "{}".to_owned(),
            (415, "invalid_message"),
        ),
        (
            Method::POST,
            "/api/chat",
            json_type,
            "{".to_owned(),
            (400, "invalid_json"),
        ),
        (
            Method::POST,
            "/api/chat",
            json_type,
            "[]".to_owned(),
            (400, "invalid_message"),
        ),
        (
            Method::POST,
            "/api/chat",
            json_type,
            "{\"id\":7}".to_owned(),
            (400, "invalid_message"),
        ),
        (
            Method::POST,
            "/api/chat",
            json_type,
            "{\"user_input\":\"x\",\"ai\":false}".to_owned(),
            (400, "invalid_message"),
        ),
        (
            Method::POST,
            "/api/chat",
            json_type,
            " ".repeat(200_000),
            (413, "message_too_large"),
        ),
        (
            Method::POST,
            "/api/actions",
            json_type,
            "[".repeat(99),
            (400, "invalid_message"),
        ),
        (
            Method::GET,
            "/api/nothing",
            json_type,
            String::new(),
            (404, "not_found"),
        ),
        (
            Method::GET,
            "/api/messages/nonsense",
            json_type,
            String::new(),
            (400, "invalid_message"),
        ),
        (
            Method::GET,
            "/api/rooms/team:x/history",
            json_type,
            String::new(),
            (400, "invalid_message"),
        ),
    ] {
        let (status, code, _) = send(method, path, kind, body).await;
        assert_eq!((status, &*code), expected, "{path}");
    }
    let (status, _, allow) = send(Method::DELETE, "/api/chat", json_type, String::new()).await;
    assert_eq!(status, 405);
    assert_eq!(allow.unwrap(), "POST");
}
