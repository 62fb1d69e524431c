//! The AI servers as a program of one's own, and the clock in their text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::HashSet;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use causerie_testkit::DEADLINE;
use causerie_testkit::ai::{AiServer, named};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

fn question(model: &str, stream: bool) -> Value {
    let messages = [json!({"role": "user", "content": "hi"})];
    json!({"model": model, "stream": stream, "messages": messages})
}

fn now_ns() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos()
}

#[tokio::test]
async fn the_first_delta_is_the_time_of_its_writing() {
    let server = AiServer::openai().await;
    let url = server.url().join("v1/chat/completions").unwrap();
    let before = now_ns();
    let request = reqwest::Client::new()
        .post(url)
        .json(&question("stamp-2+50", true));
    let body = request.send().await.unwrap().text().await.unwrap();
    let text: String = body
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|event| {
            Some(
                event
                    .pointer("/choices/0/delta/content")?
                    .as_str()?
                    .to_owned(),
            )
        })
        .collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words[1..], ["w0", "w1"]);

    let stamp: u128 = words[0].parse().unwrap();
    assert!(stamp >= before + 50_000_000 && stamp <= now_ns());
    let written = u128::from(server.calls()[0].first_text_ns.unwrap());
    assert!(stamp.abs_diff(written) < 1_000_000_000, "{stamp} {written}");
}

#[tokio::test]
async fn each_word_tells_in_which_call_it_was_said() {
    let server = AiServer::openai().await;
    let url = server.url().join("v1/chat/completions").unwrap();
    let mut said = Vec::new();
    for call in ["q1/1/1", "q1/2/1"] {
        let request = reqwest::Client::new()
            .post(url.clone())
            .header("x-causerie-call", call)
            .json(&question("named-3", false));
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        let text = body["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(text, named(call, 3).collect::<String>());
        said.push(text.to_owned());
    }
    let words: HashSet<_> = said.iter().flat_map(|text| text.split(' ')).collect();
    assert_eq!(words.len(), 7, "six, and what follows the last: {words:?}");
}

#[tokio::test]
async fn the_program_tells_where_it_listens_and_what_was_asked() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_causerie-fake-ai"))
        .args(["--openai", "0", "--anthropic", "0", "--behaviour", "echo"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut url = None;
    for name in ["openai ", "anthropic "] {
        let line = timeout(DEADLINE, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        url = url.or(Some(line.strip_prefix(name).unwrap().to_owned()));
    }
    let url = url.unwrap();

    let client = reqwest::Client::new();
    let request = client.post(format!("{url}v1/chat/completions"));
    let reply = request.json(&question("any", false)).send().await.unwrap();
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(
        reply.pointer("/choices/0/message/content"),
        Some(&json!("hi"))
    );
    let calls = client.get(format!("{url}calls")).send().await.unwrap();
    let calls: Value = calls.json().await.unwrap();
    assert_eq!(calls.pointer("/0/body/model"), Some(&json!("any")));
}

#[tokio::test]
async fn the_program_refuses_bad_arguments_with_a_sentence() {
    for (arguments, sentence) in [
        (
            &["--openai", "0", "--behaviour", "gpt-5"][..],
            "\"gpt-5\" is no behaviour",
        ),
        (&[][..], "give --openai PORT"),
    ] {
        let program = Command::new(env!("CARGO_BIN_EXE_causerie-fake-ai"))
            .args(arguments)
            .output();
        let output = timeout(DEADLINE, program).await.unwrap().unwrap();
        assert!(!output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(sentence), "{told}");
    }
}
