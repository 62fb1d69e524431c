//! Those who want in where they don't belong.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::client::ws::Connect;
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{GOOD_ADDRESS, OPENING, ORIGIN, SECRET, Stage, token};

/// A key with which other tokens of the operator are verified: anybody may know it.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwOKIku2krAJK4oKR3CzpbXbx3PP/
Hjtb+oJxjLb3JDnarSL4VneO1rXMNzLlzUCRZiDNgwROSmmkSa69LRhQlA==
-----END PUBLIC KEY-----
";

async fn get(node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, &format!("{}{path}", node.url()), headers, None).await
}

/// Every way in that a token opens; each with `token` in it.
fn ways_in(token: &str) -> [String; 4] {
    [
        format!("/ws?token={token}"),
        format!("/api/events?token={token}"),
        format!("/api/rooms/user:me/events?token={token}"),
        format!("/api/rooms/user:me/history?token={token}"),
    ]
}

/// A token whose header says `header` and whose signature is `signature`.
fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let encode = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

#[tokio::test]
async fn bad_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("public.pem");
    std::fs::write(&pem, PUBLIC_KEY).unwrap();
    let key_file = [("AUTH_JWT_PUBLIC_KEY_FILE", pem.to_str().unwrap())];
    let stage = Stage::with(&key_file).await;
    stage.attack(async |_| show_bad_tokens(&stage).await).await;
    stage
        .expect_unharmed("comes with tokens that do not hold")
        .await;
}

