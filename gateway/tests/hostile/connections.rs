//! Those who open connections and do little with them.

use std::time::Duration;

use causerie_testkit::client::raw::RawSocket;
use futures::future::join_all;
use serde_json::json;
use tokio::time::interval;

use crate::good::PACE;
use crate::stage::{OPENING, Stage, Turns, many, token};

/// How long a request's head may take to come.
pub(crate) const PATIENCE: (&str, &str) = ("WEBSOCKET_CONNECTION_TIMEOUT", "3s");

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let stage = Stage::with(&[PATIENCE]).await;
    // As long as a head may nearly be, and no end.
    let mut head = b"GET /ws?t=h-acme HTTP/1.1\r\nX-Padding: ".to_vec();
    head.resize(60_000, b'x');
    let play = async |_| {
        let before = stage.node.metric("causerie_waiting_hung_up_total").await;
        let (mut silent, mut turns) = (Vec::new(), Turns::begin());
        for number in 0..many() {
            turns.next().await;
            let mut socket = RawSocket::connect(stage.node.url()).await;
            // Every other one says something, and then nothing any more.
            let said = match number % 4 {
                1 => &head[..40],
                3 => &head,
                _ => &[],
            };
            // Some are hung up on amid it.
            socket.try_send(said).await;
            silent.push(socket);
        }
        // Who comes now gets in: those who waited longest have made room.
        stage.attacker(&[]).await;
        let hung_up = stage.node.metric("causerie_waiting_hung_up_total").await;
        assert!(hung_up > before, "all still wait");
        stage
            .node
            .metric_rises("causerie_waiting_hung_up_total")
            .await;
        join_all(silent.iter_mut().map(RawSocket::read_to_end)).await;
    };
    stage.attack(play).await;
    let what = format!(
        "opens {} connections, and says nothing or next to it",
        many()
    );
    stage.expect_unharmed(&what).await;
}

#[tokio::test]
async fn who_promises_a_body_is_hung_up_on() {
    let stage = Stage::with(&[PATIENCE]).await;
    let head = "POST /api/auth/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 4000\r\n\r\n{";
    let play = async |_| {
        let before = stage.node.metric("causerie_waiting_hung_up_total").await;
        let (mut silent, mut turns) = (Vec::new(), Turns::begin());
        for _ in 0..many() {
            turns.next().await;
            let mut socket = RawSocket::connect(stage.node.url()).await;
            socket.try_send(head.as_bytes()).await;
            silent.push(socket);
        }
        stage.attacker(&[]).await;
        let hung_up = stage.node.metric("causerie_waiting_hung_up_total").await;
        assert!(hung_up > before, "all still wait");
        join_all(silent.iter_mut().map(RawSocket::read_to_end)).await;
    };
    stage.attack(play).await;
    let what = format!("sends the heads of {} requests, and no bodies", many());
    stage.expect_unharmed(&what).await;
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
    stage
        .attack(async |_| drop(join_all((0..200).map(trickle)).await))
        .await;
    let what = "trickles 200 requests, a byte at a time";
    stage.expect_unharmed(what).await;
}

#[tokio::test]
async fn who_never_reads_is_sent_away() {
    let long = "x".repeat(30_000);
    let data = json!({"room": "project:p1", "user_input": long, "ai": false});
    let message = json!({"action": "sendMessage", "data": data});
    let stage = Stage::amid_talk(&[("WEBSOCKET_OUTBOX_BYTES", "256K")], message).await;
    let play = async |round: usize| {
        let mut deaf = Vec::new();
        for _ in 0..20 {
            let mut socket = RawSocket::connect_narrow(stage.node.url()).await;
            stage.let_in(&mut socket, &[]).await;
            deaf.push(socket);
        }
        let closed = 20 * (round + 1);
        // Not so often that it would be felt.
        let mut looks = interval(10 * PACE);
        while stage.node.metric("causerie_closes_total").await < closed as f64 {
            looks.tick().await;
        }
        let (metrics, wanted) = (
            stage.node.metrics().await,
            format!("causerie_closes_total{{code=\"4008\"}} {closed}\n"),
        );
        assert!(metrics.contains(&wanted), "{metrics}");
        stage.node.metric_rises("causerie_drops_total").await;
    };
    stage.attack(play).await;
    let what =
        "does not read what is said in a room, 3 MB a second in calm too, over 20 connections";
    stage.expect_unharmed(what).await;
}
