//! What is kept where Redis hangs, where a gateway ends, and where the log is damaged.

use std::time::Duration;

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::request;
use causerie_testkit::redis::Redis;
use futures::future::join_all;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::{ON, ask, entries, gateways, part, program, refusals, token};

#[tokio::test]
async fn nobody_waits_for_it_and_what_redis_missed_is_kept_later() {
    let mut redis = Redis::start().await;
    let [here, there] = gateways(&redis, &[ON[0], ("LIMITS_EXEMPT", "0.0.0.0/0")]).await;
    redis.pause();
    let asked = Instant::now();
    for _ in 0..5 {
        let refused = ask(&here, Method::GET, "/ws?t=h-acme", "x", None).await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    redis.resume();
    refusals(&there, 5).await;
}

#[tokio::test]
async fn what_waits_is_kept_when_a_gateway_ends() {
    let redis = Redis::start().await;
    let [mut here, there] = gateways(&redis, ON).await;
    ask(&here, Method::GET, "/ws?t=h-acme", "x", None).await;
    here.terminate();
    here.wait(DEADLINE).await;
    assert_eq!(entries(&there, "", 1, |_| true).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_kept_is_told_and_counted() {
    let redis = Redis::start().await;
    let node = program(&redis, ON).start().await;
    let refused = async || ask(&node, Method::GET, "/ws?t=h-acme", "x", None).await;
    refused().await;
    entries(&node, "", 1, |_| true).await;
    let logs = redis.command(&["KEYS", "causerie:*:audit:*"]).await;
    for log in logs.list() {
        redis.command(&["SET", &log.text(), "no stream"]).await;
    }
    refused().await;
    node.log_line("the audit log has holes").await;
    node.metric_rises("causerie_audit_dropped_total").await;
}

#[tokio::test]
async fn a_flood_of_strangers_pushes_no_act_out() {
    const MOST: usize = 100;
    let redis = Redis::start().await;
    let few = [
        ON[0],
        ("AUDIT_MAX_EVENTS", "100"),
        ("LIMITS_EXEMPT", "0.0.0.0/0"),
    ];
    let [here, there] = gateways(&redis, &few).await;
    let admin = token("acme", "boss", Some("admin"));
    let revoked = ask(&here, Method::POST, "/api/users/u2/revoke", &admin, None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    let is_act = |entry: &Value| entry["what"] == "revoke_user";
    entries(&there, "", 1, is_act).await;
    let is_stranger = |entry: &Value| part(entry) == "strangers";
    // Each from a network of its own, so that none is counted with another.
    let strangers = (0..3 * MOST).map(|at| {
        let url = format!("{}/ws?t=h-acme", here.url());
        async move {
            let from = format!("203.{}.{}.7", at / 200, at % 200);
            let headers = [("authorization", "Bearer x"), ("x-forwarded-for", &*from)];
            request(Method::GET, &url, &headers, None).await
        }
    });
    for refused in join_all(strangers).await {
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    entries(&there, "limit=500", MOST, is_stranger).await;
    let found = entries(&there, "limit=500", 1, is_act).await;
    assert_eq!(found.len(), 1);
    let all = entries(&there, "limit=500", 1, |_| true).await;
    assert_eq!(all.iter().filter(|entry| is_stranger(entry)).count(), MOST);
    let acts = entries(&there, "part=acts&limit=1", 1, |_| true).await;
    assert_eq!(acts, found);
}
