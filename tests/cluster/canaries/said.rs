//! What is said, to people and to the model.

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::ws::Client;
use causerie_testkit::cluster::Cluster;
use serde_json::{Value, json};

use super::PROJECT;
use crate::kit::cage::Cage;
use crate::kit::question_of;

/// What is said is heard by people, and by the model.
pub(super) async fn a_conversation(
    cluster: &Cluster,
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) {
    let said = format!("{} anna@example.org\n", cage.plant("user_input"));
    let reply = cage.plant("the model's reply");
    cluster
        .ai
        .script([Behaviour::say(format!("{reply} and more"))]);
    let id = cage.plant("id");
    let (session, note) = (cage.plant("session_id"), cage.plant("metadata"));
    let note_name = cage.plant("a name in metadata");
    let frame = json!({
        "action": "sendMessage",
        "id": id,
        "traceparent": cage.plant("traceparent"),
        cage.plant("a member of the frame"): cage.plant("its value"),
        "data": {
            "user_input": said,
            "session_id": session,
            "room": format!("project:{PROJECT}"),
            "metadata": {&note_name: note, "timestamp": 1},
            cage.plant("an unknown field"): cage.plant("its value there"),
        },
    });
    let ack = writer.request(frame).await;
    assert_eq!(
        (&ack["id"], &ack["data"]["session_id"]),
        (&json!(id), &json!(session))
    );
    let heard = reader.expect_type("new_message").await;
    assert_eq!(heard["data"]["content"], said);
    assert_eq!(heard["data"]["metadata"][&note_name], note);
    let answer = reader.expect_type("message").await;
    assert_eq!(answer["data"]["content"], format!("{reply} and more"));
    let text = |frame: &Value| frame.to_string().contains(&reply);
    assert!(
        reader
            .frames()
            .iter()
            .any(|frame| frame["type"] == "message_delta" && text(frame))
    );
    assert_eq!(question_of(&cluster.ai.calls()[0]), said);

    // What was said before is told to the model, in a room of one's own.
    let (before, turn) = (cage.plant("conversation_context"), cage.plant("its answer"));
    let frame = json!({"action": "sendMessage", "data": {
        "user_input": "and?",
        "conversation_context": {"messages": [
            {"role": "user", "content": before}, {"role": "assistant", "content": turn},
        ]},
    }});
    writer.request(frame).await;
    let call = cluster.ai.wait_for(|calls| calls.get(1).cloned()).await;
    let body = call.body.to_string();
    assert!(body.contains(&before) && body.contains(&turn), "{body}");
    reader
        .expect("the second reply", |frame| {
            frame["type"] == "message" && frame["room"] != heard["room"]
        })
        .await;

    let note = cage.plant("a ping's data");
    let pong = writer
        .request(json!({"action": "ping", "data": {"note": note}}))
        .await;
    assert_eq!(pong["data"]["note"], note);
    let typing = json!({
        "action": "typing", "room": format!("project:{PROJECT}"), "is_typing": true,
        "text": cage.plant("what is being typed"),
    });
    assert_eq!(writer.request(typing).await["type"], "ack");
}

/// Moderators are told of the message, and not of the word.
pub(super) async fn a_word_of_a_list(
    listed: &str,
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) {
    let said = format!("{listed} {}", cage.plant("what holds a word of a list"));
    let data = json!({"user_input": said, "room": format!("project:{PROJECT}"), "ai": false});
    let ack = writer
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    let warning = reader.expect_type("warning_issued").await;
    let data = &warning["data"];
    assert_eq!(data["message_id"], ack["data"]["message_id"], "{warning}");
    assert_eq!(cage.seen_in(&warning.to_string()), [""; 0], "{warning}");
}

/// A provider quotes in its error what it was asked; nobody is shown that.
pub(super) async fn a_failed_reply(
    cluster: &Cluster,
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) {
    for plot in [
        Plot::Refuse {
            status: 400,
            retry_after: None,
        },
        Plot::Refuse {
            status: 500,
            retry_after: None,
        },
        Plot::Garbage,
        Plot::ErrorInStream,
    ] {
        let name = format!("a question that fails with {plot:?}");
        let said = cage.plant(&name);
        cluster.ai.script([Behaviour::new(plot)]);
        let room = format!("project:{PROJECT}");
        let ack = writer
            .request(json!({"action": "sendMessage", "data": {"user_input": said, "room": room}}))
            .await;
        let failed = reader.expect("the failed reply", |frame| {
            frame["type"] == "message" && frame["data"]["in_reply_to"] == ack["data"]["message_id"]
        });
        assert_eq!(failed.await["data"]["finish_reason"], "error", "{name}");
    }
}
