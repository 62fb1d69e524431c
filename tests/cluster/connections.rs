//! A tenant's servers look at connections and end them, at whichever gateway they are.

use std::time::{Duration, Instant};

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::cluster::Cluster;
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::json;

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
