//! What a tenant has at all gateways together: its share of what may be asked, and who
//! may come to it; on a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
visitor_secret = 'visitors-visitors-visitors-visit'
api_key_secret = 'api-keys-api-keys-api-keys-api-k'
trusted_proxies = ['127.0.0.1']
[[tenants]]
id = 'acme'
hash = 'h-acme'
origins = ['https://acme.example']
visitors = true
";

const BOLT: &str = "
[[tenants]]
id = 'bolt'
hash = 'h-bolt'
origins = ['https://acme.example']
visitors = true
";

/// Two gateways with limits, behind a proxy that says whose request it is.
async fn gateways(redis: &Redis, of_acme: &str, limits: &[(&str, &str)]) -> [Node; 2] {
    let start = async || program(redis, of_acme, limits).start().await;
    [start().await, start().await]
}

fn program(redis: &Redis, of_acme: &str, limits: &[(&str, &str)]) -> Program {
    let program = Program::gateway()
        .config(format!("{CONFIG}{of_acme}{BOLT}"))
        .env("REDIS_URL", redis.url())
        .env("LIMITS_EXEMPT", "");
    let set = |program: Program, (key, value): &(&str, &str)| program.env(key, *value);
    limits.iter().fold(program, set)
}

async fn api_key(redis: &Redis, tenant: &str) -> String {
    let create = [
        "keys", "create", "--name", "shop", "--scope", "admin", "--tenant",
    ];
    let arguments = create.into_iter().chain([tenant]);
    let made = program(redis, "", &[]).args(arguments).run().await;
    assert_eq!(made.code, Some(0), "{}", made.output);
    made.output.trim().to_owned()
}

async fn history(node: &Node, bearer: &str) -> Answer {
    let url = format!("{}/api/rooms/tenant/history", node.url());
    let bearer = format!("Bearer {bearer}");
    request(Method::GET, &url, &[("authorization", &bearer)], None).await
}

