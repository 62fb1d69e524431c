//! Who is let in, and in which order the others are told why not.

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Connect;
use reqwest::Method;
use serde_json::json;

use crate::auth::now;
use crate::support::node::{Node, ORIGIN, token};

async fn get(node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, &node.at(path), headers, None).await
}

/// `status` and the error's code of a plain GET of `/ws`.
async fn refused(node: &Node, query: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = get(node, &format!("/ws?{query}"), headers).await;
    let error = answer.json();
    assert_eq!(error["type"], "error", "{answer:?}");
    assert!(
        error["content"]
            .as_str()
            .is_some_and(|text| text.ends_with('.')),
        "{answer:?}"
    );
    (answer.status, error["code"].as_str().unwrap().to_owned())
}

/// Each request has all the faults of those below it, and is told the first.
#[tokio::test]
async fn refusals_come_in_the_protocols_order() {
    let node = Node::with("[websocket]\nmax_connections = 1").await;
    let _holder = Connect::to(&node.ws())
        .param("token", &token(json!({})))
        .open()
        .await;
    let foreign = [("origin", "https://evil.example")];
    let offer = [foreign[0], ("sec-websocket-protocol", "chat")];
    let expired = token(json!({"exp": now() - 3_600}));
    let good = token(json!({}));
    for (what, query, headers, expected) in [
        (
            "bad room",
            format!("token={expired}&room=x"),
            &foreign[..],
            (400, "invalid_message"),
        ),
        (
            "bad subprotocol",
            format!("token={expired}"),
            &offer[..],
            (400, "invalid_message"),
        ),
        (
            "no tenant",
            String::new(),
            &foreign[..],
            (400, "invalid_message"),
        ),
        (
            "expired",
            format!("token={expired}&room=user:u2"),
            &foreign[..],
            (401, "unauthorized"),
        ),
        (
            "origin",
            format!("token={good}&room=user:u2"),
            &foreign[..],
            (403, "forbidden"),
        ),
        (
            "tenant",
            format!("token={good}&t=h-other"),
            &[],
            (403, "forbidden"),
        ),
        (
            "room",
            format!("token={good}&room=user:u2"),
            &[],
            (403, "forbidden"),
        ),
        ("full", format!("token={good}"), &[], (503, "overloaded")),
    ] {
        let (status, code) = refused(&node, &query, headers).await;
        assert_eq!((status, &*code), expected, "{what}");
    }
}

#[tokio::test]
async fn a_plain_get_tells_that_one_would_be_let_in() {
    let node = Node::start().await;
    let path = format!("/ws?token={}", token(json!({})));
    let answer = get(&node, &path, &[("origin", ORIGIN)]).await;
    assert_eq!(answer.status, 426, "{answer:?}");
    assert_eq!(answer.header("sec-websocket-version"), "13");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(
        answer.header("access-control-expose-headers"),
        "retry-after"
    );
}

/// What keeps a page out is told to it, or nobody would know why nothing works; all else is not.
#[tokio::test]
async fn a_page_of_nobodys_may_read_that_it_is_refused_and_nothing_else() {
    let node = Node::start().await;
    let from = [("origin", "https://evil.example")];
    let good = token(json!({}));
    let bearer = format!("Bearer {good}");
    for (path, status, readable) in [
        (format!("/ws?token={good}"), 403, "*"),
        ("/ws?t=h-acme".to_owned(), 403, "*"),
        ("/ws?t=h-unknown".to_owned(), 401, ""),
        ("/ws?token=forged".to_owned(), 401, ""),
        ("/ws".to_owned(), 400, ""),
        ("/health/live".to_owned(), 200, ""),
        ("/api/websocket/events/types".to_owned(), 200, ""),
        ("/nothing".to_owned(), 404, ""),
    ] {
        let answer = get(&node, &path, &from).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, readable, "{path}");
    }
    let url = node.at("/api/actions");
    let headers = [from[0], ("authorization", &*bearer)];
    let body = json!({"action": "sendMessage", "id": "m1", "data": {"user_input": "hello"}});
    let answer = request(Method::POST, &url, &headers, Some(&body)).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let path = "/api/rooms/user:me/history";
    let own = [("origin", ORIGIN), ("authorization", &*bearer)];
    let history = get(&node, path, &own).await;
    assert_eq!(history.status, 200, "{history:?}");
    assert_eq!(history.json()["events"], json!([]), "nothing was said");
}

