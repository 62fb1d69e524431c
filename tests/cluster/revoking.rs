//! A tenant rules over its users, at whichever gateway they are.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causerie_testkit::client::sse::Sse;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use serde_json::json;

use crate::kit::device::Device;
use crate::kit::post;

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn sign(token: &Token) -> String {
    token.sign(&Cluster::secret("acme"))
}

fn admin() -> String {
    sign(&Token::of("acme", "boss").role("admin"))
}

#[tokio::test]
async fn a_revoked_user_is_gone_everywhere_within_a_second_and_stays_so() {
    let mut cluster = Cluster::options().brokers(0).start().await;
    let old = sign(&Token::of("acme", "u1").claim("iat", json!(now() - 60)));
    let mut theirs = Vec::new();
    for gateway in &cluster.gateways {
        theirs.push(Device::with_token(gateway, "acme", "u1", old.clone(), &[]).await);
    }
    let mut other = Device::connect(&cluster.gateways[1], "acme", "u2", &[]).await;
    let stream = format!("{}/api/events", cluster.gateways[1].url());
    let bearer = format!("Bearer {old}");
    let mut stream = Sse::open(&stream, &[("authorization", &bearer)]).await;
    stream.expect_name("ready").await;

    let url = cluster.gateways[0].url();
    let since = Instant::now();
    let done = post(url, "/api/users/u1/revoke", &admin(), &json!({})).await;
    assert_eq!(done.status, 200, "{done:?}");
    for device in &mut theirs {
        assert_eq!(device.until_closed().await.code, Some(4500));
    }
    stream.expect_name("fault").await;
    stream.expect_end().await;
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
    other.catch_up().await;

    // One that was not there when it was told knows it too.
    cluster.restart_gateway(1).await;
    let typing = json!({"action": "typing", "data": {"is_typing": false}});
    let new = sign(&Token::of("acme", "u1").claim("iat", json!(now() + 5)));
    for gateway in &cluster.gateways {
        for (token, status) in [(&old, 401), (&new, 200)] {
            let answer = post(gateway.url(), "/api/actions", token, &typing).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_disconnected_user_leaves_every_gateway_and_may_come_back() {
    let cluster = Cluster::options().brokers(0).start().await;
    let mut theirs = Vec::new();
    for gateway in &cluster.gateways {
        theirs.push(Device::connect(gateway, "acme", "u1", &[]).await);
    }
    let url = cluster.gateways[0].url();
    let since = Instant::now();
    let done = post(url, "/api/users/u1/disconnect", &admin(), &json!({})).await;
    assert_eq!(done.status, 200, "{done:?}");
    for device in &mut theirs {
        assert_eq!(device.until_closed().await.code, Some(4510));
    }
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
    for (device, gateway) in theirs.iter_mut().zip(&cluster.gateways) {
        device.come_back_at(gateway).await;
        device.catch_up().await;
    }
}
