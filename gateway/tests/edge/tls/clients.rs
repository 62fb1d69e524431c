//! Who comes in over TLS, and who does not.

use std::time::{Duration, Instant};

use causerie_testkit::DEADLINE;
use causerie_testkit::certificates::Authority;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Files, Trust, come_in, made_by_hand, shake_hands};
use crate::support::node::{Node, token};

const HSTS: &str = "strict-transport-security";

fn browser(authority: &Authority) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.certificate.as_bytes()).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([root]);
    builder
        .min_tls_version(reqwest::tls::Version::TLS_1_3)
        .build()
        .unwrap()
}

#[tokio::test]
async fn all_transports_go_over_tls_1_3() {
    let files = Files::new();
    let node = Node::with(&files.toml()).await;
    let mut client = come_in(&node, files.trust().speaking(&TLS13)).await;
    let said = json!({"user_input": "Hello?", "ai": false, "room": "user:me"});
    let ack = client
        .request(json!({"action": "sendMessage", "data": said}))
        .await;
    assert_eq!(ack["type"], "ack", "{ack}");

    let browser = browser(&files.authority);
    let answer = browser.get(node.at("/health/live")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[HSTS], "max-age=31536000");

    let url = node.at(&format!("/api/events?token={}", token(json!({}))));
    let mut stream = browser.get(url).send().await.unwrap();
    let mut heard = String::new();
    while !heard.contains("event: ready") {
        let chunk = timeout(DEADLINE, stream.chunk()).await.expect("an event");
        heard.push_str(&String::from_utf8_lossy(&chunk.unwrap().unwrap()));
    }
    assert_eq!(client.close(1000, "").await.code, Some(1000));
}

#[tokio::test]
async fn tls_1_2_is_taken_where_it_is_asked_for() {
    let files = Files::new();
    let only_1_2 = || files.trust().speaking(&TLS12);
    let node = Node::with(&files.toml()).await;
    let refused = shake_hands(&node, only_1_2().config()).await.unwrap_err();
    assert!(refused.to_string().contains("ProtocolVersion"), "{refused}");

    let node = Node::with(&format!("{}min_version = '1.2'\n", files.toml())).await;
    come_in(&node, only_1_2()).await.ping().await;
    come_in(&node, files.trust().speaking(&TLS13))
        .await
        .ping()
        .await;
}

#[tokio::test]
async fn plain_http_is_taken_beside_it_where_that_is_asked_for() {
    let files = Files::new();
    let port = causerie_testkit::port::free(&[]);
    let node = Node::with(&format!("{}plain_port = {port}\n", files.toml())).await;
    come_in(&node, files.trust()).await.ping().await;
    let url = format!("http://127.0.0.1:{port}/health/live");
    let answer = causerie_testkit::client::http::get(&url).await;
    assert_eq!((answer.status, answer.header(HSTS)), (200, ""));
}

#[tokio::test]
async fn where_clients_need_a_certificate_no_other_comes_in() {
    let (files, clients) = (Files::new(), Authority::new());
    std::fs::write(files.path("clients.crt"), &clients.certificate).unwrap();
    let ca = files.path("clients.crt");
    let node = Node::with(&format!("{}client_ca_file = '{ca}'\n", files.toml())).await;
    let known = files.trust().showing(&clients.certify("phone"));
    come_in(&node, known).await.ping().await;
    let strange = files.trust().showing(&Authority::new().certify("phone"));
    for trust in [files.trust(), strange] {
        // The client learns it when it reads (RFC 8446, 4.4.2.4).
        let mut stream = shake_hands(&node, trust.config()).await.unwrap();
        let end = timeout(DEADLINE, stream.read(&mut [0]))
            .await
            .expect("an end");
        assert!(end.is_err(), "{end:?}");
    }
}

#[tokio::test]
async fn an_encrypted_key_is_opened_with_its_passphrase() {
    let certificate = made_by_hand("localhost.crt");
    let trust = Trust::in_certificate(&std::fs::read_to_string(&certificate).unwrap());
    for key in ["pbkdf2.key", "scrypt.key", "sec1.key"] {
        let key = made_by_hand(key);
        let toml = format!(
            "[tls]\ncert_file = '{certificate}'\nkey_file = '{key}'\n\
             key_passphrase = 'open-sesame'\n"
        );
        let node = Node::with(&toml).await;
        come_in(&node, trust.clone()).await.ping().await;
    }
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_what_to_do() {
    let files = Files::new();
    let node = Node::with(&files.toml()).await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let request = b"GET /ws?token=x HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(DEADLINE, read).await.expect("an end").unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nThis port takes TLS only: use https:// or wss://.\n"));
}

#[tokio::test]
async fn who_speaks_neither_is_hung_up_on() {
    let files = Files::new();
    let node = Node::with(&files.toml()).await;
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(b"\0\0\0\0\0\0\0\0\0\0\0\0").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    timeout(DEADLINE, read).await.expect("an end").unwrap();
    // A fatal alert, in a record of its own.
    assert_eq!((answer.first(), answer.len()), (Some(&21), 7), "{answer:?}");
}

/// Whether nothing comes, too little, or too slowly.
#[tokio::test]
async fn who_does_not_finish_the_handshake_in_time_is_dropped() {
    let files = Files::new();
    let toml = format!("websocket.connection_timeout = '1s'\n{}", files.toml());
    let node = Node::with(&toml).await;
    for begin in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let end = timeout(DEADLINE, stream.read(&mut [0; 64])).await;
        assert!(matches!(end.expect("an end"), Ok(0) | Err(_)));
        assert!(begun.elapsed() >= Duration::from_millis(900));
    }
}

/// Of one who reads nothing for a while: what the system holds, the rest of a record,
/// and what waits are put together in order.
#[tokio::test]
async fn what_a_slow_reader_gets_is_whole_and_in_order() {
    const COUNT: usize = 2_000;
    let files = Files::new();
    let toml = format!("websocket.outbox_bytes = '64M'\n{}", files.toml());
    let node = Node::with(&toml).await;
    let (reader, mut writer) = (
        come_in(&node, files.trust()).await,
        come_in(&node, files.trust()).await,
    );
    reader.stop_reading();
    let text = "x".repeat(12_000);
    for number in 0..COUNT {
        let text = format!("{number} {text}");
        let said = json!({"user_input": text, "ai": false, "room": "user:me"});
        writer
            .send(json!({"action": "sendMessage", "data": said}))
            .await;
    }
    let numbers = |frames: Vec<Value>| {
        let said = frames
            .into_iter()
            .filter(|frame| frame["type"] == "new_message");
        let number = |frame: Value| {
            let text = frame["data"]["content"].as_str().unwrap().to_owned();
            assert!(text.ends_with("xxx") && text.len() > 12_000);
            text.split(' ').next().unwrap().parse::<usize>().unwrap()
        };
        said.map(number).collect::<Vec<_>>()
    };
    let last = format!("{} x", COUNT - 1);
    let is_last = |frame: &Value| {
        let content = frame["data"]["content"].as_str();
        content.is_some_and(|text| text.starts_with(&last))
    };
    writer.expect("the last message", is_last).await;
    reader.resume_reading();
    let mut reader = reader;
    reader.expect("the last message", is_last).await;
    assert_eq!(numbers(reader.frames()), Vec::from_iter(0..COUNT));
}
