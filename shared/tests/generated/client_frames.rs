//! `fixtures/protocol/client`: what clients may send, and what is understood.

use causerie_shared::protocol::action::{
    Action, Authenticate, Cancel, ClientFrame, ClientId, ContextMessage, ContextRole,
    ConversationContext, Delete, IfBusy, Read, SendMessage, SetStatus, Subscribe, Typing,
    Unsubscribe, read_frame,
};
use causerie_shared::protocol::data::Status;
use causerie_shared::room::{Room, RoomName};
use serde_json::{Map, json};

use crate::{file, sample};

fn project() -> RoomName {
    RoomName::Of(sample::room())
}

fn send(message: SendMessage) -> Action {
    Action::SendMessage(Box::new(message))
}

/// A message of which only the text is given.
fn plain(user_input: &str) -> SendMessage {
    SendMessage {
        user_input: user_input.into(),
        session_id: None,
        room: None,
        project_id: None,
        ai: true,
        if_busy: IfBusy::Queue,
        conversation_context: None,
        metadata: Map::new(),
        tenant_hash: None,
    }
}

fn full() -> SendMessage {
    let turn = |role, content: &str| ContextMessage {
        role,
        content: content.into(),
    };
    let metadata = json!({"timestamp": sample::TS, "client_version": "1.0.0"});
    SendMessage {
        session_id: Some(sample::session()),
        room: Some(RoomName::Me),
        if_busy: IfBusy::Interrupt,
        conversation_context: Some(ConversationContext {
            messages: vec![
                turn(ContextRole::User, "Hello"),
                turn(ContextRole::Assistant, "Good morning!"),
            ],
            turn: Some(2),
        }),
        metadata: metadata.as_object().unwrap().clone(),
        tenant_hash: Some("demo".to_owned().try_into().unwrap()),
        ..plain("How do I reset my password?")
    }
}

fn for_people() -> SendMessage {
    let Room::Project(project) = sample::room() else {
        panic!("not a project")
    };
    SendMessage {
        project_id: Some(project),
        ai: false,
        if_busy: IfBusy::Reject,
        ..plain("Grüße an „alle“ \u{1F600}\n\"quoted\" \\")
    }
}

