//! Those who send more than anybody can want.

use std::cell::Cell;
use std::time::Duration;

use causerie_testkit::client::raw::{RawSocket, frame, masked, opcode};
use flate2::{Compress, Compression, FlushCompress};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::report;
use crate::stage::{GOOD_ADDRESS, Stage};

/// How many frames a flood has.
const FLOOD: usize = 100_000;

/// How many rooms one asks for, before they read what is said to that.
const AT_ONCE: usize = 10;

/// Sends `wire` as long as it is taken. Whoever does not read what comes back may be kept
/// waiting.
async fn pour(socket: &mut RawSocket, wire: &[u8]) {
    for part in wire.chunks(64 << 10) {
        let sending = tokio::time::timeout(Duration::from_secs(1), socket.try_send(part));
        if !matches!(sending.await, Ok(true)) {
            return;
        }
    }
}

/// Nothing counts them, and nobody who sends them keeps others waiting, or is owed more
/// than the last pong.
#[tokio::test]
async fn pings_without_end() {
    let stage = Stage::set().await;
    let wire = frame(true, opcode::PING, &[b'x'; 125]).repeat(FLOOD);
    let flood = async |_| {
        let mut socket = stage.attacker(&[]).await;
        pour(&mut socket, &wire).await;
        socket
    };
    let play = async |_| {
        let mut flooders = join_all((0..4).map(flood)).await;
        stage.serves().await;
        // Each is still there, and served when it comes to read.
        for socket in &mut flooders {
            while socket.read_frame().await.expect("a frame").opcode != opcode::PONG {}
        }
    };
    stage.attack(play).await;
    let what = "sends pings as fast as it goes, over four connections";
    stage.expect_unharmed(what).await;
}

#[tokio::test]
async fn tiny_fragments_without_end() {
    let stage = Stage::set().await;
    let begin = frame(false, opcode::TEXT, b"x");
    let end = frame(true, opcode::CONTINUATION, b"");
    let flood = async |payload: &[u8], code: u16| {
        let mut socket = stage.attacker(&[]).await;
        let tiny = frame(false, opcode::CONTINUATION, payload);
        // One that just fits, and one that never ends.
        let fits = [&*begin, &tiny.repeat(50_000), &end].concat();
        let endless = [&*begin, &tiny.repeat(2 * FLOOD)].concat();
        pour(&mut socket, &[fits, endless].concat()).await;
        assert_eq!(socket.read_close().await, Some(code));
    };
    let play = async |_| {
        let ones = join_all([(); 4].map(|()| flood(b"x", 1009)));
        let empty = join_all([(); 4].map(|()| flood(b"", 1009)));
        tokio::join!(ones, empty);
    };
    stage.attack(play).await;
    let what = "sends messages of endless tiny fragments, eight at a time";
    stage.expect_unharmed(what).await;
}

/// A compressed text of `mib` MiB, which refers to nothing but itself.
fn bomb(mib: usize) -> Vec<u8> {
    let mut one = Vec::with_capacity(1 << 20);
    Compress::new(Compression::best(), false)
        .compress_vec(&vec![b' '; 1 << 20], &mut one, FlushCompress::Full)
        .unwrap();
    let mut all = one.repeat(mib);
    all.truncate(all.len() - 4);
    masked(0xC1, &all)
}

#[tokio::test]
async fn compressed_bombs() {
    let stage = Stage::set().await;
    let bomb = bomb(80);
    assert!(
        bomb.len() < 100 << 10,
        "a frame may have no more: {}",
        bomb.len()
    );
    let offer = ("Sec-WebSocket-Extensions", "permessage-deflate");
    let throw = async |()| {
        for _ in 0..5 {
            let mut socket = stage.attacker(&[offer]).await;
            assert!(socket.try_send(&bomb).await);
            assert_eq!(socket.read_close().await, Some(1009));
        }
    };
    stage
        .attack(async |_| drop(join_all([(); 20].map(throw)).await))
        .await;
    let what = "sends messages that inflate to 80 MiB, 20 at a time";
    stage.expect_unharmed(what).await;
}

fn subscribe(number: usize) -> Vec<u8> {
    let data = json!({"room": format!("project:p{number}")});
    let subscribe = json!({"action": "subscribe", "id": number.to_string(), "data": data});
    frame(true, opcode::TEXT, subscribe.to_string().as_bytes())
}

/// In a hurry one is sent away; with patience one gets so many rooms and no more, and in
/// the long run asks for as many as there is time for.
#[tokio::test]
async fn rooms_without_end() {
    let stage = Stage::set().await;
    let asked = Cell::new(0);
    let patience = if report::seconds() > 0 { 30_000 } else { 3_000 };
    let wire: Vec<_> = (0..500).flat_map(subscribe).collect();
    let play = async |_| {
        let (user, address) = stage.stranger();
        let mut hasty = stage.wanting_all(&user, &address).await;
        let end = loop {
            hasty.try_send(&wire).await;
            if let Err(end) = answer_to(&mut hasty, 499).await {
                break end;
            }
        };
        assert_eq!(end, Some(4508));

        // From an address where nothing counts, as fast as it goes.
        let mut patient = stage.wanting_all("patient", GOOD_ADDRESS).await;
        let mut acks = 0;
        for _ in 0..patience / AT_ONCE {
            let rooms = asked.get()..asked.get() + AT_ONCE;
            asked.set(rooms.end);
            let wire: Vec<_> = rooms.clone().flat_map(subscribe).collect();
            patient.send(&wire).await;
            for number in rooms {
                let answer = answer_to(&mut patient, number).await;
                let answer = answer.expect("it stays open");
                if answer["type"] == "ack" {
                    acks += 1;
                } else {
                    assert_eq!(answer["code"], "forbidden", "{answer}");
                }
            }
        }
        // Two of the hundred are theirs from the start: their own, and the tenant's.
        assert_eq!(acks, 98);
    };
    stage.attack(play).await;
    let what = format!("subscribes to rooms without end, {} of them", asked.get());
    stage.expect_unharmed(&what).await;
}

/// What is said to this frame, among all that is heard; the code of a close that comes
/// before it.
async fn answer_to(socket: &mut RawSocket, number: usize) -> Result<Value, Option<u16>> {
    let id = number.to_string();
    loop {
        let heard = socket.read_frame().await.ok_or(None)?;
        if heard.opcode == opcode::CLOSE {
            return Err(heard.close_code());
        }
        let heard: Value = serde_json::from_str(&heard.text()).unwrap();
        if heard["id"].as_str() == Some(&*id) {
            return Ok(heard);
        }
    }
}
