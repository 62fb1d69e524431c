//! `causerie-gateway` as a process, on a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use causerie_testkit::client::http::{get, request};
use causerie_testkit::client::raw::{RawSocket, opcode};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::{Node, Program, path_of};
use causerie_testkit::redis::Redis;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

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

/// A pipe takes 64 KiB; then whoever writes to it stands still.
#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_node() {
    let redis = Redis::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("causerie.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut node = Command::new(path_of("causerie-gateway"))
        .current_dir(folder.path())
        .env("CAUSERIE_CONFIG", &config)
        .env("LIMITS_EXEMPT", "127.0.0.0/8")
        .env("REDIS_URL", redis.url())
        .envs([("WEBSOCKET_PORT", "0"), ("ADMIN_PORT", "0")])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(node.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it listens");
        if let Some((_, rest)) = line.split_once("\"listening on http://") {
            break rest.split('"').next().unwrap().to_owned();
        }
    };
    // Nothing of its log is read from here on.
    let token = token(&["--tenant", "acme", "--sub", "u1"]).await;
    let connect = Connect::to(&format!("ws://{address}/ws")).param("token", &token);
    for _ in 0..1_000 {
        connect.clone().open().await.expect_type("ready").await;
    }
    connect.open().await.ping().await;
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

#[tokio::test]
async fn what_clients_tell_of_their_way_is_counted_and_refuses_nobody() {
    let redis = Redis::start().await;
    let gateway = Program::gateway()
        .config(CONFIG)
        .env("REDIS_URL", redis.url())
        .start()
        .await;
    let token = token(&["--tenant", "acme", "--sub", "u1"]).await;
    for report in [
        &[("attempt", "1")][..],
        &[("attempt", "3"), ("last", "websocket"), ("away_ms", "4000")],
        &[("attempt", "3"), ("last", "streaming"), ("away_ms", "9000")],
        &[
            ("attempt", "none"),
            ("last", "pigeon\"}"),
            ("away_ms", "-1"),
        ],
        &[],
    ] {
        let connect = Connect::to(&gateway.ws_url()).param("token", &token);
        let connect = report
            .iter()
            .fold(connect, |connect, (key, value)| connect.param(key, value));
        connect.open().await.expect_type("ready").await;
    }
    // An EventSource opens what has ended again, with the same URL.
    let again = [("last-event-id", "user:u1@k3f9a2bd:41")];
    for (path, headers) in [
        ("/api/events?", &[][..]),
        ("/api/rooms/user:me/events?", &[][..]),
        ("/api/events?", &again[..]),
    ] {
        let report = "attempt=12&last=websocket&away_ms=30000";
        let url = format!("{}{path}token={token}&{report}", gateway.url());
        Sse::open(&url, headers).await.expect_name("ready").await;
    }
    // Neither a plain GET nor another request is a connection.
    for path in ["/ws?", "/api/rooms/user:me/history?"] {
        get(&format!("{}{path}token={token}&attempt=1", gateway.url())).await;
    }

    let metrics = gateway.metrics().await;
    let mut connects: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("causerie_client_connects_total"))
        .collect();
    connects.sort_unstable();
    assert_eq!(
        connects,
        [
            r#"{transport="sse",last="none",attempt="unknown"} 1"#,
            r#"{transport="sse",last="websocket",attempt="5+"} 2"#,
            r#"{transport="websocket",last="none",attempt="1"} 1"#,
            r#"{transport="websocket",last="none",attempt="unknown"} 1"#,
            r#"{transport="websocket",last="other",attempt="other"} 1"#,
            r#"{transport="websocket",last="streaming",attempt="2-4"} 1"#,
            r#"{transport="websocket",last="websocket",attempt="2-4"} 1"#,
        ]
    );
    for back in [
        r#"_bucket{transport="websocket",le="5"} 1"#,
        r#"_bucket{transport="websocket",le="10"} 2"#,
        r#"_count{transport="websocket"} 2"#,
        r#"_sum{transport="sse"} 60"#,
    ] {
        let line = format!("causerie_client_away_seconds{back}");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

/// What the log says of the connection's end. The lines are JSON.
async fn end_of(gateway: &Node, connection: &Value) -> Value {
    let begin = format!(r#""disconnected","connection":{connection}"#);
    let line = gateway.log_line(&begin).await;
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn a_log_says_how_each_connection_fared() {
    let redis = Redis::start().await;
    let mut gateway = Program::gateway()
        .config(format!("[websocket]\nheartbeat_interval = 1\n{CONFIG}"))
        .env("REDIS_URL", redis.url())
        .start()
        .await;
    let token = token(&["--tenant", "acme", "--sub", "u1"]).await;
    let connect = Connect::to(&gateway.ws_url()).param("token", &token);

    let mut socket = connect.clone().open().await;
    let vanished = socket.expect_type("ready").await["data"]["connection_id"].clone();
    let at = socket.expect("its own room", |frame| frame["room"] == "user:u1");
    let at = at.await;
    drop(socket);
    let end = end_of(&gateway, &vanished).await;
    assert_eq!(end["closed_by"], "nobody", "{end}");
    assert!(end.get("code").is_none(), "{end}");
    assert!(end.get("rtt_ms").is_none(), "{end}");

    let position = format!("{}:{}", at["epoch"].as_str().unwrap(), at["seq"]);
    let path = format!("/ws?token={token}&room=user:me@{position}");
    let mut socket = RawSocket::open(gateway.url(), &path, &[]).await;
    let ready = socket.read_frame().await.unwrap().text();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    // Then come `subscribed` for two rooms, and a ping.
    let (mut texts, mut pings) = (1, 0);
    while texts < 3 || pings == 0 {
        match socket.read_frame().await.unwrap().opcode {
            opcode::TEXT => texts += 1,
            opcode::PING => pings += 1,
            other => panic!("{other}"),
        }
    }
    socket.send_frame(true, opcode::PONG, b"").await;
    socket
        .send_frame(true, opcode::CLOSE, &4000_u16.to_be_bytes())
        .await;
    assert_eq!(socket.read_close().await, Some(4000));
    drop(socket);
    let end = end_of(&gateway, &ready["data"]["connection_id"]).await;
    assert_eq!(end["transport"], "websocket", "{end}");
    assert_eq!(
        (&end["closed_by"], &end["code"]),
        (&json!("client"), &json!(4000))
    );
    assert_eq!(end["given"], 3, "{end}");
    assert_eq!(
        (&end["dropped"], &end["recoveries"]),
        (&json!(0), &json!(1))
    );
    let (age, rtt) = (end["ms"].as_u64().unwrap(), end["rtt_ms"].as_u64().unwrap());
    assert!(age >= 1_000 && rtt < age, "{end}");

    let mut socket = connect.open().await;
    let url = format!("{}/api/events?token={token}", gateway.url());
    let mut stream = Sse::open(&url, &[]).await;
    let sent_away = [
        (socket.expect_type("ready").await, "websocket"),
        (stream.expect_name("ready").await.json(), "sse"),
    ];
    gateway.terminate();
    assert_eq!(socket.expect_close().await.code, Some(1012));
    for (ready, transport) in sent_away {
        let end = end_of(&gateway, &ready["data"]["connection_id"]).await;
        assert_eq!(end["transport"], transport, "{end}");
        assert_eq!(
            (&end["closed_by"], &end["code"]),
            (&json!("server"), &json!(1012))
        );
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_told_and_all_stays_as_it_was() {
    let config = format!(
        "{CONFIG}auth = {{ jwt_public_key_file = 'none.pem' }}\n\
         [limits]\nmessages_per_minute_per_connection = 7\n"
    );
    let mut node = Program::causerie().config(CONFIG).start().await;
    let file = node.config_file();
    std::fs::write(file.with_file_name("none.pem"), "no key").unwrap();
    std::fs::write(file, config).unwrap();
    node.reload();
    node.log_line("keys, tenants and limits stay as they were")
        .await;
    node.metric_rises("causerie_key_reload_errors_total").await;
    let token = token(&["--tenant", "acme", "--sub", "u1"]).await;
    let connect = Connect::to(&node.ws_url()).param("token", &token);
    let ready = connect.open().await.expect_type("ready").await;
    assert_eq!(ready["data"]["messages_per_minute"], 60, "{ready}");
}

#[tokio::test]
async fn an_operators_pages_have_the_headers_too() {
    let node = Program::causerie().start().await;
    for path in ["/", "/metrics", "/health", "/nothing"] {
        let answer = get(&format!("{}{path}", node.admin_url())).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

/// Else all that come through it would count as one, or nobody would be limited, and
/// nobody knew why.
#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_told_of_once() {
    for (exempt, meanwhile) in [
        ("", "none of its clients is limited"),
        ("192.0.2.0/24", "all of its clients count as one"),
    ] {
        let causerie = Program::causerie().env("LIMITS_EXEMPT", exempt);
        let node = causerie.start().await;
        let ask = |header: &'static str, value: &'static str| {
            let url = format!("{}/ws?t=demo", node.url());
            async move { request(Method::GET, &url, &[(header, value)], None).await }
        };
        ask("forwarded", "for=192.0.2.1").await;
        let line = node.log_line("AUTH_TRUSTED_PROXIES").await;
        assert!(line.contains("127.0.0.1"), "{line}");
        assert!(line.contains(meanwhile), "{line}");
        ask("x-forwarded-for", "192.0.2.1").await;
        let counted = node.metric("causerie_untrusted_proxy_requests_total").await;
        assert!((counted - 2.0).abs() < f64::EPSILON, "{counted}");
        node.metric_rises("causerie_untrusted_proxy_requests_total")
            .await;
        assert_eq!(node.output().matches("AUTH_TRUSTED_PROXIES").count(), 1);
        assert!(!node.output().contains("192.0.2.1"));
    }
}