async fn visitor(node: &Node, tenant_hash: &str) -> String {
    let url = format!("{}/api/auth/session", node.url());
    let headers = [("origin", "https://acme.example")];
    let body = json!({"tenant_hash": tenant_hash});
    let answer = request(Method::POST, &url, &headers, Some(&body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn message(ai: bool) -> Value {
    json!({"action": "sendMessage", "data": {"user_input": "hello", "ai": ai}})
}

async fn says(node: &Node, token: &str, ai: bool) -> Answer {
    let url = format!("{}/api/actions", node.url());
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    request(Method::POST, &url, &headers, Some(&message(ai))).await
}

async fn come_in(node: &Node, token: &str) -> Client {
    let connect = Connect::to(&node.ws_url()).param("token", token);
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    client
}

fn is_refused(answer: &Answer, code: &str, scope: &str, limit: u64) {
    assert_eq!(answer.status, 429, "{answer:?}");
    is_told(&answer.json(), code, scope, limit);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    let wait_ms = answer.json()["retry_after_ms"].as_u64().unwrap();
    assert_eq!(seconds, wait_ms.div_ceil(1_000));
}

fn is_told(error: &Value, code: &str, scope: &str, limit: u64) {
    let expected = json!([code, scope, limit, true]);
    let told = json!([
        error["code"],
        error["scope"],
        error["limit"],
        error["canRetry"]
    ]);
    assert_eq!(told, expected, "{error}");
}

/// The value of a metric with these labels.
async fn counted(node: &Node, series: &str) -> f64 {
    let metrics = node.metrics().await;
    let value = metrics.lines().find_map(|line| line.strip_prefix(series));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn all_of_a_tenant_share_what_may_be_asked() {
    let redis = Redis::start().await;
    let few = [
        ("LIMITS_REQUESTS_PER_SECOND_PER_TENANT", "1"),
        ("LIMITS_BURST_PER_TENANT", "60"),
    ];
    let gateways = gateways(&redis, "", &few).await;
    let [first, second, other] = [("acme", "u1"), ("acme", "u2"), ("bolt", "u1")]
        .map(|(tenant, user)| Token::of(tenant, user).sign(SECRET));
    let mut client = come_in(&gateways[1], &second).await;
    // By all ways in turn, until there is none left.
    let mut asked = 0;
    let refused = loop {
        let node = &gateways[asked % 2];
        let answer = history(node, &first).await;
        if answer.status != 200 {
            break answer;
        }
        let typing = json!({"action": "typing", "data": {"is_typing": false}});
        client.request(typing).await;
        asked += 1;
        assert!(asked < 100, "there is no limit");
    };
    // Each time it was two, of 60 and some that have come since.
    assert!((30..50).contains(&(asked + 1)), "{asked}");
    is_refused(&refused, "rate_limited", "tenant", 1);
    let refused = client.request(message(false)).await;
    is_told(&refused, "rate_limited", "tenant", 1);
    // A sign of life takes nothing, and others have a share of their own.
    client.ping().await;
    assert_eq!(history(&gateways[0], &other).await.status, 200);
    let name = r#"causerie_rate_limited_total{what="requests",scope="tenant"}"#;
    assert!(counted(&gateways[1], name).await >= 1.0);
}

/// By frames, until their tenant has nothing left.
async fn takes_all(client: &mut Client) {
    for _ in 0..200 {
        let answer = client.request(message(false)).await;
        if answer["type"] == "error" {
            return is_told(&answer, "rate_limited", "tenant", 1);
        }
    }
    panic!("there is no limit");
}

#[tokio::test]
async fn who_rules_gets_through_a_flood_of_their_people() {
    let redis = Redis::start().await;
    let few = [
        ("LIMITS_REQUESTS_PER_SECOND_PER_TENANT", "1"),
        ("LIMITS_BURST_PER_TENANT", "20"),
    ];
    let [here, there] = gateways(&redis, "", &few).await;
    let key = api_key(&redis, "acme").await;
    let admin = Token::of("acme", "boss").role("admin").sign(SECRET);
    let flooder = Token::of("acme", "u1").sign(SECRET);
    let rules = async |node: &Node, bearer: &str, what: &str| {
        let url = format!("{}/api/users/u1/{what}", node.url());
        let bearer = format!("Bearer {bearer}");
        let headers = [("authorization", &*bearer)];
        request(Method::POST, &url, &headers, Some(&json!({}))).await
    };

    for (bearer, what, code) in [
        (&key, "disconnect", 4510),
        (&admin, "disconnect", 4510),
        (&admin, "revoke", 4500),
    ] {
        let mut client = come_in(&here, &flooder).await;
        takes_all(&mut client).await;
        let done = rules(&there, bearer, what).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(client.expect_close().await.code, Some(code));
    }

    // Their share is bounded like the others'.
    let refused = loop {
        let answer = rules(&here, &key, "disconnect").await;
        if answer.status != 200 {
            break answer;
        }
    };
    is_refused(&refused, "rate_limited", "tenant", 1);
    let name = r#"causerie_rate_limited_total{what="ruler_requests",scope="tenant"}"#;
    assert!(counted(&here, name).await >= 1.0);
}

#[tokio::test]
async fn visitors_of_a_tenant_share_a_budget_of_questions() {
    let redis = Redis::start().await;
    let limits = [
        ("LIMITS_VISITOR_QUESTIONS_PER_HOUR", "3"),
        ("LIMITS_VISITORS_PER_MINUTE_PER_IP", "100"),
    ];
    let gateways = gateways(&redis, "", &limits).await;
    let (first, second) = (
        visitor(&gateways[0], "h-acme").await,
        visitor(&gateways[1], "h-acme").await,
    );
    let mut client = come_in(&gateways[1], &second).await;
    assert_eq!(says(&gateways[0], &first, true).await.status, 200);
    assert_eq!(client.request(message(true)).await["type"], "ack");
    assert_eq!(says(&gateways[1], &second, true).await.status, 200);

    is_refused(
        &says(&gateways[0], &first, true).await,
        "budget_exceeded",
        "tenant",
        3,
    );
    let refused = client.request(message(true)).await;
    is_told(&refused, "budget_exceeded", "tenant", 3);
    let wait_ms = refused["retry_after_ms"].as_u64().unwrap();
    assert!((1_000_000..=1_200_000).contains(&wait_ms), "{wait_ms}");
    // What people say among themselves costs no model anything; nor do others pay.
    assert_eq!(client.request(message(false)).await["type"], "ack");
    assert_eq!(says(&gateways[0], &first, false).await.status, 200);
    let user = Token::of("acme", "u1").sign(SECRET);
    assert_eq!(says(&gateways[0], &user, true).await.status, 200);
    let other = visitor(&gateways[0], "h-bolt").await;
    assert_eq!(says(&gateways[1], &other, true).await.status, 200);
}

#[tokio::test]
async fn who_is_refused_for_themselves_takes_nothing_of_what_all_share() {
    let redis = Redis::start().await;
    let limits = [
        ("LIMITS_VISITOR_QUESTIONS_PER_HOUR", "2"),
        ("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1"),
    ];
    let [here, there] = gateways(&redis, "", &limits).await;
    let (hasty, calm) = (
        visitor(&here, "h-acme").await,
        visitor(&there, "h-acme").await,
    );
    assert_eq!(says(&here, &hasty, true).await.status, 200);
    for node in [&there, &here, &there, &here] {
        is_refused(&says(node, &hasty, true).await, "rate_limited", "user", 1);
    }
    assert_eq!(says(&there, &calm, true).await.status, 200);
}

#[tokio::test]
async fn an_api_key_has_a_limit_of_its_own() {
    let redis = Redis::start().await;
    let few = [
        ("LIMITS_REQUESTS_PER_SECOND_PER_KEY", "1"),
        ("LIMITS_BURST_PER_KEY", "3"),
        // Those of people are another matter.
        ("LIMITS_REQUESTS_PER_SECOND", "1"),
        ("LIMITS_BURST", "1"),
    ];
    let gateways = gateways(&redis, "", &few).await;
    let (key, other) = (api_key(&redis, "acme").await, api_key(&redis, "acme").await);
    let mut answers = Vec::new();
    // One is allowed again each second: a slow machine may take some more.
    for node in gateways.iter().cycle().take(20) {
        answers.push(history(node, &key).await);
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..3], [200, 200, 200]);
    let refused = answers.iter().find(|answer| answer.status == 429);
    is_refused(refused.expect("a limit"), "rate_limited", "user", 1);
    assert_eq!(history(&gateways[0], &other).await.status, 200);
}

#[tokio::test]
async fn a_tenant_says_from_where_its_people_and_servers_may_come() {
    let redis = Redis::start().await;
    let of_acme = "allowed_ips = ['192.0.2.0/24', '2001:db8::/32']\n\
                   blocked_ips = ['192.0.2.128/25']\n";
    let many = [("LIMITS_CONNECTIONS_PER_MINUTE_PER_IP", "1000")];
    let gateways = gateways(&redis, of_acme, &many).await;
    let key = api_key(&redis, "acme").await;
    let [acme, bolt] = ["acme", "bolt"].map(|tenant| Token::of(tenant, "u1").sign(SECRET));
    let ask = async |address: &str, method: Method, path: &str, bearer: &str| {
        let node = &gateways[usize::from(address.ends_with('1'))];
        let url = format!("{}{path}", node.url());
        let bearer = format!("Bearer {bearer}");
        let headers = [
            ("x-forwarded-for", address),
            ("authorization", &*bearer),
            ("origin", "https://acme.example"),
        ];
        request(method, &url, &headers, Some(&json!({})))
            .await
            .status
    };
    for (address, comes_in) in [
        ("192.0.2.1", true),
        ("192.0.2.2", true),
        ("2001:db8::1", true),
        ("192.0.2.201", false),
        ("192.0.2.202", false),
        ("198.51.100.1", false),
    ] {
        for (path, bearer, let_in) in [
            ("/ws", &acme, 426),
            ("/api/rooms/tenant/history", &acme, 200),
            ("/api/rooms/tenant/history", &key, 200),
        ] {
            let expected = if comes_in { let_in } else { 403 };
            let status = ask(address, Method::GET, path, bearer).await;
            assert_eq!(status, expected, "{address} {path}");
        }
        for (path, let_in) in [("/api/publish", 400), ("/api/users/u1/disconnect", 200)] {
            let expected = if comes_in { let_in } else { 403 };
            let status = ask(address, Method::POST, path, &key).await;
            assert_eq!(status, expected, "{address} {path}");
        }
        assert_eq!(ask(address, Method::GET, "/ws", &bolt).await, 426);
        // Whose it is shows nobody who is not believed.
        assert_eq!(ask(address, Method::GET, "/ws", "x").await, 401);
    }
    let session = |address: &'static str, hash: &'static str| {
        let url = format!("{}/api/auth/session", gateways[0].url());
        async move {
            let headers = [
                ("x-forwarded-for", address),
                ("origin", "https://acme.example"),
            ];
            let body = json!({"tenant_hash": hash});
            request(Method::POST, &url, &headers, Some(&body))
                .await
                .status
        }
    };
    assert_eq!(session("192.0.2.1", "h-acme").await, 200);
    assert_eq!(session("198.51.100.1", "h-acme").await, 403);
    assert_eq!(session("198.51.100.1", "h-bolt").await, 200);
    let name = r#"causerie_refusals_total{reason="ip_blocked_by_tenant"}"#;
    assert!(counted(&gateways[0], name).await >= 1.0);
}
