//! Who did what can be read at any gateway, on a real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::client::ws::{Client, Connect};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

mod keeping;
mod ruling;

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
[[tenants]]
id = 'bolt'
hash = 'h-bolt'
";

fn program(redis: &Redis, more: &[(&str, &str)]) -> Program {
    let program = Program::gateway()
        .config(CONFIG)
        .env("REDIS_URL", redis.url())
        .env("LIMITS_EXEMPT", "")
        // Who waits for an entry asks again and again.
        .env("LIMITS_BURST", "1000000");
    let set = |program: Program, (key, value): &(&str, &str)| program.env(key, *value);
    more.iter().fold(program, set)
}

const ON: &[(&str, &str)] = &[("AUDIT_ENABLED", "true")];

async fn gateways(redis: &Redis, more: &[(&str, &str)]) -> [Node; 2] {
    let start = async || program(redis, more).start().await;
    [start().await, start().await]
}

async fn keys(redis: &Redis, arguments: &str) -> String {
    let arguments = ["keys"].into_iter().chain(arguments.split(' '));
    let done = program(redis, ON).args(arguments).run().await;
    assert_eq!(done.code, Some(0), "{}", done.output);
    let text = done.output.lines().last().unwrap();
    text.trim().to_owned()
}

fn token(tenant: &str, user: &str, role: Option<&str>) -> String {
    let token = Token::of(tenant, user).project("p1").project("p2");
    match role {
        Some(role) => token.role(role).sign(SECRET),
        None => token.sign(SECRET),
    }
}

async fn ask(
    node: &Node,
    method: Method,
    path: &str,
    bearer: &str,
    body: Option<&Value>,
) -> Answer {
    let url = format!("{}{path}", node.url());
    let bearer = format!("Bearer {bearer}");
    let headers = [
        ("authorization", &*bearer),
        ("x-forwarded-for", "198.51.100.7"),
    ];
    request(method, &url, &headers, body).await
}

