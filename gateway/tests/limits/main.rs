//! Limits that hold at all gateways together, on a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod floods;
mod messages;
mod pages;

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::json;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
visitor_secret = 'visitors-visitors-visitors-visit'
trusted_proxies = ['127.0.0.1']
[[tenants]]
id = 'acme'
hash = 'h-acme'
origins = ['https://acme.example']
visitors = true
";

fn token(user: &str) -> String {
    Token::of("acme", user).sign(SECRET)
}

/// A gateway with limits, behind a proxy that says whose request it is.
async fn limited(redis: &Redis, more: &[(&str, &str)]) -> Node {
    let mut gateway = Program::gateway()
        .config(CONFIG)
        .env("REDIS_URL", redis.url())
        .env("LIMITS_EXEMPT", "");
    for (key, value) in more {
        gateway = gateway.env(key, *value);
    }
    gateway.start().await
}

/// A plain GET of `/ws` by one who comes from `address`.
async fn comes_from(node: &Node, address: &str, query: &str) -> Answer {
    let url = format!("{}/ws?{query}", node.url());
    let headers = [
        ("x-forwarded-for", address),
        ("origin", "https://acme.example"),
    ];
    request(Method::GET, &url, &headers, None).await
}

#[tokio::test]
async fn an_address_has_so_many_connections_a_minute_at_all_gateways() {
    let redis = Redis::start().await;
    let rate = [
        ("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "4"),
        ("LIMITS_VISITORS_PER_MINUTE_PER_IP", "100"),
    ];
    let gateways = [limited(&redis, &rate).await, limited(&redis, &rate).await];
    let [here, there] = &gateways;
    for node in [here, there, here, there] {
        let answer = comes_from(node, "192.0.2.1", "t=h-acme").await;
        assert_eq!(answer.status, 426, "{answer:?}");
    }
    for node in [here, there] {
        let answer = comes_from(node, "192.0.2.1", "t=h-acme").await;
        assert_eq!(answer.status, 429, "{answer:?}");
        let error = answer.json();
        assert_eq!(
            (&error["code"], &error["scope"]),
            (&json!("rate_limited"), &json!("ip"))
        );
        assert_eq!(error["limit"], 4);
        let wait_ms = error["retry_after_ms"].as_u64().unwrap();
        assert!((10_000..=15_000).contains(&wait_ms), "{wait_ms}");
        let seconds = wait_ms.div_ceil(1_000).to_string();
        assert_eq!(answer.header("retry-after"), seconds);
    }
    // A bad token is told of the limit first, and a bad request of itself.
    assert_eq!(comes_from(here, "192.0.2.1", "token=x").await.status, 429);
    assert_eq!(comes_from(here, "192.0.2.1", "room=x").await.status, 400);
    // Of IPv6 a network counts as one.
    for last in 1..=4 {
        let address = format!("2001:db8::{last}");
        assert_eq!(comes_from(here, &address, "t=h-acme").await.status, 426);
    }
    assert_eq!(
        comes_from(there, "2001:db8::5", "t=h-acme").await.status,
        429
    );
    assert_eq!(
        comes_from(there, "2001:db8:0:1::5", "t=h-acme")
            .await
            .status,
        426
    );
}

/// A request that makes no sense, an address that may not come in, a limit, a token: the
/// first of them is told.
#[tokio::test]
async fn the_address_is_told_before_the_limit_and_the_limit_before_the_token() {
    let redis = Redis::start().await;
    let rate = ("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "1");
    let open = limited(&redis, &[rate]).await;
    let blocked = ("LIMITS_BLOCKED_IPS", "192.0.2.0/24");
    let closed = limited(&redis, &[rate, blocked]).await;
    let (spent, fresh, elsewhere) = ("192.0.2.1", "192.0.2.2", "198.51.100.1");
    let (nonsense, made_up, good) = ("room=x", "token=x", format!("token={}", token("u1")));
    assert_eq!(comes_from(&open, spent, made_up).await.status, 401);
    for (node, address, query, status) in [
        (&open, spent, nonsense, 400),
        (&open, spent, made_up, 429),
        (&open, spent, &*good, 426),
        (&closed, spent, nonsense, 400),
        (&closed, spent, made_up, 403),
        (&closed, spent, &*good, 403),
        (&closed, fresh, made_up, 403),
        (&closed, fresh, made_up, 403),
        // Who is blocked has used up nothing by that.
        (&open, fresh, made_up, 401),
        (&open, fresh, made_up, 429),
        (&closed, elsewhere, made_up, 401),
        (&closed, elsewhere, made_up, 429),
    ] {
        let answer = comes_from(node, address, query).await;
        assert_eq!(answer.status, status, "{address} {query}: {answer:?}");
        let code = answer.json()["code"].clone();
        assert_eq!(code == "rate_limited", status == 429, "{answer:?}");
    }
}

#[tokio::test]
async fn who_has_a_token_counts_as_their_user() {
    let redis = Redis::start().await;
    let rates = [
        ("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "1"),
        ("LIMITS_CONNECTIONS_PER_MINUTE_PER_USER", "3"),
    ];
    let gateways = [limited(&redis, &rates).await, limited(&redis, &rates).await];
    let [here, there] = &gateways;
    let [first, second] = ["u1", "u2"].map(|user| format!("token={}", token(user)));
    for (node, address) in [
        (here, "192.0.2.1"),
        (there, "192.0.2.1"),
        (here, "192.0.2.2"),
    ] {
        assert_eq!(comes_from(node, address, &first).await.status, 426);
    }
    let answer = comes_from(there, "192.0.2.3", &first).await;
    assert_eq!(
        (answer.status, &answer.json()["scope"]),
        (429, &json!("user"))
    );
    // Others at the same address are let in.
    assert_eq!(comes_from(there, "192.0.2.1", &second).await.status, 426);
}

#[tokio::test]
async fn new_visitors_are_few_and_old_ones_come_back() {
    let redis = Redis::start().await;
    let rates = [
        ("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "100"),
        ("LIMITS_VISITORS_PER_MINUTE_PER_IP", "2"),
    ];
    let gateways = [limited(&redis, &rates).await, limited(&redis, &rates).await];
    let visit_from = async |node: &Node, origin: &str| {
        let url = format!("{}/api/auth/session", node.url());
        let headers = [("x-forwarded-for", "192.0.2.1"), ("origin", origin)];
        let body = json!({"tenant_hash": "h-acme"});
        request(Method::POST, &url, &headers, Some(&body)).await
    };
    let visit = async |node: &Node| visit_from(node, "https://acme.example").await;
    // A foreign page takes nothing from those who come from the same address.
    for _ in 0..3 {
        let refused = visit_from(&gateways[0], "https://evil.example").await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    let first = visit(&gateways[0]).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(visit(&gateways[1]).await.status, 200);
    let refused = visit(&gateways[0]).await;
    assert_eq!((refused.status, &refused.json()["limit"]), (429, &json!(2)));
    let without_token = comes_from(&gateways[1], "192.0.2.1", "t=h-acme").await;
    assert_eq!(without_token.status, 429, "{without_token:?}");
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let back = comes_from(&gateways[1], "192.0.2.1", &format!("token={token}")).await;
    assert_eq!(back.status, 426, "{back:?}");
}

#[tokio::test]
async fn who_asks_over_http_counts_as_their_user() {
    let redis = Redis::start().await;
    let rates = [
        ("LIMITS_REQUESTS_PER_SECOND", "1"),
        ("LIMITS_BURST", "5"),
        ("LIMITS_MESSAGES_PER_MINUTE_PER_USER", "2"),
    ];
    let gateways = [limited(&redis, &rates).await, limited(&redis, &rates).await];
    let token = token("u1");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let body = json!({"action": "sendMessage", "data": {"user_input": "hello", "ai": false}});
    let mut answers = Vec::new();
    for node in gateways.iter().cycle().take(3) {
        let url = format!("{}/api/actions", node.url());
        answers.push(request(Method::POST, &url, &headers, Some(&body)).await);
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let error = answers[2].json();
    assert_eq!(
        (&error["limit"], &error["scope"]),
        (&json!(2), &json!("user"))
    );
    let url = format!("{}/api/rooms/tenant/history", gateways[0].url());
    let refused = async || {
        let answer = request(Method::GET, &url, &headers, None).await;
        answer.status == 429 && answer.json()["limit"] == 1
    };
    let mut tries = 0;
    while !refused().await {
        tries += 1;
        assert!(tries < 100, "there is no limit of requests");
    }
}

#[tokio::test]
async fn an_abuser_is_held_off_at_all_gateways() {
    let redis = Redis::start().await;
    let settings = [
        ("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1"),
        ("LIMITS_HOLD_OFF", "1h"),
        ("LIMITS_CONNECTIONS_PER_MINUTE_PER_USER", "1000000"),
    ];
    let gateways = [
        limited(&redis, &settings).await,
        limited(&redis, &settings).await,
    ];
    let token = token("u1");
    let mut abuser = Connect::to(&gateways[0].ws_url())
        .param("token", &token)
        .header("x-forwarded-for", "192.0.2.1")
        .open()
        .await;
    let message = json!({"action": "sendMessage", "data": {"user_input": "hello", "ai": false}});
    while abuser.request(message.clone()).await["fatal"] != true {}
    assert_eq!(abuser.expect_close().await.code, Some(4508));
    let query = format!("token={token}");
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    let refused = loop {
        let answer = comes_from(&gateways[1], "192.0.2.1", &query).await;
        if answer.status == 429 {
            break answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
    };
    let error = refused.json();
    assert_eq!(error["scope"], "ip");
    assert!(
        error["retry_after_ms"].as_u64().unwrap() > 3_500_000,
        "{error}"
    );
    let elsewhere = comes_from(&gateways[1], "192.0.2.2", &query).await;
    assert_eq!(elsewhere.status, 426, "{elsewhere:?}");
    // As many as it takes, and counted where they happened.
    for (node, violations, turned_away) in [(&gateways[0], 20.0, 0.0), (&gateways[1], 0.0, 1.0)] {
        for (name, expected) in [
            ("causerie_violations_total", violations),
            ("causerie_held_off_total", turned_away),
        ] {
            node.metric_becomes(name, expected).await;
        }
    }
    gateways[0].metric_rises("causerie_violations_total").await;
    gateways[1].metric_rises("causerie_held_off_total").await;
    gateways[0]
        .log_line("broke the limits again and again")
        .await;
}

#[tokio::test]
async fn nobody_is_kept_out_because_nobody_counts() {
    let mut redis = Redis::start().await;
    let node = limited(&redis, &[("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "1")]).await;
    redis.kill();
    for _ in 0..3 {
        let answer = comes_from(&node, "192.0.2.1", "t=h-acme").await;
        assert_eq!(answer.status, 426, "{answer:?}");
    }
    node.log_line("nobody counts").await;
    node.metric_becomes("causerie_uncounted_total", 3.0).await;
    node.metric_rises("causerie_uncounted_total").await;
    assert_eq!(node.output().matches("nobody counts").count(), 1);
}

#[tokio::test]
async fn who_makes_up_api_keys_counts_as_their_address() {
    let redis = Redis::start().await;
    let few = [
        ("LIMITS_REQUESTS_PER_SECOND", "1"),
        ("LIMITS_BURST", "3"),
        ("AUTH_API_KEY_SECRET", SECRET),
    ];
    let gateways = [limited(&redis, &few).await, limited(&redis, &few).await];
    let [here, there] = &gateways;
    let key = format!("Bearer ck_16a1b2c3d4e5_{}", "0".repeat(64));
    let mut statuses = Vec::new();
    // One is allowed again each second: a slow machine may take some more.
    for node in [here, there].into_iter().cycle().take(20) {
        let url = format!("{}/api/publish", node.url());
        let headers = [
            ("x-forwarded-for", "192.0.2.1"),
            ("authorization", key.as_str()),
        ];
        let answer = request(Method::POST, &url, &headers, Some(&json!({}))).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..3], [401, 401, 401]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn who_makes_up_tokens_counts_as_their_address() {
    let redis = Redis::start().await;
    let few = [("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "3")];
    let gateways = [limited(&redis, &few).await, limited(&redis, &few).await];
    let [here, there] = &gateways;
    for node in [here, there, here] {
        let answer = comes_from(node, "192.0.2.1", "token=x").await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    for query in ["token=x", "token=y", "t=h-acme"] {
        let answer = comes_from(there, "192.0.2.1", query).await;
        assert_eq!(answer.status, 429, "{answer:?}");
    }
    // Not so who has a good one.
    let good = format!("token={}", token("u1"));
    assert_eq!(comes_from(there, "192.0.2.1", &good).await.status, 426);
}
