//! Those who open connections and do little with them.

use std::time::Duration;

use causerie_shared::cli::raise_open_files;
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Connect;
use futures::future::join_all;
use serde_json::json;

use crate::stage::{OPENING, Stage, token};

/// How long a request's head may take to come.
const PATIENCE: (&str, &str) = ("WEBSOCKET_CONNECTION_TIMEOUT", "3s");

/// How many say nothing: more where `HOSTILE_CONNECTIONS` says so. Each takes a file of
/// each process.
fn many() -> usize {
    raise_open_files();
    let wanted = std::env::var("HOSTILE_CONNECTIONS").ok();
    wanted.map_or(4_500, |wanted| wanted.parse().expect("a number"))
}

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let stage = Stage::with(&[PATIENCE]).await;
    let mut silent = Vec::new();
    for number in 0..many() {
        let mut socket = RawSocket::connect(stage.node.url()).await;
        // Every other one says something, and then nothing any more.
        if number % 2 == 1 {
            socket.send(b"GET /ws?t=h-acme HTTP/1.1\r\nHost: ").await;
        }
        silent.push(socket);
    }
    // Who comes now gets in: those who waited longest have made room.
    stage.attacker(1, &[]).await;
    let hung_up = stage.node.metric("causerie_waiting_hung_up_total").await;
    assert!(hung_up > 0.0, "all still wait");
    join_all(silent.iter_mut().map(RawSocket::read_to_end)).await;
    stage.expect_unharmed().await;
}

#[tokio::test]
async fn who_trickles_a_request_is_hung_up_on() {
    let stage = Stage::with(&[PATIENCE]).await;
    let trickle = async |number: usize| {
        let mut socket = RawSocket::connect(stage.node.url()).await;
        let token = token(&format!("bad{number}"));
        let head = format!("GET /ws?token={token} HTTP/1.1\r\n{OPENING}X-Padding: ");
        let endless = head.bytes().chain(std::iter::repeat(b'x'));
        for byte in endless {
            // A reset is an end as well.
            let sent = socket.try_send(&[byte]).await;
            if !sent || socket.has_ended_within(Duration::from_millis(20)).await {
                return;
            }
        }
    };
    join_all((0..200).map(trickle)).await;
    stage.expect_unharmed().await;
}

#[tokio::test]
async fn who_never_reads_is_sent_away() {
    let stage = Stage::with(&[("WEBSOCKET_OUTBOX_BYTES", "256K")]).await;
    let mut deaf = Vec::new();
    for number in 0..20 {
        let mut socket = RawSocket::connect_narrow(stage.node.url()).await;
        stage.let_in(&mut socket, number, &[]).await;
        deaf.push(socket);
    }
    let mut talker = Connect::to(&stage.node.ws_url())
        .param("token", &token("talker"))
        .param("room", "project:p1")
        .header("x-forwarded-for", "203.0.113.7")
        .open()
        .await;
    let long = "x".repeat(30_000);
    let data = json!({"room": "project:p1", "user_input": long, "ai": false});
    let message = json!({"action": "sendMessage", "data": data});
    while stage.node.metric("causerie_closes_total").await < 20.0 {
        assert_eq!(talker.request(message.clone()).await["type"], "ack");
    }
    let metrics = stage.node.metrics().await;
    assert!(
        metrics.contains("causerie_closes_total{code=\"4008\"} 20"),
        "{metrics}"
    );
    join_all(deaf.iter_mut().map(RawSocket::read_to_end)).await;
    stage.expect_unharmed().await;
}