/// Each file, its frame, its id, and what the frame says.
fn frames() -> Vec<(&'static str, &'static str, Option<&'static str>, Action)> {
    let subscribe = |epoch, seq| {
        Action::Subscribe(Subscribe {
            room: project(),
            epoch,
            seq,
        })
    };
    let unsubscribe = || Action::Unsubscribe(Unsubscribe { room: project() });
    let at = sample::position(41);
    let typing = |is_typing, room| Action::Typing(Typing { is_typing, room });
    vec![
        (
            "send_message.json",
            r#"{"action":"sendMessage","id":"c1","data":{"user_input":"Hello"}}"#,
            Some("c1"),
            send(plain("Hello")),
        ),
        (
            "send_message_full.json",
            r#"{"action":"sendMessage","id":"c2","data":{"user_input":"How do I reset my password?","session_id":"s1","room":"user:me","ai":true,"if_busy":"interrupt","conversation_context":{"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Good morning!"}],"turn":2},"metadata":{"timestamp":1693234567890,"client_version":"1.0.0"},"tenant_hash":"demo"}}"#,
            Some("c2"),
            send(full()),
        ),
        (
            "send_message_for_people.json",
            r#"{"action":"sendMessage","id":"c3","data":{"user_input":"Grüße an „alle“ 😀\n\"quoted\" \\","project_id":"p1","ai":false,"if_busy":"reject"}}"#,
            Some("c3"),
            send(for_people()),
        ),
        (
            "chat_message.json",
            r#"{"action":"chat_message","id":"c4","data":{"user_input":"Hello"}}"#,
            Some("c4"),
            send(plain("Hello")),
        ),
        (
            "typing.json",
            r#"{"action":"typing","id":"c5","data":{"is_typing":true,"room":"project:p1"}}"#,
            Some("c5"),
            typing(true, Some(project())),
        ),
        (
            "typing_stopped.json",
            r#"{"action":"typing","data":{"is_typing":false}}"#,
            None,
            typing(false, None),
        ),
        (
            "status.json",
            r#"{"action":"status","id":"c16","data":{"status":"away"}}"#,
            Some("c16"),
            Action::Status(SetStatus {
                status: Status::Away,
            }),
        ),
        (
            "authenticate.json",
            r#"{"action":"authenticate","id":"c15","data":{"token":"a.b.c"}}"#,
            Some("c15"),
            Action::Authenticate(Authenticate {
                token: "a.b.c".into(),
            }),
        ),
        (
            "read.json",
            r#"{"action":"read","id":"c17","data":{"room":"project:p1","seq":41}}"#,
            Some("c17"),
            Action::Read(Read {
                room: project(),
                seq: 41,
            }),
        ),
        (
            "delete.json",
            r#"{"action":"delete","id":"c16","data":{"room":"project:p1","message_id":"7c-0198f3a5c1d37a1c9d5f6a7b8c9d0e1f"}}"#,
            Some("c16"),
            Action::Delete(Delete {
                room: project(),
                message_id: sample::reply(),
            }),
        ),
        (
            "cancel.json",
            r#"{"action":"cancel","id":"c6","data":{"message_id":"7c-0198f3a5c1d37a1c9d5f6a7b8c9d0e1f"}}"#,
            Some("c6"),
            Action::Cancel(Cancel {
                message_id: sample::reply(),
            }),
        ),
        (
            "subscribe.json",
            r#"{"action":"subscribe","id":"c7","data":{"room":"project:p1"}}"#,
            Some("c7"),
            subscribe(None, None),
        ),
        (
            "subscribe_at_position.json",
            r#"{"action":"subscribe","id":"c8","data":{"room":"project:p1","epoch":"k3f9a2bd","seq":41}}"#,
            Some("c8"),
            subscribe(Some(at.epoch), Some(at.seq)),
        ),
        (
            "join.json",
            r#"{"action":"join","id":"c9","data":{"room":"project:p1"}}"#,
            Some("c9"),
            subscribe(None, None),
        ),
        (
            "unsubscribe.json",
            r#"{"action":"unsubscribe","id":"c10","data":{"room":"project:p1"}}"#,
            Some("c10"),
            unsubscribe(),
        ),
        (
            "leave.json",
            r#"{"action":"leave","id":"c11","data":{"room":"project:p1"}}"#,
            Some("c11"),
            unsubscribe(),
        ),
        (
            "ping.json",
            r#"{"action":"ping","id":"c12"}"#,
            Some("c12"),
            Action::Ping(None),
        ),
        (
            "ping_with_data.json",
            r#"{"action":"ping","id":"c13","data":{"sent":1693234567890}}"#,
            Some("c13"),
            Action::Ping(Some(json!({"sent": sample::TS}))),
        ),
        (
            "fields_beside_the_action.json",
            r#"{"action":"typing","id":"c14","is_typing":false,"room":"tenant","data":{"is_typing":true}}"#,
            Some("c14"),
            typing(true, Some(RoomName::Of(Room::Tenant))),
        ),
    ]
}

/// The golden client frames.
pub fn golden() -> Vec<(&'static str, &'static str)> {
    let frames = frames().into_iter();
    frames.map(|(file, frame, ..)| (file, frame)).collect()
}

#[test]
fn golden_client_frames_are_understood() {
    for (file, frame, id, action) in frames() {
        let expected = ClientFrame {
            id: id.map(|id| ClientId::new(id).unwrap()),
            traceparent: None,
            action,
        };
        assert_eq!(read_frame(frame.as_bytes(), 32), Ok(expected), "{file}");
    }
}

#[test]
fn golden_client_frames_are_current() {
    let files: Vec<_> = golden()
        .into_iter()
        .map(|(name, frame)| (name, file::line(frame.as_bytes())))
        .collect();
    file::check("fixtures/protocol/client", &files);
}
