//! Who is told to use which transport.

use std::collections::HashSet;

use causerie_gateway::rollout::{Mode, Rollout};
use causerie_shared::ids::TenantId;
use causerie_testkit::client::http::{Answer, request};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::config::{TENANTS, settings};
use crate::support::node::{Node, ORIGIN, token};

/// Asks as a page of the tenant `acme` does.
async fn ask(node: &Node, query: &str) -> Answer {
    let url = node.at(&format!("/api/client-config?{query}"));
    request(Method::GET, &url, &[("origin", ORIGIN)], None).await
}

async fn mode(node: &Node, query: &str) -> String {
    let answer = ask(node, query).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()["mode"].as_str().unwrap().to_owned()
}

fn rollout(toml: &str) -> Rollout {
    Rollout::from(&settings(&format!("{toml}\n{TENANTS}")))
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

/// Those of ten thousand visitors who are told to use WebSockets.
fn chosen(rollout: &Rollout, of: &str) -> HashSet<usize> {
    let tenant = tenant(of);
    let is_in = |n: &usize| rollout.mode(&tenant, Some(&format!("visitor-{n}"))) == Mode::Auto;
    (0..10_000).filter(is_in).collect()
}

#[test]
fn a_share_is_about_as_large_as_it_says_and_a_greater_one_only_adds() {
    let mut before = HashSet::new();
    for percentage in [0.0, 0.5, 5.0, 30.0, 60.0, 99.5, 100.0] {
        let now = chosen(
            &rollout(&format!("rollout.percentage = {percentage}")),
            "acme",
        );
        assert!(before.is_subset(&now), "{percentage}");
        let share = now.len() as f64 / 100.0;
        assert!(
            (share - percentage).abs() <= 2.0,
            "{share} % of {percentage} %"
        );
        before = now;
    }
    assert_eq!(before.len(), 10_000);
    let none = rollout("rollout.percentage = 0");
    assert_eq!(chosen(&none, "acme").len(), 0);
}

/// Else the same people would be the first everywhere.
#[test]
fn each_tenant_has_an_order_of_its_own() {
    let rollout = rollout("rollout.percentage = 30");
    let both = &chosen(&rollout, "acme") & &chosen(&rollout, "other");
    assert!((700..=1_100).contains(&both.len()), "{}", both.len());
}

#[test]
fn what_a_tenant_says_goes_before_what_all_have() {
    use Mode::{Auto, Http, Streaming};
    for (toml, acmes, others) in [
        ("", Auto, Auto),
        ("enabled = false", Streaming, Streaming),
        ("percentage = 0", Streaming, Streaming),
        ("percentage = 0\nfallback = 'http'", Http, Http),
        ("percentage = 0\ncohorts = ['acme']", Auto, Streaming),
        // Whoever rolls back rolls back everybody.
        ("enabled = false\ncohorts = ['acme']", Streaming, Streaming),
        (
            "enabled = false\n[own]\nenabled = true\npercentage = 100",
            Streaming,
            Streaming,
        ),
        ("[own]\nenabled = false", Streaming, Auto),
        (
            "cohorts = ['acme']\n[own]\nenabled = false",
            Streaming,
            Auto,
        ),
        ("cohorts = ['acme']\n[own]\npercentage = 0", Auto, Auto),
        ("percentage = 0\n[own]\npercentage = 100", Auto, Streaming),
        ("percentage = 0\n[own]\nfallback = 'http'", Http, Streaming),
    ] {
        let (common, own) = toml.split_once("[own]\n").unwrap_or((toml, ""));
        let own = own.lines().map(|line| format!("rollout.{line}\n"));
        let tenants = TENANTS.replacen(
            "id = \"acme\"\n",
            &format!("id = \"acme\"\n{}", own.collect::<String>()),
            1,
        );
        let rollout = Rollout::from(&settings(&format!("[rollout]\n{common}\n{tenants}")));
        let told = ["acme", "other"].map(|id| rollout.mode(&tenant(id), Some("u1")));
        assert_eq!(told, [acmes, others], "{toml}");
    }
}

#[test]
fn where_no_websockets_are_served_nobody_is_told_to_use_them() {
    let rollout = rollout("websocket.enabled = false\nrollout.cohorts = ['acme']");
    assert_eq!(rollout.mode(&tenant("acme"), Some("u1")), Mode::Streaming);
    let unknown = rollout.mode(&tenant("nobody"), Some("u1"));
    assert_eq!(unknown, Mode::Streaming);
}

#[tokio::test]
async fn one_is_known_by_a_token_or_by_the_id_that_the_client_keeps() {
    // u1 stands at 24,986 of 100,000, u2 at 25,138.
    let node = Node::with("[rollout]\npercentage = 25").await;
    let users = ["u1", "u2"].map(|sub| token(json!({"sub": sub})));
    let answer = ask(&node, &format!("token={}", users[0])).await;
    assert_eq!(
        answer.json(),
        json!({"mode": "auto", "flags": [], "user_id": "u1"})
    );
    for (query, expected) in [
        (format!("token={}", users[0]), "auto"),
        (format!("token={}", users[1]), "streaming"),
        (format!("token={}&t=h-acme", users[1]), "streaming"),
        // Who has logged in is the same on every device.
        (format!("token={}&visitor=u1", users[1]), "streaming"),
        ("t=h-acme&visitor=u1".into(), "auto"),
        ("t=h-acme&visitor=u2".into(), "streaming"),
        // Nobody knows who it is.
        ("t=h-acme".into(), "streaming"),
    ] {
        assert_eq!(mode(&node, &query).await, expected, "{query}");
    }
    let answer = ask(&node, "t=h-acme&visitor=u1").await;
    assert_eq!(answer.json(), json!({"mode": "auto", "flags": []}));

    // Whoever becomes a visitor stays on their side.
    let session = json!({"tenant_hash": "h-acme"});
    let url = node.at("/api/auth/session");
    let session = request(Method::POST, &url, &[("origin", ORIGIN)], Some(&session)).await;
    let visitor = session.json();
    let token = visitor["token"].as_str().unwrap();
    for (id, expected) in [("u1", "auto"), ("u2", "streaming")] {
        let query = format!("token={token}&visitor={id}");
        assert_eq!(mode(&node, &query).await, expected);
    }
    let own = visitor["user_id"].as_str().unwrap();
    let by_id = mode(&node, &format!("t=h-acme&visitor={own}")).await;
    assert_eq!(mode(&node, &format!("token={token}")).await, by_id);
}

#[tokio::test]
async fn with_all_of_them_in_nobody_need_be_known() {
    let node = Node::start().await;
    assert_eq!(mode(&node, "t=h-acme").await, "auto");
}

#[tokio::test]
async fn flags_are_everybodys_and_then_the_tenants_own() {
    let own = format!(
        "{}rollout.flags = ['staging', 'internal']\n",
        "[[tenants]]\nid = 'third'\nhash = 'h-third'\norigins = ['https://acme.example']\n\
         visitors = true\n"
    );
    let node = Node::with(&format!("{own}[rollout]\nflags = ['internal', 'beta-2']\n")).await;
    for (hash, flags) in [
        ("h-acme", json!(["internal", "beta-2"])),
        ("h-third", json!(["internal", "beta-2", "staging"])),
    ] {
        let answer = ask(&node, &format!("t={hash}")).await;
        assert_eq!(answer.json()["flags"], flags, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_minute_by_who_got_it_and_a_refusal_is_not() {
    let node = Node::start().await;
    let answer = ask(&node, "t=h-acme").await;
    assert_eq!(answer.header("cache-control"), "private, max-age=60");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    let varies = answer.headers.get_all("vary").into_iter();
    let varies: Vec<_> = varies.map(|value| value.to_str().unwrap()).collect();
    let varies = varies.join(",");
    assert!(
        varies.contains("authorization") && varies.contains("origin"),
        "{varies}"
    );
    let refused = ask(&node, "t=h-nobody").await;
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so_as_everywhere() {
    let closed =
        "[[tenants]]\nid = 'closed'\nhash = 'h-closed'\norigins = ['https://acme.example']\n";
    let node = Node::with(closed).await;
    let good = token(json!({}));
    let long = "x".repeat(129);
    for (query, status, code) in [
        (String::new(), 400, "invalid_message"),
        ("t=a%20b".into(), 400, "invalid_message"),
        ("t=h-acme&visitor=".into(), 400, "invalid_message"),
        (format!("t=h-acme&visitor={long}"), 400, "invalid_message"),
        ("t=h-nobody".into(), 401, "unauthorized"),
        ("t=h-closed".into(), 401, "unauthorized"),
        ("t=h-acme&token=x".into(), 401, "unauthorized"),
        // Another's page.
        ("t=h-other".into(), 403, "forbidden"),
        (format!("token={good}&t=h-other"), 403, "forbidden"),
    ] {
        let answer = ask(&node, &query).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        assert_eq!(answer.json()["code"], code, "{query}");
    }
    let url = node.at("/api/client-config?t=h-acme");
    let nowhere = request(Method::GET, &url, &[], None).await;
    assert_eq!(nowhere.status, 403, "a visitor comes from a page");
    let url = node.at("/api/client-config?token=") + &good;
    let nowhere = request(Method::GET, &url, &[], None).await;
    assert_eq!(nowhere.status, 200, "a token does without");
}

/// Asks until that is too often.
async fn refused(node: &Node) -> Value {
    for _ in 0..100 {
        let answer = ask(node, "t=h-acme").await;
        if answer.status == 429 {
            return answer.json();
        }
    }
    panic!("nothing is counted");
}

/// Nobody becomes a visitor by asking, so that is not counted; what is asked is.
#[tokio::test]
async fn asking_counts_as_a_request_and_makes_nobody_a_visitor() {
    let node = Node::set(&[
        "limits.exempt=192.0.2.1",
        "limits.visitors_per_minute_per_ip=1",
        "limits.requests_per_second=1",
        "limits.burst=4",
    ])
    .await;
    for _ in 0..3 {
        assert_eq!(mode(&node, "t=h-acme").await, "auto");
    }
    let session = json!({"tenant_hash": "h-acme"});
    let url = node.at("/api/auth/session");
    let session = request(Method::POST, &url, &[("origin", ORIGIN)], Some(&session)).await;
    assert_eq!(session.status, 200, "{session:?}");
    assert_eq!(refused(&node).await["scope"], "ip");

    let node = Node::set(&[
        "limits.exempt=192.0.2.1",
        "limits.requests_per_second_per_tenant=1",
    ])
    .await;
    assert_eq!(refused(&node).await["scope"], "tenant");
}

#[tokio::test]
async fn a_change_of_the_file_changes_the_answer() {
    let node = Node::start().await;
    let rest = std::fs::read_to_string(node.config_file()).unwrap();
    let deadline = tokio::time::Instant::now() + causerie_testkit::DEADLINE;
    for (rollout, u1s, u2s) in [
        ("percentage = 0", "streaming", "streaming"),
        ("percentage = 25", "auto", "streaming"),
        ("percentage = 30", "auto", "auto"),
        ("percentage = 30\nenabled = false", "streaming", "streaming"),
        ("cohorts = ['acme']\npercentage = 0", "auto", "auto"),
        ("fallback = 'http'\npercentage = 0", "http", "http"),
    ] {
        let toml = format!("[rollout]\n{rollout}\n{rest}");
        std::fs::write(node.config_file(), toml).unwrap();
        node.settings.reload();
        for (id, expected) in [("u1", u1s), ("u2", u2s)] {
            let query = format!("t=h-acme&visitor={id}");
            while mode(&node, &query).await != expected {
                assert!(tokio::time::Instant::now() < deadline, "{rollout}: {id}");
            }
        }
    }
}