async fn show_bad_tokens(stage: &Stage) {
    let good = token("u1");
    // Nothing but the signature is wrong with those that are forged.
    let claims = good.split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let signature = good.rsplit('.').next().unwrap();
    let past = Token::of("acme", "u1").claim("exp", json!(1_700_000_000));
    let later = Token::of("acme", "u1").claim("nbf", json!(4_000_000_000_u64));
    let visitor = Token::of("acme", "v~1");
    for (what, token) in [
        ("no signature", forged(&json!({"alg": "none"}), &claims, "")),
        (
            "none, in capitals",
            forged(&json!({"alg": "NONE"}), &claims, ""),
        ),
        (
            "another's signature",
            forged(&json!({"alg": "HS256"}), &claims, signature),
        ),
        (
            "an empty one",
            forged(&json!({"alg": "HS256"}), &claims, ""),
        ),
        (
            "the public key as secret",
            Token::of("acme", "u1").sign(PUBLIC_KEY),
        ),
        (
            "the same, trimmed",
            Token::of("acme", "u1").sign(PUBLIC_KEY.trim()),
        ),
        ("a guessed secret", Token::of("acme", "u1").sign("secret")),
        ("an empty secret", Token::of("acme", "u1").sign("")),
        ("expired", past.sign(SECRET)),
        ("not valid yet", later.sign(SECRET)),
        ("a visitor by the wrong secret", visitor.sign(SECRET)),
        ("an unknown tenant", Token::of("nobody", "u1").sign(SECRET)),
        ("none at all", "x".to_owned()),
    ] {
        for path in ways_in(&token) {
            let answer = get(&stage.node, &path, &[("x-forwarded-for", "203.0.113.7")]).await;
            assert_eq!(answer.status, 401, "{what}, {path}: {answer:?}");
            assert_eq!(answer.json()["code"], "unauthorized", "{what}");
            assert!(!answer.body.contains(&token), "{what}: {answer:?}");
        }
        assert!(
            !stage.node.output().contains(&token) || token.len() < 20,
            "{what} is logged"
        );
    }
    let foreign = Token::of("other", "u1").sign(SECRET);
    for path in ways_in(&foreign) {
        let path = format!("{path}&t=h-acme");
        let answer = get(&stage.node, &path, &[("x-forwarded-for", "203.0.113.7")]).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("forbidden")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_any_more() {
    let stage = Stage::set().await;
    stage
        .attack(async |round| replay_revoked(&stage, &format!("u{round}")).await)
        .await;
    stage
        .expect_unharmed("comes back with a revoked token")
        .await;
}

async fn replay_revoked(stage: &Stage, user: &str) {
    let url = format!("{}/api/users/{user}/revoke", stage.node.url());
    let admin = format!(
        "Bearer {}",
        Token::of("acme", "boss").role("admin").sign(SECRET)
    );
    let old = token(user);
    let from = ("x-forwarded-for", "203.0.113.7");
    let mut live = Connect::to(&stage.node.ws_url())
        .param("token", &old)
        .open()
        .await;
    let headers = [("authorization", &*admin), from];
    let done = request(Method::POST, &url, &headers, Some(&json!({}))).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(live.expect_close().await.code, Some(4500));
    for path in ways_in(&old) {
        let answer = get(&stage.node, &path, &[from]).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
}

/// What Redis keeps is found by names of rooms; nothing in them may mean something else.
#[tokio::test]
async fn names_of_rooms() {
    let stage = Stage::set().await;
    stage.attack(async |_| name_rooms(&stage).await).await;
    stage.expect_unharmed("names rooms that are none").await;
}

async fn name_rooms(stage: &Stage) {
    let wants_all = Token::of("acme", "u1")
        .claim("projects", json!("*"))
        .sign(SECRET);
    let from = ("x-forwarded-for", "203.0.113.7");
    let mut client = Connect::to(&stage.node.ws_url())
        .param("token", &wants_all)
        .header(from.0, from.1)
        .open()
        .await;
    client.expect_type("ready").await;
    for id in [
        "a:b",
        "a:user:u2",
        "{00}",
        "a}{b",
        "a b",
        "a\nb",
        "a\r\nDEL x",
        "a\0b",
        "a*",
        "a/../b",
        "a%00",
        "ä",
        "\u{202E}a",
        "",
        "../tenant",
        "a\tb",
        "a\"b",
        "a,b",
        "a@b",
    ] {
        let room = format!("project:{id}");
        for action in ["subscribe", "unsubscribe", "typing"] {
            let data = json!({"room": room, "is_typing": true});
            let answer = client
                .request(json!({"action": action, "data": data}))
                .await;
            assert_eq!(answer["code"], "invalid_message", "{room:?}: {answer}");
        }
        let data = json!({"room": room, "user_input": "hello", "ai": false});
        let answer = client
            .request(json!({"action": "sendMessage", "data": data}))
            .await;
        assert_eq!(answer["code"], "invalid_message", "{room:?}: {answer}");

        let escaped: String = room.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("/ws?token={wants_all}&room={escaped}"),
            format!("/api/rooms/{escaped}/history?token={wants_all}"),
            format!("/api/rooms/{escaped}/events?token={wants_all}"),
        ] {
            let answer = get(&stage.node, &path, &[from]).await;
            assert_eq!(answer.status, 400, "{room:?}: {answer:?}");
        }
    }
    let longest = format!("project:{}", "x".repeat(129));
    let answer = client
        .request(json!({"action": "subscribe", "data": {"room": longest}}))
        .await;
    assert_eq!(answer["code"], "invalid_message", "{answer}");
}

/// A page of somebody else's opens nothing in the name of who looks at it: there are no
/// cookies, and where the page comes from is looked at, with a token and without.
#[tokio::test]
async fn foreign_pages() {
    let stage = Stage::set().await;
    stage.attack(async |_| hijack(&stage).await).await;
    stage
        .expect_unharmed("opens WebSockets from foreign pages")
        .await;
}

async fn hijack(stage: &Stage) {
    let with_token = format!("token={}", token("u1"));
    let cookie = format!("token={0}; session={0}", token("u1"));
    for origin in [
        "https://evil.example",
        "https://acme.example.evil.example",
        "https://evilacme.example",
        "http://acme.example",
        "https://acme.example:8443",
        "https://acme.example/",
        "https://ACME.example@evil.example",
        "null",
        "file://",
        "",
    ] {
        for (query, cookies) in [(&*with_token, ""), ("t=h-acme", ""), ("t=h-acme", &*cookie)] {
            let mut socket = RawSocket::connect(stage.node.url()).await;
            let asking = format!(
                "GET /ws?{query} HTTP/1.1\r\n{OPENING}Origin: {origin}\r\nCookie: {cookies}\r\n\
                 X-Forwarded-For: 203.0.113.7\r\n\r\n"
            );
            socket.send(asking.as_bytes()).await;
            let head = socket.read_head().await;
            assert!(
                head.starts_with("HTTP/1.1 403 "),
                "{origin}, {query}: {head}"
            );
            // That it is refused is all that the page may read.
            let head = head.to_lowercase();
            let allowed = head.matches("access-control-allow").count();
            assert_eq!(allowed, 1, "{head}");
            assert!(
                head.contains("access-control-allow-origin: *\r\n"),
                "{head}"
            );
        }
    }
    // A cookie is no token, wherever the page comes from.
    let headers = [
        ("origin", ORIGIN),
        ("cookie", &*cookie),
        ("x-forwarded-for", GOOD_ADDRESS),
    ];
    let visitor = Connect::to(&stage.node.ws_url()).param("t", "h-acme");
    let visitor = headers.iter().fold(visitor, |visitor, (name, value)| {
        visitor.header(name, value)
    });
    let ready = visitor.open().await.expect_type("ready").await;
    let is_visitor = ready["data"]["user_id"]
        .as_str()
        .is_some_and(|id| id.starts_with("v~"));
    assert!(is_visitor, "{ready}");
}
