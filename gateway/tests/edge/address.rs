//! From where one comes, and who may not come from there.

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::Connect;
use reqwest::Method;
use serde_json::json;

use crate::support::node::{Node, ORIGIN, token};

async fn ask(node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, &node.at(path), headers, None).await
}

/// The status of a plain GET of `/ws` by one who could come in.
async fn status(node: &Node, headers: &[(&str, &str)]) -> u16 {
    let path = format!("/ws?token={}", token(json!({})));
    ask(node, &path, headers).await.status
}

#[tokio::test]
async fn a_blocked_address_gets_nothing_but_the_reason() {
    let node = Node::set(&["limits.blocked_ips=192.0.2.0/24,127.0.0.0/8"]).await;
    let answer = Connect::to(&node.ws())
        .param("token", &token(json!({})))
        .try_open()
        .await
        .unwrap_err();
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.json()["code"], "forbidden");
    for path in [
        "/api/events",
        "/api/rooms/tenant/history",
        "/api/messages/00-x",
    ] {
        assert_eq!(
            node.get(path, &token(json!({}))).await.status,
            403,
            "{path}"
        );
    }
    for path in ["/api/chat", "/api/chat/stream", "/api/actions"] {
        let answer = node.post(path, &token(json!({})), &json!({})).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let url = node.at("/api/auth/session");
    // What they ask for there is not even read.
    for body in [json!({"tenant_hash": "h-acme"}), json!([])] {
        let visit = request(Method::POST, &url, &[("origin", ORIGIN)], Some(&body));
        assert_eq!(visit.await.status, 403);
    }
    // Whoever looks after the node is no client.
    assert_eq!(ask(&node, "/health/live", &[]).await.status, 200);
}

/// 400 goes before, 401 comes after.
#[tokio::test]
async fn the_address_is_looked_at_in_its_turn() {
    let node = Node::set(&["limits.allowed_ips=192.0.2.0/24"]).await;
    assert_eq!(ask(&node, "/ws?room=x", &[]).await.status, 400);
    assert_eq!(ask(&node, "/ws?token=x", &[]).await.status, 403);
    let node = Node::set(&["limits.allowed_ips=192.0.2.0/24,127.0.0.1"]).await;
    assert_eq!(ask(&node, "/ws?token=x", &[]).await.status, 401);
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_request_it_is() {
    let blocked = "limits.blocked_ips=192.0.2.0/24,2001:db8::/32";
    let node = Node::set(&[blocked, "auth.trusted_proxies=127.0.0.1,10.0.0.0/8"]).await;
    for (lines, expected) in [
        (&[][..], 426),
        (&[("x-forwarded-for", "192.0.2.7")], 403),
        (&[("x-forwarded-for", "192.0.2.7, 10.1.2.3")], 403),
        // Whatever stands before was not written by a proxy of ours.
        (&[("x-forwarded-for", "192.0.2.7, 198.51.100.1")], 426),
        (&[("x-forwarded-for", "198.51.100.1, 192.0.2.7")], 403),
        (&[("x-forwarded-for", "[2001:db8::1]:80")], 403),
        (&[("x-forwarded-for", "::ffff:192.0.2.7")], 403),
        (&[("forwarded", "for=192.0.2.7")], 426),
    ] {
        assert_eq!(status(&node, lines).await, expected, "{lines:?}");
    }
    let trusted = "auth.trusted_proxies=127.0.0.1";
    let node = Node::set(&[blocked, trusted, "auth.proxy_header=Forwarded"]).await;
    for (lines, expected) in [
        (&[("x-forwarded-for", "192.0.2.7")][..], 426),
        (&[("forwarded", "for=192.0.2.7;proto=https")], 403),
        (&[("forwarded", "for=\"[2001:db8::1]:4711\"")], 403),
        (&[("forwarded", "for=\", for=192.0.2.7")], 403),
    ] {
        assert_eq!(status(&node, lines).await, expected, "{lines:?}");
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let node = Node::set(&["limits.blocked_ips=192.0.2.0/24"]).await;
    assert_eq!(
        status(&node, &[("x-forwarded-for", "192.0.2.7")]).await,
        426
    );
    let node = Node::set(&["limits.blocked_ips=127.0.0.1"]).await;
    assert_eq!(
        status(&node, &[("x-forwarded-for", "192.0.2.7")]).await,
        403
    );
}
