//! Clients lose their connection, and come back at the other gateway.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::words;

const WORDS: usize = 300;
const MOVERS: u64 = 6;

#[tokio::test]
async fn clients_that_move_at_random_deltas_miss_nothing() {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let talkative = Behaviour::new(Plot::Tokens(WORDS)).at_pace(Duration::from_millis(10));
    let cluster = Cluster::options().behaviour(talkative).start().await;
    let mut still = Device::connect(&cluster.gateways[0], "acme", "u0", &["project:p1"]).await;
    let movers = (1..=MOVERS).map(|number| {
        let gateway = &cluster.gateways[number as usize % 2];
        let user = format!("u{number}");
        async move { Device::connect(gateway, "acme", &user, &["project:p1"]).await }
    });
    let movers = join_all(movers).await;

    let asked = still
        .ask(json!({"user_input": "Tell me all.", "project_id": "p1"}))
        .await;
    let question = asked["message_id"].as_str().unwrap();
    let moving = (1..).zip(movers).map(|(number, device)| {
        move_about(
            &cluster,
            device,
            question,
            StdRng::seed_from_u64(seed + number),
        )
    });
    let talking = talk_meanwhile(&mut still, question);
    let (said, moved) = tokio::join!(talking, join_all(moving));

    let whole = words(WORDS);
    let events = &still.view.room("project:p1").events;
    assert!(said > 2, "the reply was too short for a talk");
    for (mut device, moves) in moved {
        assert!(moves > 1, "{} never moved", device.user);
        device
            .until("what was said meanwhile", |view| {
                (view.room("project:p1").events.len() >= events.len()).then_some(())
            })
            .await;
        let room = device.view.room("project:p1");
        assert_eq!(&room.events, events, "what {} saw", device.user);
        let reply = &room.replies[device.view.reply_to(question).unwrap()];
        assert_eq!(reply.end.as_ref().unwrap()["data"]["content"], whole);
        assert_eq!((reply.attempt, reply.restarts), (1, 0));
        assert!(reply.snapshots > 0, "it came back in the middle: {reply:?}");
    }
    assert_eq!(cluster.ai.calls().len(), 1);
}

/// Moves to the other gateway after every few deltas until the reply has ended.
/// Gives how often.
async fn move_about(
    cluster: &Cluster,
    mut device: Device,
    question: &str,
    mut random: StdRng,
) -> (Device, usize) {
    let mut moves = 0;
    loop {
        let few = random.random_range(1..15);
        let seen = |device: &Device| {
            let mut replies = device.view.room("project:p1").replies.values();
            replies.next().map_or(0, |reply| reply.deltas)
        };
        let enough = seen(&device) + few;
        while seen(&device) < enough {
            if device.view.reply_to(question).is_some() {
                return (device, moves);
            }
            device.next().await.expect("a live connection");
        }
        moves += 1;
        let at = (device.user.as_bytes()[1] as usize + moves) % 2;
        device.move_to(&cluster.gateways[at]).await;
    }
}

/// Says something after every few deltas, so that there are durable events to
/// miss. Gives how often.
async fn talk_meanwhile(device: &mut Device, question: &str) -> usize {
    let mut said = 0;
    loop {
        let reply = device
            .running_or_ended("project:p1", (said + 1) * 5, question)
            .await;
        if reply.is_none() {
            return said;
        }
        said += 1;
        let remark =
            json!({"user_input": format!("remark {said}"), "project_id": "p1", "ai": false});
        device.ask(remark).await;
    }
}
