//! What a server may with its API key, and which keys are believed.

use std::collections::BTreeSet;
use std::sync::Arc;

use causerie_gateway::auth::{Auth, KeyRefused, KeySecret, KeySetPace, TokenError, new_key};
use causerie_shared::api_key::{ApiKey, KeyCard, KeyScope, partition_of_keys};
use causerie_shared::bus::memory::MemoryBus;
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::config::Secret;
use causerie_shared::ids::{KeyId, TenantId};
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::Connect;
use reqwest::Method;
use serde_json::json;

use crate::auth::now;
use crate::support::config::{TENANTS, settings};
use crate::support::node::{KEY_SECRET, Node, ORIGIN, token};

/// A new key of `tenant`, and its text.
pub(crate) fn key(tenant: &str, scopes: &[KeyScope]) -> (String, ApiKey) {
    let tenant = TenantId::new(tenant).unwrap();
    let id = KeyId::generate(partition_of_keys(&tenant));
    let text = new_key(&id);
    let card = KeyCard {
        by: None,
        hash: KeySecret::new(&Secret::new(KEY_SECRET)).hash(&text),
        id,
        scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
        until: None,
        name: "a server's".into(),
    };
    let key = ApiKey {
        tenant,
        created_ms: 1_700_000_000_000,
        card,
    };
    (text, key)
}

/// The text of a new key that is kept on the node's bus.
pub(crate) async fn kept(node: &Node, tenant: &str, scopes: &[KeyScope]) -> String {
    let (text, key) = key(tenant, scopes);
    assert!(node.bus.add_key(&key).await.unwrap());
    text
}

async fn with_headers(node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, &node.at(path), headers, None).await
}

async fn say(node: &Node, room: &str) -> String {
    let token = token(json!({"projects": "*", "roles": ["admin"]}));
    let data = json!({"user_input": "hello", "room": room, "ai": false});
    let body = json!({"action": "sendMessage", "data": data});
    let answer = node.post("/api/actions", &token, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["data"]["message_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_key_that_may_read_reads_every_room_of_its_tenant() {
    let node = Node::start().await;
    let rooms = ["tenant", "project:p1", "user:u7"];
    for room in rooms {
        say(&node, room).await;
    }
    for scope in [KeyScope::Read, KeyScope::Admin] {
        let reader = kept(&node, "acme", &[scope]).await;
        for room in rooms {
            let path = format!("/api/rooms/{room}/history");
            let answer = node.get(&path, &reader).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json()["events"].as_array().unwrap().len(), 1);
        }
    }
    // Another tenant's rooms are others, whatever they are called.
    let stranger = kept(&node, "other", &[KeyScope::Read]).await;
    let answer = node.get("/api/rooms/project:p1/history", &stranger).await;
    assert_eq!(answer.json()["events"], json!([]), "{answer:?}");
}

#[tokio::test]
async fn a_key_finds_the_replies_of_its_tenant_alone() {
    let node = Node::start().await;
    let asker = token(json!({}));
    let body = json!({"action": "sendMessage", "data": {"user_input": "Why?"}});
    let asked = node.post("/api/actions", &asker, &body).await.json();
    let path = format!(
        "/api/messages/{}",
        asked["data"]["message_id"].as_str().unwrap()
    );
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let found = node.get(&path, &reader).await;
    assert_eq!(found.json()["state"], "queued", "{found:?}");
    let stranger = kept(&node, "other", &[KeyScope::Read]).await;
    assert_eq!(node.get(&path, &stranger).await.status, 404);
    let publisher = kept(&node, "acme", &[KeyScope::Publish]).await;
    assert_eq!(node.get(&path, &publisher).await.status, 403);
}

#[tokio::test]
async fn what_a_key_may_not_is_told() {
    let node = Node::start().await;
    let reader = kept(&node, "acme", &[KeyScope::Read]).await;
    let publisher = kept(&node, "acme", &[KeyScope::Publish]).await;
    let history = "/api/rooms/project:p1/history";
    for (path, key, status, says) in [
        (history, &publisher, 403, "lacks the scope `read`"),
        ("/api/rooms/user:me/history", &reader, 400, "nobody's"),
        (
            &format!("{history}?t=h-other"),
            &reader,
            403,
            "not of the tenant",
        ),
        (&format!("{history}?t=h-acme"), &reader, 200, "events"),
        (
            &format!("{history}?token={reader}"),
            &reader,
            400,
            "the header `Authorization: Bearer` alone",
        ),
        // Where a person is needed a server is none.
        ("/api/events", &reader, 401, "the token of a person"),
        ("/ws", &reader, 401, "the token of a person"),
    ] {
        let answer = node.get(path, key).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body.contains(says), "{path}: {answer:?}");
        assert!(!answer.body.contains(key.as_str()), "{answer:?}");
    }
    let body = json!({"action": "typing", "data": {"is_typing": true}});
    let acting = node.post("/api/actions", &reader, &body).await;
    assert_eq!(acting.status, 401, "{acting:?}");
    let bearer = format!("Bearer {reader}");
    for (origin, status) in [(ORIGIN, 200), ("https://else.example", 403)] {
        let headers = [("authorization", bearer.as_str()), ("origin", origin)];
        assert_eq!(with_headers(&node, history, &headers).await.status, status);
    }
    let connect = Connect::to(&node.ws()).param("token", &reader);
    let refused = connect.try_open().await.err();
    assert_eq!(refused.map(|answer| answer.status), Some(400));
}

