//! What counts disorder counts nothing while all goes well.

use std::time::Duration;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use futures::future::join_all;
use serde_json::json;

use crate::kit::device::Device;

const PEOPLE: usize = 10;
const QUESTIONS: usize = 5;

/// Events out of order, gaps and their repair, what came twice or had to wait, recoveries.
const OF_A_GATEWAY: [&str; 13] = [
    "causerie_drops_total",
    "causerie_feed_gaps_total",
    "causerie_feed_overflows_total",
    "causerie_gaps_total",
    "causerie_recoveries_total",
    "causerie_repairs_total",
    "causerie_repeated_messages_total",
    "causerie_rooms_given_up_total",
    "causerie_shard_stalls_total",
    "causerie_snapshots_total",
    "causerie_bus_unreadable_records_total",
    "causerie_redis_connection_errors_total",
    "causerie_redis_resubscriptions_total",
];

/// Replies that began again, and what could make them.
const OF_A_BROKER: [&str; 10] = [
    "causerie_ai_retries_total",
    "causerie_broker_bus_retries_total",
    "causerie_broker_dead_letters_total",
    "causerie_broker_deltas_sent_again_total",
    "causerie_broker_fenced_total",
    "causerie_broker_given_up_total",
    "causerie_broker_takeovers_total",
    "causerie_bus_unreadable_records_total",
    "causerie_redis_connection_errors_total",
    "causerie_redis_resubscriptions_total",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_conversation_shows_no_disorder() {
    let words = Behaviour::new(Plot::Tokens(20)).at_pace(Duration::from_millis(5));
    let cluster = Cluster::options().durable().behaviour(words).start().await;
    let connecting = (0..PEOPLE).map(|number| {
        let gateway = &cluster.gateways[number % 2];
        async move {
            let user = format!("u{number}");
            Device::connect(gateway, "acme", &user, &["project:p1"]).await
        }
    });
    let people = join_all(connecting).await;

    join_all(people.into_iter().map(converse)).await;

    for gateway in &cluster.gateways {
        shows_zero(gateway, &OF_A_GATEWAY).await;
        assert!(gateway.metric("causerie_deliveries_total").await > 0.0);
    }
    for broker in &cluster.brokers {
        shows_zero(broker, &OF_A_BROKER).await;
        assert!(broker.metric("causerie_broker_deltas_total").await > 0.0);
    }
}

/// Asks in its own room and in one with others, and waits until all see all.
async fn converse(mut device: Device) -> Device {
    for number in 0..QUESTIONS {
        let room = ["user:me", "project:p1"][number % 2];
        let session = format!("{}-{}", device.user, number % 2);
        let question = json!({"user_input": "Go on.", "room": room, "session_id": session});
        let asked = device.ask(question).await;
        device.answer(asked["message_id"].as_str().unwrap()).await;
    }
    let in_project = PEOPLE * (QUESTIONS / 2) * 2;
    device
        .until("all that was said in the project", |view| {
            (view.room("project:p1").events.len() == in_project).then_some(())
        })
        .await;
    device
}

/// Each is there from the start, and still zero under each of its labels.
async fn shows_zero(node: &Node, names: &[&str]) {
    let metrics = node.metrics().await;
    for name in names {
        let of_name = |line: &&str| line.split(['{', ' ']).next() == Some(name);
        let series: Vec<_> = metrics.lines().filter(of_name).collect();
        assert!(!series.is_empty(), "{name} is not shown in {metrics}");
        for line in series {
            assert!(line.ends_with(" 0"), "{line}");
        }
    }
    let errors = node.metric("causerie_bus_errors_total").await;
    assert_eq!(errors, 0.0, "errors of the bus");
}
