//! One question is one trace, from the client to those who read the reply, in a collector that
//! takes OTLP.

use std::time::Duration;

use causerie_testkit::cluster::Cluster;
use causerie_testkit::collector::{Collector, Span};
use causerie_testkit::process::Node;
use serde_json::json;

use crate::kit::device::Device;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT: &str = "b7ad6b7169203331";

async fn cluster(endpoint: &str, sampled: &str) -> Cluster {
    let cluster = Cluster::options()
        .env("TELEMETRY_OTLP_ENDPOINT", endpoint)
        .env("TELEMETRY_TRACES_SAMPLED", sampled);
    cluster.start().await
}

/// Asks, and waits for the reply; `flags` of the client's trace.
async fn ask(gateway: &Node, trace: &str, flags: &str) {
    let mut device = Device::connect(gateway, "acme", "u1", &["project:p1"]).await;
    let frame = json!({
        "action": "sendMessage",
        "traceparent": format!("00-{trace}-{CLIENT}-{flags}"),
        "data": {"user_input": "Where am I?", "room": "project:p1"},
    });
    let ack = device.client.request(frame).await;
    device
        .answer(ack["data"]["message_id"].as_str().unwrap())
        .await;
}

fn of_trace<'a>(spans: &'a [Span], trace: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.trace == trace).collect()
}

#[tokio::test]
async fn a_question_is_one_trace_from_the_client_to_those_who_read() {
    let collector = Collector::start().await;
    let cluster = cluster(collector.url(), "1").await;
    // Somebody hears it from the other gateway.
    let _reader = Device::connect(&cluster.gateways[1], "acme", "u2", &["project:p1"]).await;
    ask(&cluster.gateways[0], TRACE, "01").await;

    let what = "the question's way, with the reply's delivery by both gateways";
    let spans = collector.wait_for(what, |spans| {
        let ours = of_trace(spans, TRACE);
        let delivered = |span: &&&Span| {
            let event = span.attributes.get("event").map(String::as_str);
            span.name == "deliver" && event == Some("message")
        };
        let is_all = ours.iter().filter(delivered).count() == 2
            && ["question", "reply", "chat fake"]
                .iter()
                .all(|name| ours.iter().any(|span| span.name == *name));
        is_all.then(|| ours.into_iter().cloned().collect::<Vec<_>>())
    });
    let spans = spans.await;
    let one = |name: &str| {
        let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {spans:#?}");
        found[0]
    };
    let [question, accept] = ["question", "redis accept"].map(one);
    let [reply, chat, finish] = ["reply", "chat fake", "redis finish"].map(one);
    for (span, parent, service) in [
        (question, CLIENT, "causerie-gateway"),
        (accept, question.id.as_str(), "causerie-gateway"),
        (reply, &question.id, "causerie-broker"),
        (chat, &reply.id, "causerie-broker"),
        (finish, &reply.id, "causerie-broker"),
    ] {
        assert_eq!(
            (span.parent.as_str(), span.service.as_str()),
            (parent, service),
            "{span:?}"
        );
    }
    for (event, parent) in [("new_message", &question.id), ("message", &reply.id)] {
        let deliveries: Vec<_> = spans
            .iter()
            .filter(|span| span.attributes.get("event").is_some_and(|of| of == event))
            .collect();
        assert_eq!(deliveries.len(), 2, "{event}: {spans:#?}");
        for delivery in deliveries {
            assert_eq!(
                (&delivery.parent, delivery.service.as_str()),
                (parent, "causerie-gateway")
            );
            assert_eq!(delivery.attributes["members"], "1");
        }
    }

    let traceparent = cluster.ai.calls()[0].traceparent.clone().unwrap();
    assert_eq!(traceparent, format!("00-{TRACE}-{}-01", chat.id));
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "fake"),
        ("gen_ai.response.finish_reasons", "stop"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(
            chat.attributes.get(key).map(String::as_str),
            Some(value),
            "{chat:?}"
        );
    }
    for tokens in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
        let count: u64 = chat.attributes[tokens].parse().unwrap();
        assert!(count > 0, "{chat:?}");
    }
    assert!(
        chat.attributes.contains_key("gen_ai.response.model"),
        "{chat:?}"
    );
    let sent = cluster.gateways[0]
        .metric("causerie_trace_spans_total")
        .await;
    assert!(sent >= 4.0, "{sent}");
}

/// A client that leaves its trace out is obeyed; one that wants it sent has no more than its share.
#[tokio::test]
async fn what_is_not_sampled_is_passed_on_and_not_sent() {
    let collector = Collector::start().await;
    let none = "1af7651916cd43dd8448eb211c80319c";
    for (sampled, flags) in [("1", "00"), ("0", "01")] {
        let mut cluster = cluster(collector.url(), sampled).await;
        ask(&cluster.gateways[0], none, flags).await;
        let traceparent = cluster.ai.calls()[0].traceparent.clone().unwrap();
        assert!(
            traceparent.contains(none) && traceparent.ends_with("-00"),
            "{traceparent}"
        );
        // What they have not sent yet they send at their end.
        for node in cluster.gateways.iter_mut().chain(&mut cluster.brokers) {
            node.terminate();
            assert!(node.wait(Duration::from_secs(20)).await.success());
        }
    }
    assert!(of_trace(&collector.spans(), none).is_empty());
}

/// Who is answered does not notice, and nobody waits at the end.
#[tokio::test]
async fn a_collector_that_is_away_is_told_of_and_holds_up_nobody() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut cluster = cluster(&gone, "1").await;
    ask(&cluster.gateways[0], TRACE, "01").await;
    let gateway = &mut cluster.gateways[0];
    let line = gateway.log_line("spans cannot be sent").await;
    assert!(line.contains("TELEMETRY_OTLP_ENDPOINT"), "{line}");
    let metrics = gateway.metrics().await;
    let failed = "causerie_trace_spans_total{result=\"failed\"} ";
    let failed = metrics.lines().find_map(|line| line.strip_prefix(failed));
    assert!(failed.unwrap().parse::<f64>().unwrap() >= 1.0, "{metrics}");
    gateway.terminate();
    assert!(gateway.wait(Duration::from_secs(20)).await.success());
}
