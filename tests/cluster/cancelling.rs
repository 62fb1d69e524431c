//! Replies that nobody wants any more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use causerie_testkit::ai::{Behaviour, End, Plot};
use causerie_testkit::cluster::Cluster;
use futures::future::join_all;
use serde_json::json;

use crate::kit::device::Device;

/// Streams on for much longer than any of these tests waits.
fn endless() -> Behaviour {
    Behaviour::new(Plot::Endless)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

#[tokio::test]
async fn cancel_at_one_gateway_stops_the_call_of_any_broker_within_a_second() {
    let cluster = Cluster::options().behaviour(endless()).start().await;
    let mut asker = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut other = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    // Until each broker has made one.
    for session in 1.. {
        assert!(session < 50, "one broker makes all replies");
        let session = format!("s{session}");
        let room = "user:u1";
        asker
            .ask(json!({"user_input": "For ever?", "session_id": session}))
            .await;
        let reply = other.running(room, 2).await;
        let calls = cluster.ai.calls().len();

        let cancelled_at = now();
        let ack = other
            .client
            .request(json!({"action": "cancel", "data": {"message_id": reply}}))
            .await;
        assert_eq!(ack["type"], "ack", "{ack}");
        let ended = cluster.ai.wait_for(|all| {
            let call = &all[calls - 1];
            Some((call.end?, call.ended_ns?))
        });
        let (end, ended_ns) = ended.await;
        assert_eq!(end, End::ClosedByClient);
        let took = Duration::from_nanos(ended_ns).saturating_sub(cancelled_at);
        assert!(took < Duration::from_secs(1), "it took {took:?}");

        let message = asker.reply(&reply).await;
        assert_eq!(other.reply(&reply).await, message);
        let data = &message["data"];
        assert_eq!(data["finish_reason"], "cancelled", "{message}");
        let text = &other.view.reply(&reply).unwrap().text;
        assert!(data["content"].as_str().unwrap().starts_with(text.as_str()));
        assert!(!text.is_empty());
        assert!(
            data["metadata"]["token_count"].as_u64() > Some(0),
            "{message}"
        );
        let made = cluster
            .brokers
            .iter()
            .map(|broker| async { broker.metric("causerie_broker_replies_total").await });
        if join_all(made).await.iter().all(|made| *made > 0.0) {
            break;
        }
    }
    asker.catch_up().await;
    let frames = asker.client.frames();
    assert!(
        frames.iter().all(|frame| frame["type"] != "error"),
        "{frames:?}"
    );
}

#[tokio::test]
async fn a_queued_question_is_finished_at_once_by_the_id_of_the_question() {
    let cluster = Cluster::options().behaviour(endless()).start().await;
    let mut asker = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let mut other = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    asker
        .ask(json!({"user_input": "one", "session_id": "s"}))
        .await;
    let running = asker.running("user:u1", 1).await;
    let queued = asker
        .ask(json!({"user_input": "two", "session_id": "s"}))
        .await;

    let cancel = |id: &serde_json::Value| json!({"action": "cancel", "data": {"message_id": id}});
    let ack = other.client.request(cancel(&queued["message_id"])).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let message = asker.answer(queued["message_id"].as_str().unwrap()).await;
    assert_eq!(message["data"]["finish_reason"], "cancelled", "{message}");
    assert_eq!(message["data"]["content"], "", "{message}");
    assert!(!asker.view.has_ended(&running), "the other one goes on");

    // It is over, for whoever asks.
    let again = other.client.request(cancel(&queued["message_id"])).await;
    assert_eq!(again["code"], "not_found", "{again}");
    // And what is none of theirs is not there for others.
    let mut stranger = Device::connect(&cluster.gateways[1], "bolt", "u1", &[]).await;
    let denied = stranger.client.request(cancel(&json!(running))).await;
    assert_eq!(denied["code"], "not_found", "{denied}");
    assert_eq!(cluster.ai.calls().len(), 1);
}
