//! `chaos` as it is called: what it says of ledgers that are there, by its exit code, and
//! whom its faults strike.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::chaos::plan::Plan;
use causerie_loadtest::chaos::wanted::Wanted;
use causerie_testkit::ai;
use serde_json::{Value, json};

/// Where a reply stands in [`ledger`] as somebody saw it.
const SEEN: usize = 11;

/// The pieces of that reply.
const PIECES: [usize; 2] = [7, 10];

/// One person asks, and is answered while a fault strikes, and another after it.
fn ledger() -> Vec<Value> {
    let words: Vec<_> = ai::named("q1/1/1", 2).collect();
    let question = json!({"seq": 1, "kind": "new_message", "message": "q1", "content": "q1?"});
    let reply = json!({"seq": 2, "kind": "message", "message": "r1", "content": words.concat(),
        "in_reply_to": "q1", "attempt": 1, "finish": "stop"});
    let [question, reply] = [question, reply].map(|mut event| {
        event["epoch"] = json!("aaaaaaaa");
        event["session"] = json!("s1");
        event
    });
    let client = |to: &str, mut event: Value| {
        event["what"] = json!("client");
        event["client"] = json!(1);
        event["to"] = json!(to);
        event["room"] = json!("project:p1");
        event
    };
    let piece = |index: usize| {
        let piece = json!({"message": "r1", "attempt": 1, "index": index, "text": words[index]});
        client("delta", piece)
    };
    let named = json!({"tenant": "acme", "user": "u1", "rooms": ["project:p1"]});
    let place = json!({"epoch": "aaaaaaaa", "seq": 0, "recovered": true});
    let sent = json!({"id": "m1", "text": "q1?", "ai": true, "if_busy": "queue"});
    let acked = json!({"id": "m1", "message": "q1", "epoch": "aaaaaaaa", "seq": 1});
    let crowd = json!({"what": "fault", "kind": "crowd", "target": "people", "until": 9,
        "streaming": 1, "loses_since": null});
    let mut lines = vec![
        json!({"what": "round", "seed": 1, "people": 1, "faults": ["crowd", "crowd"], "commit": "c"}),
        client("named", named),
        client("opened", json!({})),
        client("subscribed", place),
        client("sent", sent),
        client("acked", acked),
        client("durable", question.clone()),
        piece(0),
        crowd.clone(),
        json!({"what": "fault_over"}),
        piece(1),
        client("durable", reply.clone()),
        crowd,
        json!({"what": "fault_over"}),
        json!({"what": "call", "question": "q1", "attempt": 1, "try": 1, "began": 6,
            "ended": 11}),
        json!({"what": "log", "tenant": "acme", "room": "project:p1",
            "events": [question, reply]}),
        json!({"what": "counted", "counts": {}}),
    ];
    for (at, line) in lines.iter_mut().enumerate() {
        line["at"] = json!(at);
    }
    lines
}

fn write(file: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(file, text).unwrap();
}

fn chaos(ledgers: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.arg("--ledgers").arg(ledgers).args(arguments);
    command
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_ledger_that_was_kept_is_judged_by_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.jsonl");
    let judged = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = ledger();
        change(&mut lines);
        write(&file, &lines);
        let mut check = chaos(folder.path(), &["--check"]);
        let output = check.arg(&file).output().unwrap();
        (output.status.code(), says(&output))
    };
    let expect = |code, words: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let (ended, said) = judged(change);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    };
    expect(0, "\nNo promise was broken.\n", &|_| {});
    expect(1, " promises were broken.\n", &|lines| {
        lines.remove(SEEN);
    });
    expect(2, "it breaks off here", &|lines| {
        lines.pop();
    });
    let little = "but this proves little: no pieces of replies seen in ";
    expect(3, little, &|lines| {
        for at in PIECES.into_iter().rev() {
            lines.remove(at);
        }
    });
}

/// A folder in which a run of one round is to go on.
fn begun(folder: &Path, lines: &mut [Value]) {
    let wanted = Wanted {
        seed: 1,
        times: 2,
        people: 1,
        together: 1,
        kinds: vec![Kind::Crowd.name().to_owned()],
        release: cfg!(not(debug_assertions)),
        commit: "c".to_owned(),
    };
    wanted.claim(folder).unwrap();
    let plan = Plan::new(1, &[Kind::Crowd], 2);
    lines[0]["seed"] = json!(wanted.round(0, &plan.rounds[0]).seed);
    write(&folder.join("round-1.jsonl"), lines);
}

#[test]
fn a_report_says_what_came_of_it_or_that_there_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let ended = |lines: &mut Vec<Value>| {
        fs::write(&report, "of an older run").unwrap();
        let ledgers = tempfile::tempdir().unwrap();
        begun(ledgers.path(), lines);
        let mut run = chaos(ledgers.path(), &["--commit", "c", "--report"]);
        let output = run.arg(&report).output().unwrap();
        let page = fs::read_to_string(&report).unwrap();
        assert!(!page.contains("of an older run"), "{page}");
        (output.status.code(), says(&output) + &page)
    };
    let expect = |code, words: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = ledger();
        change(&mut lines);
        let (ended, said) = ended(&mut lines);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    };
    expect(0, "<h1 class=good>No promise was broken</h1>", &|_| {});
    expect(1, "<h1 class=bad>", &|lines| {
        lines.remove(SEEN);
    });
    expect(2, "<h1 class=little>No verdict: ", &|lines| {
        lines[SEEN] = json!({});
    });
    let little = "this proves little: crowd struck too seldom where a reply was being made";
    expect(3, little, &|lines| {
        let fault = lines.iter_mut().find(|line| line["what"] == "fault");
        fault.unwrap()["streaming"] = json!(0);
    });
}

/// Lets so many people talk while gateways are killed.
fn run_among(people: &str, ledgers: &Path) -> Child {
    // These are the first, the second twice, and the first again.
    let of_seed = ["--seed", "2", "--kinds", "gateway-killed", "--times", "4"];
    let mut run = chaos(ledgers, &of_seed);
    let run = run.args(["--people", people]).stdout(Stdio::piped());
    run.spawn().unwrap()
}

#[test]
fn a_seed_strikes_the_same_ones_again_however_long_it_waits_for_replies() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // With so few people there is seldom a reply where the next fault strikes.
    let runs = ["3", "24"].into_iter().zip(&folders);
    let runs: Vec<_> = runs
        .map(|(people, folder)| run_among(people, folder.path()))
        .collect();
    let struck = runs.into_iter().map(|run| {
        let output = run.wait_with_output().unwrap();
        assert_ne!(output.status.code(), Some(2), "{output:?}");
        let said = says(&output);
        let faults = said.lines().filter(|line| line.starts_with("round 1: "));
        faults.map(str::to_owned).collect::<Vec<_>>()
    });
    let struck: Vec<_> = struck.collect();
    let targets = |faults: &[String]| {
        let targets = faults.iter().filter_map(|line| line.split_once("): "));
        let targets = targets.map(|(fault, _)| fault.to_owned());
        targets.collect::<Vec<_>>()
    };
    assert_eq!(targets(&struck[0]), targets(&struck[1]));
    assert_eq!(struck[0].len(), 4, "{struck:?}");
    // Also where all had gone to other gateways.
    let is_amidst = |line: &String| line.ends_with(": replies were being made there");
    assert!(struck[1].iter().all(is_amidst), "{struck:?}");
}
