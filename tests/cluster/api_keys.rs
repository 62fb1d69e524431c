//! Servers that come with an API key: made, listed and revoked by the command
//! `keys`, known at every gateway.

use std::time::{Duration, Instant};

use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::cluster::{Cluster, tenants};
use causerie_testkit::process::{End, Node, Program};
use reqwest::Method;
use serde_json::json;

use crate::kit::device::Device;

pub(crate) const SECRET: &str = "under which the API keys are hashed";
const HISTORY: &str = "/api/rooms/project:p1/history";

async fn cluster() -> Cluster {
    let options = Cluster::options().brokers(0);
    options.env("AUTH_API_KEY_SECRET", SECRET).start().await
}

/// What `causerie-gateway keys` does with these arguments.
async fn keys(cluster: &Cluster, arguments: &str) -> End {
    let program = Program::gateway()
        .env("REDIS_URL", cluster.storage.url())
        .env("TENANTS", tenants())
        .env("AUTH_API_KEY_SECRET", SECRET);
    let arguments = ["keys"].into_iter().chain(arguments.split(' '));
    program.args(arguments).run().await
}

/// The same, which must succeed; what it printed.
pub(crate) async fn done(cluster: &Cluster, arguments: &str) -> String {
    let end = keys(cluster, arguments).await;
    assert_eq!(end.code, Some(0), "{}", end.output);
    end.output.trim().to_owned()
}

async fn get(gateway: &Node, path: &str, key: &str) -> Answer {
    let url = format!("{}{path}", gateway.url());
    let bearer = format!("Bearer {key}");
    request(Method::GET, &url, &[("authorization", &bearer)], None).await
}

#[tokio::test]
async fn a_key_holds_at_every_gateway_until_a_second_after_its_revocation() {
    let cluster = cluster().await;
    let mut person = Device::connect(&cluster.gateways[0], "acme", "u1", &["project:p1"]).await;
    person
        .ask(json!({"user_input": "hello", "room": "project:p1", "ai": false}))
        .await;
    let create = "create --tenant acme --scope read --name shop --expires 90d";
    let (key, kept) = (done(&cluster, create).await, done(&cluster, create).await);
    for gateway in &cluster.gateways {
        let read = get(gateway, HISTORY, &key).await;
        assert_eq!(read.status, 200, "{read:?}");
        assert_eq!(read.json()["events"][0]["data"]["content"], "hello");
        assert!(!gateway.output().contains(&key), "{}", gateway.output());
        gateway
            .metric_rises("causerie_api_key_requests_total")
            .await;
    }

    let shown = &key[.."ck_".len() + 12];
    let told = cluster.gateways[0].log_line("API key in use").await;
    assert!(told.contains(shown), "{told}");
    let listed = done(&cluster, "list --tenant acme").await;
    let line = listed.lines().find(|line| line.starts_with(shown));
    let line = line.unwrap_or_else(|| panic!("{listed}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let expected = [
        shown, "read", "just", "now", "within", "the", "hour", "in", "90", "days", "shop",
    ];
    assert_eq!(words, expected);
    assert!(!listed.contains(&key), "{listed}");
    assert_eq!(
        done(&cluster, "list --tenant bolt").await,
        "bolt has no API keys"
    );

    let not_theirs = keys(&cluster, &format!("revoke --tenant bolt {shown}")).await;
    assert_eq!(not_theirs.code, Some(1), "{}", not_theirs.output);
    // As it stands at every gateway just before.
    for gateway in &cluster.gateways {
        assert_eq!(get(gateway, HISTORY, &key).await.status, 200);
    }
    let revoked = done(&cluster, &format!("revoke --tenant acme {shown}")).await;
    assert!(revoked.contains("(shop) is revoked"), "{revoked}");
    let since = Instant::now();
    for gateway in &cluster.gateways {
        while get(gateway, HISTORY, &key).await.status == 200 {
            assert!(since.elapsed() < Duration::from_secs(1), "it still holds");
        }
        let refused = get(gateway, HISTORY, &key).await;
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(
            refused.body.contains("may have been revoked"),
            "{refused:?}"
        );
        assert_eq!(get(gateway, HISTORY, &kept).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_stored_leads_to_no_key() {
    let mut cluster = cluster().await;
    let create = "create --tenant acme --scope publish --name shop";
    let key = done(&cluster, create).await;
    let (public, secret) = key.rsplit_once('_').unwrap();
    let partition = &public["ck_".len()..][..2];
    let stored = format!("causerie:{{p{partition}}}:keys");
    let stored = cluster.redis().command(&["HGETALL", &stored]).await;
    let stored = stored.list()[1].text();
    assert!(stored.contains(public), "{stored}");
    assert!(!stored.contains(secret), "{stored}");

    let list = "keys list --tenant acme".split(' ');
    let away = Program::gateway()
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .env("TENANTS", tenants());
    let end = away.args(list).run().await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    assert!(end.output.contains("REDIS_URL"), "{}", end.output);
    let off = Program::gateway()
        .env("REDIS_URL", cluster.storage.url())
        .env("TENANTS", tenants());
    let create = create.split(' ');
    let end = off.args(["keys"].into_iter().chain(create)).run().await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    assert!(end.output.contains("AUTH_API_KEY_SECRET"), "{}", end.output);
}

#[tokio::test]
async fn one_process_takes_its_keys_from_its_configuration() {
    let create = "keys create --tenant demo --scope read --name shop";
    let made = Program::causerie()
        .env("AUTH_API_KEY_SECRET", SECRET)
        .args(create.split(' '));
    let made = made.run().await;
    assert_eq!(made.code, Some(0), "{}", made.output);
    let key = made.output.lines().next().unwrap();
    // All that is printed is to be put in, but the key.
    let (_, lines) = made.output.split_once('\n').unwrap();
    let config = format!("[[tenants]]\nid = 'demo'\nhash = 'demo'\n{lines}\n");
    let causerie = || {
        Program::causerie()
            .config(config.as_str())
            .env("AUTH_API_KEY_SECRET", SECRET)
    };
    let node = causerie().start().await;
    let read = get(&node, "/api/rooms/user:u1/history", key).await;
    assert_eq!(read.status, 200, "{read:?}");
    assert!(!node.output().contains("hash="), "{}", node.output());

    let listed = causerie().args(["keys", "list", "--tenant", "demo"]);
    let listed = listed.run().await.output;
    let shown = &key[.."ck_".len() + 12];
    assert!(
        listed.contains(shown) && listed.contains("shop"),
        "{listed}"
    );
    let revoke = causerie().args(["keys", "revoke", "--tenant", "demo", shown]);
    let revoke = revoke.run().await;
    assert_eq!(revoke.code, Some(1), "{}", revoke.output);
    assert!(
        revoke.output.contains("take its line out of api_keys"),
        "{}",
        revoke.output
    );
}
