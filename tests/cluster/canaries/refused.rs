//! What strangers send, and what is no HTTP.

use causerie_testkit::client::http;
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::json;

use super::{ORIGIN, get};
use crate::kit::cage::Cage;

/// One becomes a visitor, and others do not.
pub(super) async fn a_visitor(cluster: &Cluster, cage: &mut Cage) {
    let url = format!("{}/api/auth/session", cluster.gateways[0].url());
    let unknown = cage.plant("a member of a visitor's");
    let good = json!({"tenant_hash": "acme-hash", unknown: cage.plant("its value")});
    let stranger = json!({"tenant_hash": cage.plant("the hash of no tenant")});
    let bad = json!({"tenant_hash": [cage.plant("what is no hash")]});
    for (status, body) in [(200, &good), (401, &stranger), (400, &bad)] {
        let headers = [("origin", ORIGIN)];
        let answer = http::request(Method::POST, &url, &headers, Some(body)).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        if let Some(token) = answer.json()["token"].as_str() {
            cage.keep("a visitor's token", token);
        }
    }
}

pub(super) async fn bad_requests(cluster: &Cluster, cage: &mut Cage) {
    let gateway = cluster.gateways[0].url();
    for path in [
        format!("/{}", cage.plant("an unknown path")),
        format!(
            "/api/rooms/{}/history?t=acme-hash",
            cage.plant("a bad room in a path")
        ),
        format!(
            "/api/messages/{}?t=acme-hash",
            cage.plant("a bad id in a path")
        ),
        format!("/ws?t={}", cage.plant("an unknown tenant")),
        format!("/ws?t=acme-hash&token={}", cage.plant("a bad token")),
        format!(
            "/ws?t=acme-hash&room={}",
            cage.plant("a bad room in a query")
        ),
        format!(
            "/ws?t=acme-hash&room=tenant@{}",
            cage.plant("a bad position")
        ),
    ] {
        let answer = get(&format!("{gateway}{path}"), &[]).await;
        assert!(answer.status >= 400, "{path}: {answer:?}");
    }
    for (name, value) in [
        (
            "authorization",
            format!("Bearer {}", cage.plant("a bearer")),
        ),
        (
            "authorization",
            format!("Basic {}", cage.plant("a password")),
        ),
        ("sec-websocket-protocol", cage.plant("a lone subprotocol")),
        (
            "sec-websocket-protocol",
            format!(
                "picasso-chat-v1, bearer.{}",
                cage.plant("a subprotocol's token")
            ),
        ),
    ] {
        let answer = get(&format!("{gateway}/ws"), &[(name, &value)]).await;
        assert!(answer.status >= 400, "{name}: {answer:?}");
    }
    let foreign =
        Token::of("acme", &cage.plant("the sub of a forged token")).sign("another secret");
    cage.keep("a forged token", &foreign);
    let forged = format!("{gateway}/ws?token={foreign}");
    assert_eq!(get(&forged, &[]).await.status, 401);
    let origin = format!("https://{}.example", cage.plant("a foreign origin"));
    let answer = get(&format!("{gateway}/ws?t=acme-hash"), &[("origin", &origin)]).await;
    assert_eq!(answer.status, 403);

    let method = cage.plant("a method").to_uppercase();
    cage.keep("a method", &method);
    for request in [
        format!("{method} /health HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!(
            "GET /health HTTP/1.1\r\nHost: {}\r\n\r\n",
            cage.plant("Host")
        ),
        format!("{}\r\n\r\n", cage.plant("what is no HTTP")),
        format!(
            "GET /health HTTP/1.1\r\nHost: x\r\n{} x\r\n\r\n",
            cage.plant("a bad header")
        ),
    ] {
        let mut socket = RawSocket::connect(gateway).await;
        socket.send(request.as_bytes()).await;
        assert!(socket.read_head().await.starts_with("HTTP/1.1 "));
    }
    let mut socket = RawSocket::open(gateway, "/ws?t=acme-hash", &[("origin", ORIGIN)]).await;
    let binary = cage.plant("a binary frame");
    socket.send_frame(true, 2, binary.as_bytes()).await;
    while let Some(frame) = socket.read_frame().await {
        if frame.text().contains("invalid_message") {
            return;
        }
    }
    panic!("a binary frame was not refused");
}