/// RFC 6455, 4.1: the method of the request is GET.
#[tokio::test]
async fn a_websocket_is_asked_for_with_get_alone() {
    let node = Node::start().await;
    let path = format!("/ws?token={}", token(json!({})));
    for (method, status) in [("GET", 101), ("HEAD", 426)] {
        let mut socket = RawSocket::connect(&node.url).await;
        let asking = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.send(asking.as_bytes()).await;
        let head = socket.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
}

#[tokio::test]
async fn a_full_node_says_when_to_come_back() {
    let node = Node::with("[websocket]\nmax_connections = 1").await;
    let connect = Connect::to(&node.ws()).param("token", &token(json!({})));
    let mut first = connect.clone().open().await;
    first.expect_type("ready").await;
    let answer = connect.clone().try_open().await.unwrap_err();
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    let error = answer.json();
    assert_eq!(
        (&error["scope"], &error["limit"]),
        (&json!("node"), &json!(1))
    );
    first.close(1000, "bye").await;
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    while let Err(answer) = connect.clone().try_open().await {
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
    }
}

#[tokio::test]
async fn a_user_and_a_tenant_have_their_share_of_a_node() {
    let caps = "[limits]\nconnections_per_user = 2\nconnections_per_tenant = 3";
    let node = Node::with(caps).await;
    let user = |name: &str| Connect::to(&node.ws()).param("token", &token(json!({"sub": name})));
    let mut held = Vec::new();
    for name in ["u1", "u1", "u2"] {
        held.push(user(name).open().await);
    }
    for (name, scope, limit) in [("u1", "user", 2), ("u3", "tenant", 3)] {
        let answer = user(name).try_open().await.unwrap_err();
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
        let error = answer.json();
        assert_eq!(
            (&error["scope"], &error["limit"]),
            (&json!(scope), &json!(limit))
        );
    }
    // Another tenant has its own.
    let other = token(json!({"sub": "u1", "tenant": "other"}));
    let _other = Connect::to(&node.ws()).param("token", &other).open().await;
    held.pop().unwrap().close(1000, "bye").await;
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    while let Err(answer) = user("u3").try_open().await {
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
    }
}

#[tokio::test]
async fn a_token_may_come_by_three_ways() {
    let node = Node::start().await;
    let token = token(json!({"projects": ["p1"]}));
    let connect = Connect::to(&node.ws()).param("room", "project:p1");
    for connect in [
        connect.clone().param("token", &token).param("t", "h-acme"),
        connect
            .clone()
            .header("authorization", &format!("Bearer {token}")),
        connect
            .clone()
            .subprotocol("picasso-chat-v1")
            .subprotocol(&format!("bearer.{token}")),
    ] {
        let mut client = connect.open().await;
        let ready = client.expect_type("ready").await;
        assert_eq!(ready["data"]["user_id"], "u1");
        assert_eq!(ready["data"]["token"], json!(null));
        for _ in 0..3 {
            client.expect_type("subscribed").await;
        }
    }
    let twice = connect
        .param("token", "a.b.c")
        .header("authorization", &format!("Bearer {token}"));
    assert_eq!(twice.try_open().await.unwrap_err().status, 400);
}

#[tokio::test]
async fn a_visitor_is_the_same_one_again() {
    let node = Node::start().await;
    let visit = Connect::to(&node.ws()).param("t", "h-acme");
    let mut client = visit.clone().header("origin", ORIGIN).open().await;
    let ready = client.expect_type("ready").await;
    let user = ready["data"]["user_id"].as_str().unwrap();
    assert!(user.starts_with("v~"));
    let token = ready["data"]["token"].as_str().unwrap();
    let again = Connect::to(&node.ws()).param("token", token);
    let ready = again.open().await.expect_type("ready").await;
    assert_eq!(ready["data"]["user_id"], user);

    // Only from the tenant's pages, and only where the tenant wants them.
    let nowhere = visit.clone().try_open().await.unwrap_err();
    assert_eq!(nowhere.status, 403);
    let elsewhere = visit.clone().header("origin", "https://other.example");
    assert_eq!(elsewhere.try_open().await.unwrap_err().status, 403);
    let unknown = Connect::to(&node.ws())
        .param("t", "h-nobody")
        .header("origin", ORIGIN);
    assert_eq!(unknown.try_open().await.unwrap_err().status, 401);
}

#[tokio::test]
async fn a_session_is_made_beforehand() {
    let node = Node::start().await;
    let post = |origin: &'static str, body| {
        let url = node.at("/api/auth/session");
        async move { request(Method::POST, &url, &[("origin", origin)], Some(&body)).await }
    };
    let answer = post(ORIGIN, json!({"tenant_hash": "h-acme"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let session = answer.json();
    assert_eq!(session["expires_in"], 7 * 24 * 3600);
    let token = session["token"].as_str().unwrap();
    let ready = Connect::to(&node.ws())
        .param("token", token)
        .open()
        .await
        .expect_type("ready")
        .await;
    assert_eq!(ready["data"]["user_id"], session["user_id"]);

    for (origin, body, status) in [
        (
            "https://evil.example",
            json!({"tenant_hash": "h-acme"}),
            403,
        ),
        (ORIGIN, json!({"tenant_hash": "h-nobody"}), 401),
        (ORIGIN, json!({"tenant_hash": "no such thing"}), 400),
        (ORIGIN, json!({}), 400),
    ] {
        assert_eq!(post(origin, body.clone()).await.status, status, "{body}");
    }
}

/// Whoever it is may send that much, before anybody is counted.
#[tokio::test]
async fn little_is_read_of_one_who_is_nobody_yet() {
    let node = Node::start().await;
    let url = node.at("/api/auth/session");
    for (bytes, status) in [(4_000, 200), (5_000, 413)] {
        let body = json!({"tenant_hash": "h-acme", "more": "x".repeat(bytes)});
        let answer = request(Method::POST, &url, &[("origin", ORIGIN)], Some(&body)).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn a_browser_may_ask_beforehand_what_it_may() {
    let node = Node::start().await;
    let ask = |origin: &'static str| {
        let url = node.at("/api/chat");
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        async move { request(Method::OPTIONS, &url, &headers, None).await }
    };
    let own = ask(ORIGIN).await;
    assert_eq!(own.status, 200);
    assert_eq!(own.header("access-control-allow-origin"), ORIGIN);
    assert!(
        own.header("access-control-allow-headers")
            .contains("last-event-id")
    );
    // It may ask as everybody may, to be told that it is refused.
    let foreign = ask("https://evil.example").await;
    assert_eq!(
        foreign.header("access-control-allow-origin"),
        "https://evil.example"
    );
    assert_eq!(foreign.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_tenant_that_is_changed_in_the_file_is_changed_here() {
    let node = Node::start().await;
    let visit = Connect::to(&node.ws())
        .param("t", "h-acme")
        .header("origin", "https://new.example");
    assert_eq!(visit.clone().try_open().await.unwrap_err().status, 403);
    let toml = std::fs::read_to_string(node.config_file()).unwrap();
    std::fs::write(
        node.config_file(),
        toml.replace(ORIGIN, "https://new.example"),
    )
    .unwrap();
    node.settings.reload();
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    while let Err(answer) = visit.clone().try_open().await {
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
    }
}

#[tokio::test]
async fn one_who_never_sends_a_whole_request_is_hung_up_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let node = Node::with("[websocket]\nconnection_timeout = 1").await;
    let address = node.url.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"GET /ws?t=h-acme HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(causerie_testkit::DEADLINE, socket.read_to_end(&mut rest));
    ended.await.expect("the connection is cut").unwrap();

    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/actions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 99\r\n\r\n{{",
        token(json!({}))
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let read = tokio::time::timeout(causerie_testkit::DEADLINE, socket.read_exact(&mut answer));
    read.await.expect("there is an answer").unwrap();
    assert_eq!(std::str::from_utf8(&answer).unwrap(), "HTTP/1.1 408");
}

/// `*.` stands for subdomains, and for nothing that only looks like one.
#[tokio::test]
async fn pages_of_subdomains_may_be_a_tenants_own() {
    let node = Node::set(&[
        r#"tenants=[{"id":"acme","hash":"h-acme","visitors":true,"origins":["https://*.acme.example"]}]"#,
    ])
    .await;
    for (origin, status) in [
        ("https://chat.acme.example", 426),
        ("https://a.b.acme.example", 426),
        ("https://acme.example", 403),
        ("https://evilacme.example", 403),
        ("http://chat.acme.example", 403),
        ("https://chat.acme.example.evil.example", 403),
    ] {
        let answer = get(&node, "/ws?t=h-acme", &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{origin}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, if status == 426 { origin } else { "*" });
    }
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_do_nothing_more_with_it() {
    let node = Node::start().await;
    for path in [
        "/",
        "/demo.css",
        "/demo.js",
        "/causerie-chat.js",
        "/ws",
        "/nothing",
        "/health/live",
        "/api/websocket/events/types",
        "/api/rooms/tenant/history",
    ] {
        let answer = node.get(path, &token(json!({}))).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(
            answer.header("permissions-policy").contains("camera=()"),
            "{path}"
        );
        let is_page = ["/", "/demo.css", "/demo.js", "/causerie-chat.js"].contains(&path);
        let kept = if is_page { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), kept, "{path}");
    }
}