#[tokio::test]
async fn a_key_of_the_configuration_holds_as_long_as_it_stands_there() {
    let node = Node::start().await;
    let (text, key) = key("acme", &[KeyScope::Read]);
    let path = "/api/rooms/tenant/history";
    assert_eq!(node.get(path, &text).await.status, 401);
    let file = node.config_file();
    let before = std::fs::read_to_string(&file).unwrap();
    let line = format!("hash = \"h-acme\"\napi_keys = [\"{}\"]", key.card);
    let with_key = before.replacen("hash = \"h-acme\"", &line, 1);
    for (config, status) in [(&with_key, 200), (&before, 401), (&with_key, 200)] {
        std::fs::write(&file, config).unwrap();
        let mut settings = node.settings.clone();
        settings.reload();
        settings.changed().await;
        // The node follows on its own.
        let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
        while node.get(path, &text).await.status != status {
            assert!(tokio::time::Instant::now() < deadline, "still not {status}");
        }
    }
}

/// What becomes of the key `text` where `key` is kept, which is noted to be in use where
/// `text` is believed.
async fn believed(auth: &Auth, text: &str, key: &ApiKey) -> Result<TenantId, TokenError> {
    let bus = MemoryBus::new(Retention::default());
    bus.add_key(key).await.unwrap();
    let bus: Arc<dyn Bus> = Arc::new(bus);
    let verified = auth.verify_key(text, &*bus).await;
    let kept = bus.key(&key.card.id).await.unwrap().unwrap();
    assert_eq!(kept.used_ms.is_some(), verified.is_ok());
    match verified {
        Ok(verified) => Ok(verified.tenant.id.clone()),
        Err(KeyRefused::Bad(error)) => Err(error),
        Err(KeyRefused::Bus(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn only_a_whole_key_that_holds_is_believed() {
    let auth = |more: String| async move {
        let visitors = "visitor_secret = 'visitors-visitors-visitors-visit'";
        let settings = settings(&format!("[auth]\n{visitors}\n{more}\n{TENANTS}"));
        let clock = causerie_shared::clock::Clock::default();
        Auth::new(&settings, KeySetPace::default(), clock)
            .await
            .unwrap()
    };
    let on = || auth(format!("api_key_secret = '{KEY_SECRET}'"));
    let (text, good) = key("acme", &[KeyScope::Read]);
    let owner = believed(&on().await, &text, &good).await;
    assert_eq!(owner, Ok(good.tenant.clone()));

    let until = |until: u64| {
        let mut key = good.clone();
        key.card.until = Some(until);
        key
    };
    let (_, foreign) = key("nobody", &[KeyScope::Read]);
    let foreign = ApiKey {
        tenant: foreign.tenant,
        ..good.clone()
    };
    let other_secret = new_key(&good.card.id);
    assert!(
        believed(&on().await, &text, &until(now() + 60))
            .await
            .is_ok()
    );
    for (text, key, refused) in [
        (&text[..70], &good, TokenError::KeyMalformed),
        (&other_secret, &good, TokenError::KeyUnknown),
        (&text, &until(now()), TokenError::KeyExpired),
        // Whoever has no key does not learn that it has expired.
        (&other_secret, &until(now()), TokenError::KeyUnknown),
        (&text, &key("acme", &[]).1, TokenError::KeyUnknown),
        (&text, &foreign, TokenError::UnknownTenant),
    ] {
        assert_eq!(believed(&on().await, text, key).await, Err(refused));
    }
    let off = believed(&auth(String::new()).await, &text, &good).await;
    assert_eq!(off, Err(TokenError::KeysOff));
    let another = format!("api_key_secret = 'another-{KEY_SECRET}'");
    let another = believed(&auth(another).await, &text, &good).await;
    assert_eq!(another, Err(TokenError::KeyUnknown));
}

#[tokio::test]
async fn who_shows_nothing_is_told_what_to_send() {
    let node = Node::start().await;
    let body = json!({"rooms": ["tenant"], "type": "x"});
    for (method, path) in [
        (Method::POST, "/api/publish"),
        (Method::GET, "/api/rooms/project:p1/presence"),
        (Method::POST, "/api/users/u1/disconnect"),
        (Method::POST, "/api/users/u1/revoke"),
        (Method::GET, "/api/connections/c1"),
        (Method::DELETE, "/api/connections/c1"),
        (Method::GET, "/api/audit"),
    ] {
        // Be the tenant named or not, one that takes visitors or not, or unknown.
        for tenant in ["", "?t=h-acme", "?t=h-other", "?t=h-nobody"] {
            let url = node.at(&format!("{path}{tenant}"));
            let from = [("origin", ORIGIN)];
            let answer = request(method.clone(), &url, &from, Some(&body)).await;
            assert_eq!(answer.status, 401, "{method} {url} {answer:?}");
            assert_eq!(answer.json()["code"], "unauthorized");
            for said in ["API key", "`Authorization: Bearer"] {
                assert!(answer.body.contains(said), "{method} {url} {answer:?}");
            }
        }
    }
}
