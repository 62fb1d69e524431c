//! The floors, as real processes with real clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::process::Command;
use std::time::Duration;

use causerie_testkit::child::Child;
use causerie_testkit::redis::Redis;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);

struct Floor {
    child: Child,
    port: u16,
}

impl Floor {
    async fn start(program: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(program);
        command.arg("0").args(arguments);
        let child = Child::spawn("floor", command);
        let port = child
            .find_line(0, "its port", |line| line.rsplit_once(':')?.1.parse().ok())
            .await
            .unwrap();
        Self { child, port }
    }

    async fn join(&self, room: &str) -> Client {
        let url = format!("ws://127.0.0.1:{}/?room={room}", self.port);
        let mut client = connect_async(url).await.unwrap().0;
        assert_eq!(hear(&mut client).await, "joined");
        client
    }
}

async fn say(client: &mut Client, room: &str, text: &str) {
    let message = Message::text(format!("{room}\n{text}"));
    client.send(message).await.unwrap();
}

async fn hear(client: &mut Client) -> String {
    let message = timeout(DEADLINE, client.next()).await.expect("in time");
    message.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test]
async fn what_is_said_goes_to_all_others_in_the_room() {
    let floor = Floor::start(env!("CARGO_BIN_EXE_bare-send"), &[]).await;
    let (mut ann, mut bob) = (floor.join("a").await, floor.join("a").await);
    let (mut dan, mut eve) = (floor.join("b").await, floor.join("b").await);
    for length in [0, 1, 125, 126, 1_000, 60_000] {
        let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
        say(&mut ann, "a", &text).await;
        assert_eq!(hear(&mut bob).await, text);
    }
    say(&mut eve, "b", "only here").await;
    assert_eq!(hear(&mut dan).await, "only here");
    // Those who hear nothing of themselves would hear it before.
    say(&mut bob, "a", "and back").await;
    assert_eq!(hear(&mut ann).await, "and back");
    drop(ann);
    let mut cat = floor.join("a").await;
    say(&mut cat, "a", "instead").await;
    assert_eq!(hear(&mut bob).await, "instead");
}

#[tokio::test]
async fn many_at_once_come_whole_and_in_order() {
    let floor = Floor::start(env!("CARGO_BIN_EXE_bare-send"), &[]).await;
    let (mut ann, mut bob) = (floor.join("a").await, floor.join("a").await);
    // More than the sockets' buffers hold: it has to wait for who does not read.
    let padding = "x".repeat(30_000);
    let said = tokio::spawn(async move {
        for number in 0..500 {
            say(&mut ann, "a", &format!("{number} {padding}")).await;
        }
    });
    for number in 0..500 {
        let heard = hear(&mut bob).await;
        let first = heard.split(' ').next().unwrap();
        assert_eq!(first, number.to_string());
        assert_eq!(heard.len(), first.len() + 1 + 30_000);
    }
    timeout(DEADLINE, said).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_cost_of_a_send_is_printed() {
    let floor = Floor::start(env!("CARGO_BIN_EXE_bare-send"), &[]).await;
    let (mut ann, mut bob) = (floor.join("a").await, floor.join("a").await);
    let talk = async {
        loop {
            say(&mut ann, "a", "hello").await;
            hear(&mut bob).await;
        }
    };
    let cost = floor.child.find_line(0, "a cost", |line| {
        line.split_once("cpu_us_per_send=")?.1.parse::<f64>().ok()
    });
    let cost = tokio::select! { cost = cost => cost.unwrap(), () = talk => 0.0 };
    assert!(cost > 0.0 && cost < 10_000.0, "{cost} µs");
}

#[tokio::test]
async fn relays_say_it_to_all_others_on_both_nodes() {
    let redis = Redis::start().await;
    let port = [redis.port().to_string()];
    let program = env!("CARGO_BIN_EXE_bare-relay");
    let (here, there) = (
        Floor::start(program, &port).await,
        Floor::start(program, &port).await,
    );
    let (mut ann, mut bob) = (here.join("a").await, there.join("a").await);
    let mut cat = here.join("a").await;
    for number in 0..1_000 {
        say(&mut ann, "a", &format!("n{number}")).await;
    }
    for client in [&mut bob, &mut cat] {
        for number in 0..1_000 {
            assert_eq!(hear(client).await, format!("n{number}"));
        }
    }
    say(&mut bob, "a", "and back").await;
    assert_eq!(hear(&mut ann).await, "and back");
}
