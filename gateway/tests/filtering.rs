//! What operators see of word lists: how often they met something, and never what.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use causerie_testkit::DEADLINE;
use causerie_testkit::client::http::{Answer, request};
use causerie_testkit::process::{Node, Program};
use causerie_testkit::redis::Redis;
use causerie_testkit::token::Token;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

const LISTS: &str = "
filter.flag = ['flagcanary']
filter.mask = ['maskcanary']
filter.reject = ['rejectcanary', 'second']
";

fn config(lists: &str) -> String {
    format!(
        "auth.jwt_secret = '{SECRET}'\naudit.enabled = true\ntelemetry.log_level = 'debug'\n\
         [[tenants]]\nid = 'acme'\nhash = 'h-acme'\n{lists}"
    )
}

fn gateway(redis: &Redis, lists: &str) -> Program {
    let program = Program::gateway().config(config(lists));
    program.env("REDIS_URL", redis.url())
}

async fn ask(node: &Node, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let token = Token::of("acme", "u1").role("admin").sign(SECRET);
    let bearer = format!("Bearer {token}");
    let url = format!("{}{path}", node.url());
    request(method, &url, &[("authorization", &bearer)], body).await
}

async fn say(node: &Node, text: &str) -> u16 {
    let body = json!({"action": "sendMessage", "data": {"user_input": text, "ai": false}});
    let answer = ask(node, Method::POST, "/api/actions", Some(&body)).await;
    answer.status
}

/// The entries of the audit log about words, once there are so many.
async fn noted(node: &Node, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let page = ask(node, Method::GET, "/api/audit?limit=500", None).await;
        let mut page = page.json();
        let found = page["entries"].as_array_mut().unwrap();
        found.retain(|entry| entry["what"] == "filter");
        if found.len() >= count {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "{page}");
    }
}

#[tokio::test]
async fn what_was_found_is_counted_logged_and_noted_without_a_word() {
    let redis = Redis::start().await;
    let node = gateway(&redis, LISTS).start().await;
    let counted = async |result: &str| {
        let name = format!(r#"causerie_filtered_messages_total{{result="{result}"}} "#);
        let metrics = node.metrics().await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
        value.expect("it is there from the start").to_owned()
    };
    for result in ["flagged", "masked", "rejected"] {
        assert_eq!(counted(result).await, "0");
    }
    for (text, status) in [
        ("the flagcanary and its secondcanary", 200),
        ("Flagcanary, MASKcanary maskcanary", 200),
        ("a second rejectcanary, flagcanary", 400),
        ("all is well", 200),
    ] {
        assert_eq!(say(&node, text).await, status, "{text}");
    }
    for (result, times) in [("flagged", "2"), ("masked", "1"), ("rejected", "1")] {
        assert_eq!(counted(result).await, times, "{result}");
    }

    let entries = noted(&node, 4).await;
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["who"], "user:u1");
            let on = entry["on"].as_str().unwrap();
            let message = on.strip_prefix("user:u1").unwrap();
            let result = entry["result"].as_str().unwrap();
            (result, !message.is_empty())
        })
        .collect();
    told.sort_unstable();
    let expected = [
        ("flagged", true),
        ("flagged", true),
        ("masked", true),
        ("rejected", false),
    ];
    assert_eq!(told, expected);

    // The last of them.
    node.log_line(r#""result":"rejected","words":2"#).await;
    let log = node.output();
    let lines = log
        .lines()
        .filter(|line| line.contains("holds words of a list"));
    let lines: Vec<_> = lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let result = line["result"].as_str().unwrap().to_owned();
            (result, line["words"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("flagged", 1),
        ("flagged", 1),
        ("masked", 2),
        ("rejected", 2),
    ];
    assert_eq!(
        lines,
        expected.map(|(result, words)| (result.to_owned(), words))
    );
    for seen in [log, node.metrics().await, json!(entries).to_string()] {
        assert!(!seen.to_lowercase().contains("canary"), "{seen}");
    }
}

#[tokio::test]
async fn lists_that_cannot_be_used_stop_the_start_and_no_running_node() {
    let redis = Redis::start().await;
    let bad = "filter.mask = ['fine', '*']\n";
    let end = gateway(&redis, bad).run().await;
    assert_eq!(end.code, Some(1), "{}", end.output);
    let reason = "tenants[0].filter.mask[1] is `[hidden]` (in ";
    assert!(end.output.contains(reason), "{}", end.output);

    let mut node = gateway(&redis, LISTS).start().await;
    std::fs::write(node.config_file(), config(bad)).unwrap();
    node.reload();
    node.log_line("configuration not read again").await;
    assert!(node.output().contains(reason));
    assert_eq!(say(&node, "rejectcanary").await, 400);
    std::fs::write(node.config_file(), config("filter.reject = ['new']\n")).unwrap();
    node.reload();
    let deadline = Instant::now() + DEADLINE;
    while say(&node, "new").await != 400 {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(say(&node, "rejectcanary").await, 200);
}
