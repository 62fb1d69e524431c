//! A tenant's servers look at connections and end them, at whichever gateway they are.

use std::time::{Duration, Instant};

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::kit::device::Device;

async fn ask(method: Method, gateway: &Node, id: &str) -> Answer {
    let token = Token::of("acme", "boss").role("admin");
    let bearer = format!("Bearer {}", token.sign(&Cluster::secret("acme")));
    let url = format!("{}/api/connections/{id}", gateway.url());
    request(method, &url, &[("authorization", &bearer)], None).await
}

fn id_of(device: &Device) -> String {
    let mut frames = device.client.frames().into_iter();
    let ready = frames.find(|frame| frame["type"] == "ready").unwrap();
    ready["data"]["connection_id"].as_str().unwrap().to_owned()
}

async fn list(gateway: &Node, tenant: &str, user: &str) -> Value {
    let token = Token::of(tenant, "boss").role("admin");
    let bearer = format!("Bearer {}", token.sign(&Cluster::secret(tenant)));
    let url = format!("{}/api/users/{user}/connections", gateway.url());
    let answer = request(Method::GET, &url, &[("authorization", &bearer)], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn listed(list: &Value) -> Vec<(String, String)> {
    let lines = list["connections"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = lines.map(|line| (text(&line["node"]), text(&line["connection_id"])));
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn all_connections_of_a_user_are_listed_and_who_does_not_answer_is_named() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let mut devices = Vec::new();
    for gateway in [0, 1, 0] {
        let gateway = &cluster.gateways[gateway];
        devices.push(Device::connect(gateway, "acme", "u1", &[]).await);
    }
    // One of the same name elsewhere.
    let _other = Device::connect(&cluster.gateways[1], "bolt", "u1", &[]).await;
    let nodes = ["gateway-1", "gateway-2", "gateway-1"].map(str::to_owned);
    let mut all: Vec<_> = nodes.into_iter().zip(devices.iter().map(id_of)).collect();
    all.sort();
    for gateway in &cluster.gateways {
        // One that came only just now may not hear yet what others ask.
        let are_all = async {
            loop {
                let list = list(gateway, "acme", "u1").await;
                if listed(&list) == all {
                    break list;
                }
            }
        };
        let list = timeout(DEADLINE, are_all).await.unwrap();
        assert_eq!(list["unanswered"], json!([]), "{list}");
    }

    cluster.gateways[0].kill();
    let (here, since) = (&cluster.gateways[1], Instant::now());
    let partial = list(here, "acme", "u1").await;
    assert_eq!(partial["unanswered"], json!(["gateway-1"]), "{partial}");
    let left = &all[2..];
    assert_eq!(listed(&partial), left, "{partial}");
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
    here.metric_rises("causerie_connection_surveys_total").await;
    // Once it shows no life for a while it is gone, with all that it had.
    let gone = async { while list(here, "acme", "u1").await["unanswered"] != json!([]) {} };
    timeout(DEADLINE, gone).await.unwrap();
    let since = Instant::now();
    assert_eq!(listed(&list(here, "acme", "u1").await), left);
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn a_connection_is_seen_and_ended_from_the_other_gateway() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let [here, there] = [0, 1];
    let mut theirs = Device::connect(&cluster.gateways[here], "acme", "u1", &[]).await;
    let mut other = Device::connect(&cluster.gateways[here], "acme", "u1", &[]).await;
    let (id, kept) = (id_of(&theirs), id_of(&other));

    for gateway in &cluster.gateways {
        let shown = ask(Method::GET, gateway, &id).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        assert_eq!(shown.json()["connection_id"], id);
        assert_eq!(shown.json()["user_id"], "u1");
    }
    let since = Instant::now();
    let ended = ask(Method::DELETE, &cluster.gateways[there], &id).await;
    assert_eq!(ended.json(), json!({"connection_id": id}), "{ended:?}");
    assert_eq!(theirs.until_closed().await.code, Some(4510));
    let told = cluster.gateways[here]
        .log_line("a server ended a connection")
        .await;
    assert!(told.contains(&id), "{told}");
    other.catch_up().await;
    // The gateway that had it says that it is gone: nobody waits for one that is silent.
    let gone = ask(Method::GET, &cluster.gateways[there], &id).await;
    assert_eq!(gone.status, 404, "{gone:?}");
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );

    // Nobody knows of a gateway that is silent whether it is gone.
    cluster.gateways[here].kill();
    let silence = ask(Method::GET, &cluster.gateways[there], &kept).await;
    assert_eq!(silence.status, 503, "{silence:?}");
    assert_eq!(silence.header("retry-after"), "2", "{silence:?}");
}
