//! What is kept where Redis hangs, where a gateway ends, and where the log is damaged.

use std::time::Duration;

use causerie_testkit::DEADLINE;
use causerie_testkit::redis::Redis;
use reqwest::Method;
use tokio::time::Instant;

use crate::{ON, ask, entries, gateways, program, refusals};

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
