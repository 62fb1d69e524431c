//! `causerie-gateway` as a process, on a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use causerie_testkit::client::http::get;
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::Program;
use causerie_testkit::redis::Redis;
use serde_json::json;
use std::time::Duration;

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
visitor_secret = 'visitors-visitors-visitors-visit'
[[tenants]]
id = 'acme'
hash = 'h-acme'
origins = ['https://acme.example']
";

async fn token(arguments: &[&str]) -> String {
    let program = Program::gateway().config(CONFIG);
    let end = program
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .args(["token"].iter().chain(arguments).copied())
        .run()
        .await;
    assert_eq!(end.code, Some(0), "{}", end.output);
    end.output.trim().to_owned()
}

/// What would end the start ends the check.
#[tokio::test]
async fn the_check_reads_keys_and_tries_redis() {
    let check = || {
        let program = Program::gateway().config(CONFIG);
        program
            .env("REDIS_URL", "redis://127.0.0.1:1")
            .args(["--check"])
    };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let end = check()
        .env("AUTH_JWT_PUBLIC_KEY_FILE", manifest)
        .run()
        .await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    assert!(
        end.output.contains("it holds no public key"),
        "{}",
        end.output
    );

    let end = check().run().await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    let sentence = "Redis at 127.0.0.1:1 refuses connections: start it";
    assert!(end.output.contains(sentence), "{}", end.output);
}

/// What one gateway stores, the other delivers; what one is told on its way
/// out brings its clients to the other.
#[tokio::test]
async fn two_gateways_are_one_service() {
    let redis = Redis::start().await;
    let gateway = || {
        Program::gateway()
            .config(CONFIG)
            .env("REDIS_URL", redis.url())
            .start()
    };
    let (mut first, second) = (gateway().await, gateway().await);
    let token = token(&["--tenant", "acme", "--sub", "u1", "--project", "p1"]).await;
    let url = format!("{}/api/events?room=project:p1", second.url());
    let bearer = format!("Bearer {token}");
    let mut stream = Sse::open(&url, &[("authorization", &bearer)]).await;
    for _ in 0..3 {
        stream.expect_name("subscribed").await;
    }
    let mut socket = Connect::to(&first.ws_url())
        .param("token", &token)
        .open()
        .await;
    let data = json!({"user_input": "hello", "room": "project:p1", "ai": false});
    let ack = socket
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let heard = stream.expect_name("new_message").await.json();
    assert_eq!(heard["seq"], ack["data"]["seq"]);

    assert_eq!(
        get(first.url()).await.status,
        404,
        "the demo page is causerie's alone"
    );
    first.terminate();
    assert_eq!(socket.expect_close().await.code, Some(1012));
    assert!(first.wait(Duration::from_secs(20)).await.success());
}

#[tokio::test]
async fn a_log_says_why_one_was_refused_and_never_holds_a_token() {
    let redis = Redis::start().await;
    let gateway = Program::gateway()
        .config(CONFIG)
        .env("REDIS_URL", redis.url())
        .env("TELEMETRY_LOG_LEVEL", "trace")
        .start()
        .await;
    let token = token(&["--tenant", "acme", "--sub", "u1"]).await;
    let url = format!("{}/api/rooms/user:me/history?token={token}", gateway.url());
    assert_eq!(get(&url).await.status, 200);
    let line = gateway.log_line("served").await;
    assert!(line.contains("/api/rooms/{room}/history"), "{line}");
    for (query, reason) in [
        ("t=h-nobody".to_owned(), "unknown_tenant"),
        ("t=h-acme".to_owned(), "no_visitors"),
        (format!("token={token}x"), "token_signature"),
    ] {
        let url = format!("{}/ws?{query}", gateway.url());
        assert_eq!(get(&url).await.status, 401);
        gateway.log_line(reason).await;
    }
    assert_eq!(gateway.metric("causerie_refusals_total").await, 3.0);
    let output = gateway.output();
    let signature = token.rsplit('.').next().unwrap();
    assert!(
        !output.contains(signature) && !output.contains("token="),
        "{output}"
    );
    assert!(gateway.metric("causerie_http_requests_total").await >= 1.0);
}
