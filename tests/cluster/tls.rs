//! TLS of a program as it is run: what is read from its files, and read again.

use std::path::Path;
use std::time::Duration;

use causerie_testkit::certificates::{Authority, Certified, Trust};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::{DEADLINE, client};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

fn put(folder: &TempDir, certified: &Certified) {
    let path = |name| folder.path().join(name);
    std::fs::write(path("server.key"), &certified.key).unwrap();
    std::fs::write(path("server.crt"), &certified.certificate).unwrap();
}

fn causerie(folder: &TempDir) -> Program {
    let path = |name| folder.path().join(name).to_string_lossy().into_owned();
    Program::causerie()
        .env("TLS_CERT_FILE", path("server.crt"))
        .env("TLS_KEY_FILE", path("server.key"))
}

async fn come_in(node: &Node, authority: &Authority) -> Client {
    let config = Trust::in_authority(authority).config();
    let connect = Connect::to(&node.ws_url()).param("t", "demo");
    let origin = format!("https://localhost:{}", node.port());
    let connect = connect.header("origin", &origin).over_tls(&config);
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    client
}

/// Waits until a metric is as large, with all labels that it has.
async fn until_at_least(node: &Node, series: &str, least: f64) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let metrics = node.metrics().await;
        let lines = metrics.lines();
        let value = lines.filter_map(|line| line.strip_prefix(series)).next();
        if value.is_some_and(|value| value.trim().parse::<f64>().unwrap() >= least) {
            return;
        }
        assert!(Instant::now() < deadline, "{series} {least} in {metrics}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_noticed_and_nobody_is_dropped() {
    let folder = TempDir::new().unwrap();
    let (first, second, third) = (Authority::new(), Authority::new(), Authority::new());
    put(&folder, &first.certify_until("127.0.0.1", 2049));
    let mut node = causerie(&folder).start().await;
    let expiry = "causerie_tls_certificate_expiry_seconds";
    // The beginning of 2049, and of 2051, which is written in another way.
    assert_eq!(node.metric(expiry).await, 2_493_072_000.0);
    let mut early = come_in(&node, &first).await;

    put(&folder, &second.certify_until("127.0.0.1", 2051));
    until_at_least(&node, expiry, 2_556_144_000.0).await;
    early.ping().await;
    let mut late = come_in(&node, &second).await;

    std::fs::write(folder.path().join("server.crt"), "").unwrap();
    let failed = r#"causerie_tls_reloads_total{result="failed"}"#;
    until_at_least(&node, failed, 1.0).await;
    let line = node
        .log_line("certificate not read again: the old one stays")
        .await;
    assert!(line.contains("tls.cert_file is `"), "{line}");
    come_in(&node, &second).await.ping().await;

    // Who asks for it does not wait for the next look.
    put(&folder, &third.certify("127.0.0.1"));
    node.reload();
    until_at_least(&node, expiry, 2_556_144_001.0).await;
    come_in(&node, &third).await.ping().await;
    early.ping().await;
    late.ping().await;
}

#[tokio::test]
async fn who_comes_in_and_who_does_not_is_counted() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new();
    put(&folder, &authority.certify("127.0.0.1"));
    let node = causerie(&folder).start().await;
    come_in(&node, &authority).await.ping().await;
    let connections = r#"causerie_tls_connections_total{version="1.3"}"#;
    until_at_least(&node, connections, 1.0).await;
    let plain = node.url().replacen("https", "http", 1);
    assert_eq!(client::http::get(&plain).await.status, 400);
    let failures = r#"causerie_tls_handshake_failures_total{reason="plain_http"}"#;
    until_at_least(&node, failures, 1.0).await;
    let failures = "causerie_tls_handshake_failures_total";
    assert_eq!(node.metric(failures).await, 1.0);

    // Who asks for health does so on the admin port, which has no TLS.
    let (_, port) = node.admin_url().rsplit_once(':').unwrap();
    let health = causerie(&folder).env("ADMIN_PORT", port).args(["health"]);
    let end = health.run().await;
    assert_eq!(end.code, Some(0), "{end:?}");
}

#[tokio::test]
async fn files_that_cannot_be_used_end_the_start_and_the_check() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new();
    put(&folder, &authority.certify_until("127.0.0.1", 2020));
    let end = causerie(&folder).args(["--check"]).run().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let warning = "# warning: the certificate in `";
    assert!(end.output.contains(warning), "{end:?}");
    assert!(
        end.output.contains("has expired: clients refuse it"),
        "{end:?}"
    );

    let certificate = authority.certify("127.0.0.1").certificate;
    std::fs::write(Path::join(folder.path(), "server.crt"), certificate).unwrap();
    for arguments in [&["--check"][..], &[]] {
        let end = causerie(&folder)
            .args(arguments.iter().copied())
            .run()
            .await;
        assert_eq!(end.code, Some(1), "{end:?}");
        let sentence = "(tls.key_file) is not that of the first certificate in `";
        assert!(end.output.contains(sentence), "{end:?}");
    }
}

#[tokio::test]
async fn the_log_tells_at_no_level_what_a_handshake_brought() {
    let folder = TempDir::new().unwrap();
    let (authority, clients) = (Authority::new(), Authority::new());
    put(&folder, &authority.certify("canary-in-sni.example"));
    let ca = folder.path().join("clients.crt");
    std::fs::write(&ca, &clients.certificate).unwrap();
    let mut node = causerie(&folder)
        .env("TLS_CLIENT_CA_FILE", ca.to_string_lossy())
        .env("TELEMETRY_LOG_LEVEL", "trace")
        .start()
        .await;
    let shown = clients.certify("canary-in-certificate.example");
    let config = Trust::in_authority(&authority).showing(&shown).config();
    let stream = TcpStream::connect(("127.0.0.1", node.port()))
        .await
        .unwrap();
    let name = ServerName::try_from("canary-in-sni.example").unwrap();
    let connecting = TlsConnector::from(config).connect(name, stream);
    let mut stream = connecting.await.unwrap();
    let request = b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(DEADLINE, read).await.expect("an end").unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");

    node.terminate();
    node.wait(DEADLINE).await;
    let output = node.output();
    assert!(output.contains("TRACE"), "{output}");
    for secret in ["canary", "rustls::"] {
        let told = output.lines().find(|line| line.contains(secret));
        assert_eq!(told, None, "{secret}");
    }
}