async fn read(node: &Node, query: &str, bearer: &str) -> Value {
    let path = format!("/api/audit?{query}");
    let answer = ask(node, Method::GET, &path, bearer, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The entries that `fits`, once there are so many; all that `query` shows.
async fn entries(
    node: &Node,
    query: &str,
    count: usize,
    fits: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let bearer = token("acme", "boss", Some("operator"));
    let deadline = Instant::now() + DEADLINE;
    loop {
        let page = read(node, query, &bearer).await;
        let found = page["entries"].as_array().unwrap().iter();
        let found: Vec<_> = found.filter(|entry| fits(entry)).cloned().collect();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{page}");
    }
}

/// In how many entries so many refusals are told, once they are.
async fn refusals(node: &Node, count: u64) -> u64 {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = entries(node, "limit=500", 1, |entry| entry["what"] == "refuse").await;
        let counts = found
            .iter()
            .map(|entry| entry["count"].as_u64().unwrap_or(1));
        let counted: u64 = counts.sum();
        if counted == count {
            return found.len() as u64;
        }
        assert!(counted < count && Instant::now() < deadline, "{found:?}");
    }
}

async fn come_in(node: &Node, token: &str) -> Client {
    let connect = Connect::to(&node.ws_url())
        .param("token", token)
        .param("room", "project:p1")
        .header("x-forwarded-for", "198.51.100.7");
    let mut client = connect.open().await;
    client.expect_type("ready").await;
    client
}

/// The part of the log that an entry is in.
fn part(entry: &Value) -> String {
    let id = entry["id"].as_str().unwrap();
    id.rsplit_once('-').unwrap().1.to_owned()
}

/// An entry without what differs from run to run.
fn bare(entry: &Value) -> Value {
    let mut entry = entry.clone();
    let fields = entry.as_object_mut().unwrap();
    for name in ["id", "at", "node", "connection"] {
        fields.remove(name);
    }
    entry
}

#[tokio::test]
async fn what_was_done_at_one_gateway_is_read_at_the_other() {
    let redis = Redis::start().await;
    let few = ("LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION", "1");
    let [here, there] = gateways(&redis, &[ON[0], few]).await;
    let key = keys(&redis, "create --tenant acme --name shop --scope admin").await;
    let public = key.rsplit_once('_').unwrap().0.to_owned();
    let other = keys(&redis, "create --tenant acme --name old --scope read").await;
    let old = other.rsplit_once('_').unwrap().0.to_owned();
    keys(&redis, &format!("revoke --tenant acme {old}")).await;

    let mut client = come_in(&here, &token("acme", "u1", None)).await;
    for room in ["project:p2", "project:p9"] {
        let join = json!({"action": "subscribe", "data": {"room": room}});
        client.request(join).await;
    }
    let message = json!({"action": "sendMessage", "data": {"user_input": "a secret", "ai": false}});
    assert_eq!(client.request(message.clone()).await["type"], "ack");
    assert_eq!(client.request(message).await["code"], "rate_limited");
    let refused = ask(&here, Method::GET, "/ws?t=h-acme", "made-up", None).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let publish = json!({
        "rooms": ["project:p1", "user:u1"], "type": "order.paid", "data": {"total": "a secret"},
    });
    let published = ask(&here, Method::POST, "/api/publish", &key, Some(&publish)).await;
    assert_eq!(published.status, 200, "{published:?}");
    let user = token("acme", "u1", None);
    let end = "/api/users/u2/disconnect";
    assert_eq!(ask(&here, Method::POST, end, &user, None).await.status, 403);
    assert_eq!(ask(&here, Method::POST, end, &key, None).await.status, 200);
    let revoke = "/api/users/u2/revoke";
    assert_eq!(
        ask(&here, Method::POST, revoke, &key, None).await.status,
        200
    );

    let found = entries(&there, "", 12, |_| true).await;
    let mut found: Vec<_> = found.into_iter().rev().collect();
    // What was kept together is in the order of its part only.
    found.sort_by_key(part);
    let found: Vec<_> = found.iter().map(bare).collect();
    let (address, server) = ("198.51.100.x", format!("key:{public}"));
    let old = format!("key:{old}");
    let limit = "Too many messages: 1 a minute are allowed.";
    let expected = [
        json!({"what": "make_key", "who": "command", "on": server, "result": "ok"}),
        json!({"what": "make_key", "who": "command", "on": old, "result": "ok"}),
        json!({"what": "revoke_key", "who": "command", "on": old, "result": "ok"}),
        json!({"what": "connect", "who": "user:u1", "address": address, "transport": "websocket",
            "on": "project:p1 user:u1 tenant", "result": "ok"}),
        json!({"what": "join", "who": "user:u1", "address": address, "transport": "websocket",
            "on": "project:p2", "result": "ok"}),
        json!({"what": "join", "who": "user:u1", "address": address, "transport": "websocket",
            "result": "forbidden"}),
        json!({"what": "limit", "who": "user:u1", "address": address, "transport": "websocket",
            "on": limit, "result": "rate_limited"}),
        json!({"what": "refuse", "who": "nobody", "address": address,
            "result": "token_malformed"}),
        json!({"what": "publish", "who": server, "address": address,
            "on": "order.paid project:p1 user:u1", "result": "ok"}),
        json!({"what": "disconnect_user", "who": "user:u1", "address": address, "result": "role"}),
        json!({"what": "disconnect_user", "who": server, "address": address, "on": "user:u2",
            "result": "ok"}),
        json!({"what": "revoke_user", "who": server, "address": address, "on": "user:u2",
            "result": "ok"}),
    ];
    // Acts, sessions, strangers.
    let order = [0, 1, 2, 8, 10, 11, 3, 4, 5, 9, 6, 7];
    assert_eq!(found, order.map(|at| expected[at].clone()));

    // The log has the same, under a target of its own.
    let line = here.log_line(r#""target":"audit""#).await;
    let line: Value = serde_json::from_str(&line).unwrap();
    let told = json!([line["tenant"], line["what"], line["who"], line["result"]]);
    assert_eq!(told, json!(["acme", "connect", "user:u1", "ok"]));
    for secret in ["a secret", "made-up", key.as_str()] {
        let all = format!("{}{}", here.output(), json!(found));
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_admin_reads_what_is_their_tenants_and_an_operator_all() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    for (tenant, node) in [("acme", &here), ("bolt", &there)] {
        come_in(node, &token(tenant, "u1", None)).await;
    }
    // This one names nobody.
    ask(&here, Method::GET, "/ws", "made-up", None).await;
    let is_connect = |entry: &Value| entry["what"] == "connect";
    for tenant in ["acme", "bolt"] {
        let query = format!("tenant={tenant}");
        assert_eq!(entries(&there, &query, 1, is_connect).await.len(), 1);
    }
    let nobodys = entries(&here, "tenant=", 1, |_| true).await;
    assert_eq!(nobodys[0]["result"], "token_malformed");

    let [admin, user] = [Some("admin"), None].map(|role| token("bolt", "boss", role));
    let publisher = token("bolt", "shop", Some("publisher"));
    let create = |scope: &str| format!("create --tenant bolt --name shop --scope {scope}");
    let admin_key = keys(&redis, &create("admin")).await;
    let reader_key = keys(&redis, &create("read")).await;
    for reader in [&admin, &admin_key] {
        for query in ["", "tenant=bolt"] {
            let page = read(&here, query, reader).await;
            let found = page["entries"].as_array().unwrap();
            assert_eq!(
                found.iter().filter(|entry| is_connect(entry)).count(),
                1,
                "{page}"
            );
        }
    }
    for (reader, query, status) in [
        (&admin, "tenant=acme", 403),
        (&admin_key, "tenant=acme", 403),
        (&admin, "tenant=", 403),
        (&user, "", 403),
        (&publisher, "", 403),
        (&reader_key, "", 403),
        (&admin, "limit=501", 400),
        (&admin, "before=x", 400),
        (&admin, "part=x", 400),
        (&"made-up".to_owned(), "", 401),
    ] {
        let path = format!("/api/audit?{query}");
        let answer = ask(&here, Method::GET, &path, reader, None).await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
    }
}

/// Such a token is its user's all the same, whatever tenant the request names.
#[tokio::test]
async fn who_tries_a_revoked_token_is_told_to_their_tenant() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    let (admin, old) = (
        token("bolt", "boss", Some("admin")),
        token("bolt", "u1", None),
    );
    let revoked = ask(&here, Method::POST, "/api/users/u1/revoke", &admin, None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    let deadline = Instant::now() + DEADLINE;
    let history = "/api/rooms/user:me/history?t=h-acme";
    while ask(&there, Method::GET, history, &old, None).await.status != 401 {
        assert!(Instant::now() < deadline, "it is taken still");
    }
    let is_refusal = |entry: &Value| entry["what"] == "refuse";
    let found = entries(&here, "tenant=bolt", 1, is_refusal).await;
    let expected = json!({"what": "refuse", "who": "user:u1", "address": "198.51.100.x",
        "result": "token_revoked"});
    assert_eq!(bare(&found[0]), expected);
}

#[tokio::test]
async fn it_is_read_page_by_page() {
    let redis = Redis::start().await;
    let [here, there] = gateways(&redis, ON).await;
    for user in 0..5 {
        come_in(&here, &token("acme", &format!("u{user}"), None)).await;
    }
    let all = entries(&there, "", 5, |_| true).await;
    let bearer = token("acme", "boss", Some("admin"));
    let (mut pages, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = read(&there, &query, &bearer).await;
        let found = page["entries"].as_array().unwrap().clone();
        let last = found.last().unwrap()["id"].as_str().unwrap();
        query = format!("limit=2&before={last}");
        pages.push(found);
        if page["has_more"] == false {
            break;
        }
    }
    let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!((sizes, pages.concat()), (vec![2, 2, 1], all));
}

#[tokio::test]
async fn a_crowd_costs_redis_little_and_what_comes_again_is_counted() {
    const CROWD: u64 = 200;
    let redis = Redis::start().await;
    let [here, _] = gateways(&redis, ON).await;
    let refused = (0..CROWD).map(|_| ask(&here, Method::GET, "/api/events?t=h-acme", "x", None));
    join_all(refused).await;
    let clients = (0..CROWD).map(|at| {
        let token = token("acme", &format!("u{at}"), None);
        let here = &here;
        async move { come_in(here, &token).await }
    });
    let _clients = join_all(clients).await;
    let is_connect = |entry: &Value| entry["what"] == "connect";
    entries(&here, "limit=500", CROWD as usize, is_connect).await;
    let refusals = refusals(&here, CROWD).await;
    assert!(refusals < CROWD / 2, "{refusals}");
    let metrics = here.metrics().await;
    let name = r#"causerie_bus_verb_seconds_count{verb="audit"} "#;
    let calls = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let calls: u64 = calls.parse().unwrap();
    assert!(calls < CROWD / 2, "{calls}");
}

#[tokio::test]
async fn where_it_is_off_nothing_is_kept() {
    let redis = Redis::start().await;
    let [mut here, there] = gateways(&redis, &[]).await;
    come_in(&here, &token("acme", "u1", None)).await;
    ask(&here, Method::GET, "/ws?t=h-acme", "x", None).await;
    here.terminate();
    here.wait(DEADLINE).await;
    let boss = token("acme", "boss", Some("admin"));
    let off = ask(&there, Method::GET, "/api/audit", &boss, None).await;
    assert_eq!(off.status, 404, "{off:?}");
    let on = program(&redis, ON).start().await;
    let page = read(&on, "", &boss).await;
    assert_eq!(page, json!({"entries": [], "has_more": false}));
    assert!(!here.output().contains(r#""target":"audit""#));
}
