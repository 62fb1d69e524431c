//! Many replies at once, and a Redis that stands still.

use std::time::{Duration, Instant};

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use futures::future::join_all;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::words;

const PEOPLE: usize = 40;
const SESSIONS: usize = 5;
/// At its pace a reply takes 18 seconds: longer than Redis is away.
const WORDS: usize = 90;
const PACE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_replies_outlast_a_redis_that_stands_still_for_ten_seconds() {
    let mut cluster = Cluster::options()
        .durable()
        .behaviour(Behaviour::new(Plot::Tokens(WORDS)).at_pace(PACE))
        .env("AI_MAX_CONCURRENT", "200")
        .env("AI_MAX_CONCURRENT_PER_TENANT", "200")
        .start()
        .await;
    let people = (0..PEOPLE).map(|number| ask_in_all_sessions(&cluster, number));
    let people = join_all(people).await;
    assert_eq!(cluster.ai.calls().len(), PEOPLE * SESSIONS);

    let mut impatient = Device::connect(&cluster.gateways[0], "acme", "impatient", &[]).await;
    cluster.redis().pause();
    let paused = Instant::now();
    let mut refusals = 0;
    while paused.elapsed() < PAUSE {
        let late = json!({"user_input": "Still there?", "session_id": "late", "ai": false});
        let refusal = impatient.send_message(late).await;
        assert_eq!(refusal["code"], "overloaded", "{refusal}");
        refusals += 1;
    }
    assert!(refusals > 0);
    cluster.redis().resume();

    join_all(people.into_iter().map(all_are_said_whole_and_once)).await;
    assert_eq!(cluster.ai.calls().len(), PEOPLE * SESSIONS);
    for broker in &cluster.brokers {
        for restarts in [
            "causerie_broker_takeovers_total",
            "causerie_broker_fenced_total",
        ] {
            assert_eq!(broker.metric(restarts).await, 0.0, "{restarts}");
        }
    }
}

/// A device, and the questions that it asked.
struct Asker {
    device: Device,
    questions: Vec<String>,
}

/// Connects, asks in so many sessions, and waits until all replies have begun.
async fn ask_in_all_sessions(cluster: &Cluster, number: usize) -> Asker {
    let gateway = &cluster.gateways[number % 2];
    let user = format!("u{number}");
    let mut device = Device::connect(gateway, "acme", &user, &[]).await;
    let mut questions = Vec::new();
    for session in 0..SESSIONS {
        let asked = device
            .ask(json!({"user_input": "Tell me all.", "session_id": format!("s{session}")}))
            .await;
        questions.push(asked["message_id"].as_str().unwrap().to_owned());
    }
    let room = format!("user:{user}");
    device
        .until("all replies to have begun", |view| {
            let replies = view.room(&room).replies.values();
            let begun = replies.filter(|reply| reply.deltas > 0 && reply.end.is_none());
            (begun.count() == SESSIONS).then_some(())
        })
        .await;
    Asker { device, questions }
}

async fn all_are_said_whole_and_once(asker: Asker) {
    let Asker {
        mut device,
        questions,
    } = asker;
    for question in &questions {
        let answer = device.answer(question).await;
        assert_eq!(answer["data"]["content"], words(WORDS));
        assert_eq!(answer["data"]["metadata"]["attempt"], 1);
        let reply = device.view.reply(device.view.reply_to(question).unwrap());
        assert_eq!(reply.unwrap().restarts, 0);
    }
}
