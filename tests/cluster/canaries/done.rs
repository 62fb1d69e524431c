//! What else a connection asks for.

use causerie_testkit::client::ws::Client;
use causerie_testkit::cluster::Cluster;
use causerie_testkit::token::Token;
use serde_json::{Value, json};

use super::{PROJECT, USER, token};
use crate::kit::cage::Cage;

/// One of each that `said.rs` has not. What a field of them may hold is a room, an id, a
/// number or a word of ours; beside it a stranger may send anything.
pub(super) async fn other_actions(cage: &mut Cage, writer: &mut Client, reader: &mut Client) {
    let room = format!("project:{PROJECT}");
    let data = json!({"user_input": cage.plant("what is deleted"), "room": room, "ai": false});
    let said = writer
        .request(json!({"action": "sendMessage", "data": data}))
        .await;
    let message_id = &said["data"]["message_id"];
    for (action, data) in [
        ("read", json!({"room": room, "seq": 1})),
        ("status", json!({"status": "away"})),
        ("delete", json!({"room": room, "message_id": message_id})),
        ("unsubscribe", json!({"room": room})),
        (
            "subscribe",
            // An epoch that never was; but a stranger may name it.
            json!({"room": room, "epoch": cage.plant("the epoch of a position"), "seq": 1}),
        ),
    ] {
        let mut frame = json!({"action": action, "data": data});
        let unknown = cage.plant(&format!("an unknown field of {action}"));
        frame["data"][unknown] = json!(cage.plant(&format!("its value in {action}")));
        frame["traceparent"] = json!(cage.plant(&format!("the traceparent of {action}")));
        frame["id"] = json!(cage.plant(&format!("the id of {action}")));
        let ack = writer.request(frame).await;
        assert_eq!(ack["type"], "ack", "{action}: {ack}");
    }
    for event in ["message_read", "user_status_changed", "message_deleted"] {
        let heard = reader.expect_type(event).await;
        assert_eq!(heard["data"]["user_id"], USER, "{heard}");
    }
}

/// The connection goes on under another token, and under none of the others; the name
/// that it gives.
pub(super) async fn another_token(
    cage: &mut Cage,
    writer: &mut Client,
    reader: &mut Client,
) -> String {
    let (good, name) = token(cage, "the token of authenticate");
    for client in [writer, reader] {
        let ack = client.request(authenticate(&good)).await;
        assert_eq!(ack["type"], "ack", "{ack}");
        let forged = Token::of("acme", USER).sign(&cage.plant("a forger's secret"));
        let others = Token::of("acme", "another").sign(&Cluster::secret("acme"));
        let nonsense = cage.plant("what is no token");
        for (what, token) in [
            ("the forged token of authenticate", &forged),
            ("another's token", &others),
            ("what is no token", &nonsense),
        ] {
            cage.keep(what, token);
            let error = client.request(authenticate(token)).await;
            assert_eq!(error["type"], "error", "{what}: {error}");
        }
    }
    name
}

fn authenticate(token: &str) -> Value {
    json!({"action": "authenticate", "data": {"token": token}})
}

pub(super) async fn bad_frames(cage: &mut Cage, writer: &mut Client) {
    let frames = [
        format!("{{\"action\": {}", cage.plant("what is no JSON")),
        json!({"action": cage.plant("an unknown action")}).to_string(),
        json!({"action": "sendMessage", "data": cage.plant("data that is no object")}).to_string(),
        json!({"action": "sendMessage", "user_input": {"a": cage.plant("a bad user_input")}})
            .to_string(),
        json!({"action": "subscribe", "room": cage.plant("a bad room")}).to_string(),
        json!({"action": "subscribe", "room": format!("project:{}", cage.plant("a foreign room"))})
            .to_string(),
        json!({"action": "sendMessage", "user_input": "x", "if_busy": cage.plant("if_busy")})
            .to_string(),
        json!({"action": "sendMessage", "user_input": "x", "tenant_hash": cage.plant("tenant_hash")})
            .to_string(),
        json!({"action": "cancel", "message_id": cage.plant("a bad message_id")}).to_string(),
        json!({"action": "cancel", "message_id": format!("00-{}", cage.plant("a message_id"))})
            .to_string(),
        json!({"action": "subscribe", "room": "tenant", "epoch": cage.plant("an epoch"),
            "seq": cage.plant("what is no seq")})
        .to_string(),
        json!({"action": "unsubscribe", "room": cage.plant("a bad room to leave")}).to_string(),
        json!({"action": "read", "room": format!("project:{PROJECT}"),
            "seq": cage.plant("a bad seq")})
        .to_string(),
        json!({"action": "read", "room": format!("project:{}", cage.plant("a foreign room read")),
            "seq": 1})
        .to_string(),
        json!({"action": "delete", "room": "user:me",
            "message_id": cage.plant("what is no message_id")})
        .to_string(),
        json!({"action": "delete", "room": "user:me",
            "message_id": format!("00-{}", cage.plant("a message_id to delete"))})
        .to_string(),
        json!({"action": "status", "status": cage.plant("a status")}).to_string(),
        json!({"action": "authenticate", "token": {"a": cage.plant("a token that is no text")}})
            .to_string(),
        json!({"action": "typing", "room": "user:me", "is_typing": cage.plant("is_typing")})
            .to_string(),
    ];
    for frame in frames {
        writer.send_text(&frame).await;
        writer.expect_type("error").await;
    }
}
