//! `if_busy`, decided for the session wherever the question comes in.

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::cluster::Cluster;
use serde_json::{Value, json};

use crate::kit::device::Device;
use crate::kit::question_of;

async fn two_devices(cluster: &Cluster) -> (Device, Device) {
    let one = Device::connect(&cluster.gateways[0], "acme", "u1", &[]).await;
    let two = Device::connect(&cluster.gateways[1], "acme", "u1", &[]).await;
    (one, two)
}

#[tokio::test]
async fn a_queued_question_waits_for_the_one_before() {
    let cluster = Cluster::options()
        .behaviour(Behaviour::new(Plot::Echo))
        .start()
        .await;
    let slowly = Behaviour::new(Plot::Tokens(300)).at_pace(std::time::Duration::from_millis(10));
    cluster.ai.script([slowly]);
    let (mut one, mut two) = two_devices(&cluster).await;
    one.ask(json!({"user_input": "first", "session_id": "s"}))
        .await;
    let first = one.running("user:u1", 1).await;
    let second = two
        .ask(json!({"user_input": "second", "session_id": "s", "if_busy": "queue"}))
        .await;
    // Another session does not wait.
    let aside = two
        .ask(json!({"user_input": "aside", "session_id": "t"}))
        .await;
    let second = second["message_id"].as_str().unwrap();
    one.answer(second).await;

    let room = one.view.room("user:u1");
    let order: Vec<_> = room
        .of_type("message")
        .map(|event| event["data"]["in_reply_to"].clone())
        .collect();
    let first_end = room.replies[&first].end.as_ref().unwrap();
    let asked_first = first_end["data"]["in_reply_to"].clone();
    assert_eq!(
        order,
        [aside["message_id"].clone(), asked_first, json!(second)]
    );

    let calls = cluster.ai.calls();
    let call = calls
        .iter()
        .find(|call| question_of(call) == "second")
        .unwrap();
    let messages = call.body["messages"].as_array().unwrap();
    let said: Vec<_> = messages.iter().map(|turn| &turn["content"]).collect();
    let earlier = &first_end["data"]["content"];
    assert_eq!(
        said,
        [&json!("first"), earlier, &json!("second")],
        "it was asked when the first was answered, and knows what was said"
    );
}

#[tokio::test]
async fn a_rejected_question_leaves_nothing_behind() {
    let cluster = Cluster::options()
        .behaviour(Behaviour::new(Plot::Endless))
        .start()
        .await;
    let (mut one, mut two) = two_devices(&cluster).await;
    one.ask(json!({"user_input": "first", "session_id": "s"}))
        .await;
    let first = two.running("user:u1", 1).await;
    let refusal = two
        .send_message(json!({"user_input": "second", "session_id": "s", "if_busy": "reject"}))
        .await;
    assert_eq!(refusal["type"], "error", "{refusal}");
    assert_eq!(refusal["code"], "conflict", "{refusal}");
    assert_eq!(refusal["fatal"], false, "{refusal}");

    // Elsewhere it is welcome; and what is stored next comes right after the first.
    let third = two
        .ask(json!({"user_input": "third", "session_id": "t", "if_busy": "reject"}))
        .await;
    assert_eq!(third["seq"], 2, "{third}");
    one.until("the third, at the other gateway", |view| {
        (view.room("user:u1").events.len() == 2).then_some(())
    })
    .await;
    assert_eq!(one.view.room("user:u1").said(), ["first", "third"]);
    assert!(!one.view.has_ended(&first));
}

#[tokio::test]
async fn of_questions_that_race_for_an_idle_session_one_is_taken() {
    let cluster = Cluster::options()
        .behaviour(Behaviour::new(Plot::Endless))
        .start()
        .await;
    let (mut one, mut two) = two_devices(&cluster).await;
    for race in 0..10 {
        let question = |who: &str| json!({"user_input": who, "session_id": format!("s{race}"), "if_busy": "reject"});
        let (of_one, of_two) = tokio::join!(
            one.send_message(question("one")),
            two.send_message(question("two")),
        );
        let mut answers = [&of_one, &of_two].map(|answer| (&answer["type"], &answer["code"]));
        answers.sort_by_key(|(kind, _)| kind.to_string());
        let taken_and_refused = [
            (&json!("ack"), &Value::Null),
            (&json!("error"), &json!("conflict")),
        ];
        assert_eq!(answers, taken_and_refused, "{of_one} {of_two}");
    }
    one.until("one question a race", |view| {
        (view.room("user:u1").events.len() == 10).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_interrupting_question_ends_what_runs_and_what_waits() {
    let cluster = Cluster::options()
        .behaviour(Behaviour::new(Plot::Echo))
        .start()
        .await;
    cluster.ai.script([Behaviour::new(Plot::Endless)]);
    let (mut one, mut two) = two_devices(&cluster).await;
    let first = one
        .ask(json!({"user_input": "first", "session_id": "s"}))
        .await;
    one.running("user:u1", 1).await;
    let second = one
        .ask(json!({"user_input": "second", "session_id": "s"}))
        .await;
    let third = two
        .ask(json!({"user_input": "third", "session_id": "s", "if_busy": "interrupt"}))
        .await;

    for (question, reason) in [(first, "cancelled"), (second, "cancelled"), (third, "stop")] {
        let answer = one.answer(question["message_id"].as_str().unwrap()).await;
        assert_eq!(answer["data"]["finish_reason"], reason, "{answer}");
    }
    let asked: Vec<_> = cluster.ai.calls().iter().map(question_of).collect();
    assert_eq!(asked, ["first", "third"]);
}
