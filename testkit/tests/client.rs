//! The clients against a small server of axum's: what they read is what was
//! sent, and what does not come fails the test with all that did.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use causerie_testkit::client::http;
use causerie_testkit::client::raw::{RawSocket, opcode};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::{Closed, Connect};
use serde_json::{Value, json};

/// Echoes frames; `"ping"` is acked after two other frames; `"bye"` closes with 4008.
async fn on_socket(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap_or(json!({"action": text.as_str()}));
        let answers = match frame["action"].as_str() {
            Some("bye") => vec![Message::Close(Some(CloseFrame {
                code: 4008,
                reason: "slow".into(),
            }))],
            Some("vanish") => return,
            Some("binary") => vec![Message::Binary(vec![1, 2].into())],
            Some("ping") => vec![
                Message::text(json!({"type": "b"}).to_string()),
                Message::text(json!({"type": "a"}).to_string()),
                Message::text(json!({"type": "pong", "id": frame["id"]}).to_string()),
            ],
            _ => vec![Message::text(
                json!({"type": "echo", "frame": frame}).to_string(),
            )],
        };
        for answer in answers {
            if socket.send(answer).await.is_err() {
                return;
            }
        }
    }
}

/// Where it listens: `127.0.0.1:PORT`.
async fn server() -> String {
    let events = || async {
        (
            [("content-type", "text/event-stream")],
            ": hi\n\nevent: x\nid: 1\ndata: {\"n\":1}\n\n",
        )
    };
    let router = Router::new()
        .route(
            "/ws",
            any(|upgrade: WebSocketUpgrade| async {
                upgrade.protocols(["picasso-chat-v1"]).on_upgrade(on_socket)
            }),
        )
        .route(
            "/no",
            any(|| async {
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    [("retry-after", "7")],
                    r#"{"code":"x"}"#,
                )
                    .into_response()
            }),
        )
        .route("/events", get(events))
        .route(
            "/json",
            post(|body: String| async move { (StatusCode::IM_A_TEAPOT, body) }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn connect() -> Connect {
    Connect::to(&format!("ws://{}/ws", server().await))
}

#[tokio::test]
async fn frames_are_expected_in_any_order_and_each_once() {
    let mut client = connect().await.subprotocol("picasso-chat-v1").open().await;
    assert_eq!(client.subprotocol(), Some("picasso-chat-v1"));
    client.ping().await;
    client.expect_type("a").await;
    client.expect_type("b").await;
    let types: Vec<_> = client
        .frames()
        .iter()
        .map(|frame| frame["type"].clone())
        .collect();
    assert_eq!(types, ["b", "a", "pong"]);
    client.send(json!({"action": "x"})).await;
    let echo = client
        .expect("the echo", |frame| frame["frame"]["action"] == "x")
        .await;
    assert_eq!(echo["type"], "echo");
}

#[tokio::test]
#[should_panic(expected = "no second a within")]
async fn what_does_not_come_fails_with_what_did() {
    let mut client = connect().await.open().await;
    client.ping().await;
    client.expect_type("a").await;
    client
        .expect_within(Duration::from_millis(50), "second a", |frame| {
            frame["type"] == "a"
        })
        .await;
}

#[tokio::test]
#[should_panic(expected = "the stream ended: Closed { code: Some(4008)")]
async fn an_end_fails_the_wait_at_once() {
    let mut client = connect().await.open().await;
    client.send(json!({"action": "bye"})).await;
    client.expect_type("never").await;
}

#[tokio::test]
async fn closes_are_told_apart() {
    let at = connect().await;
    let mut client = at.clone().open().await;
    client.send(json!({"action": "bye"})).await;
    let closed = Closed {
        code: Some(4008),
        reason: "slow".to_owned(),
    };
    assert_eq!(client.expect_close().await, closed);

    let mut client = at.clone().open().await;
    client.send_text("vanish").await;
    assert_eq!(client.expect_close().await.code, None);

    let mut client = at.clone().open().await;
    client.send_text("binary").await;
    assert!(client.expect_close().await.reason.contains("binary"));

    assert_eq!(at.open().await.close(1000, "bye").await.code, Some(1000));
}

#[tokio::test]
async fn a_client_that_stops_reading_reads_on_later() {
    let mut client = connect().await.open().await;
    client.stop_reading();
    client.send(json!({"action": "x"})).await;
    let seen = tokio::time::timeout(Duration::from_millis(100), client.expect_type("echo")).await;
    assert!(seen.is_err(), "it has read: {seen:?}");
    client.resume_reading();
    client.expect_type("echo").await;
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let refusal = Connect::to(&format!("ws://{}/no", server().await))
        .try_open()
        .await
        .unwrap_err();
    assert_eq!((refusal.status, refusal.header("retry-after")), (429, "7"));
    assert_eq!(refusal.json()["code"], "x");
}

#[tokio::test]
async fn raw_frames_go_out_as_they_are() {
    let address = server().await;
    let mut socket = RawSocket::open(&address, "/ws", &[]).await;
    socket
        .send_frame(false, opcode::TEXT, b"{\"action\":")
        .await;
    socket
        .send_frame(true, opcode::CONTINUATION, b"\"x\"}")
        .await;
    let echo = socket.read_frame().await.unwrap();
    assert_eq!((echo.fin, echo.opcode), (true, opcode::TEXT));
    assert_eq!(
        String::from_utf8(echo.payload).unwrap(),
        r#"{"frame":{"action":"x"},"type":"echo"}"#
    );
    let long = "y".repeat(70_000);
    socket.send_frame(true, opcode::TEXT, long.as_bytes()).await;
    assert!(socket.read_frame().await.unwrap().payload.len() > 70_000);
    socket
        .send_frame(true, opcode::TEXT, br#"{"action":"bye"}"#)
        .await;
    assert_eq!(socket.read_close().await, Some(4008));

    let mut half = RawSocket::open(&address, "/ws", &[]).await;
    half.shut_down_writing().await;
    assert_eq!(half.read_frame().await, None);
}

#[tokio::test]
async fn http_and_events_are_read() {
    let base = format!("http://{}", server().await);
    let answer = http::post(&format!("{base}/json"), &json!({"a": 1})).await;
    assert_eq!((answer.status, answer.json()), (418, json!({"a": 1})));
    assert_eq!(http::get(&format!("{base}/nowhere")).await.status, 404);

    let mut events = Sse::open(&format!("{base}/events"), &[]).await;
    let event = events.expect_name("x").await;
    assert_eq!(
        (event.json(), event.id.as_deref()),
        (json!({"n": 1}), Some("1"))
    );
    assert_eq!(events.events()[0].comment.as_deref(), Some("hi"));
    assert_eq!(events.expect_end().await, "complete");
    let answer = Sse::try_open(reqwest::Method::GET, &format!("{base}/json"), &[], None).await;
    assert_eq!(answer.unwrap_err().status, 405);
}
