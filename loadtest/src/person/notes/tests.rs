//! The golden frames, as the ledger has them.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;

/// The golden frame of that name.
fn golden(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/protocol/server");
    let frame = fs::read(folder.join(name).with_extension("json")).unwrap();
    serde_json::from_slice(&frame).unwrap()
}

/// What it is written down as, as JSON; null where it is not.
fn written(name: &str) -> Value {
    serde_json::to_value(event_of(&golden(name))).unwrap()
}

const QUESTION: &str = "7c-0198f3a5c1d27e0b8c4e5f6a7b8c9d0e";
const REPLY: &str = "7c-0198f3a5c1d37a1c9d5f6a7b8c9d0e1f";
const ROOM: &str = "project:p1";
const LIFE: &str = "k3f9a2bd";

#[test]
fn what_the_checker_cares_for_is_written_down() {
    for (name, expected) in [
        ("ready", json!({"to": "opened"})),
        (
            "subscribed",
            json!({"to": "subscribed", "room": ROOM, "epoch": LIFE, "seq": 41, "recovered": true}),
        ),
        ("unsubscribed", json!({"to": "left", "room": ROOM})),
        (
            "ack_send_message",
            json!({"to": "acked", "id": "c7", "message": QUESTION, "room": ROOM, "epoch": LIFE,
                "seq": 42}),
        ),
        (
            "ack_cancel",
            json!({"to": "cancelled", "id": "c7", "reply": REPLY}),
        ),
        (
            "error",
            json!({"to": "refused", "id": "c7", "code": "rate_limited", "can_retry": true}),
        ),
        (
            "error_fatal",
            json!({"to": "refused", "id": null, "code": "internal", "can_retry": true}),
        ),
        (
            "message_snapshot_empty",
            json!({"to": "snapshot", "room": ROOM, "message": REPLY, "attempt": 1, "index": -1,
                "text": ""}),
        ),
        (
            "message_restart",
            json!({"to": "restart", "room": ROOM, "message": REPLY, "attempt": 2}),
        ),
        (
            "typing_indicator",
            json!({"to": "typing", "room": ROOM, "user": "u2", "is_typing": true}),
        ),
        (
            "typing_indicator_assistant",
            json!({"to": "typing", "room": ROOM, "is_typing": true}),
        ),
    ] {
        assert_eq!(written(name), expected, "{name}");
    }
    for name in ["ack", "ack_subscribe", "pong", "ai_processing_start"] {
        assert_eq!(written(name), Value::Null, "{name}");
    }
}

#[test]
fn durable_events_are_written_down_with_all_that_they_say() {
    let question = written("new_message");
    assert_eq!(question["to"], "durable");
    assert_eq!(question["kind"], "new_message");
    assert_eq!(question["seq"], 42);
    assert_eq!(question["message"], QUESTION);
    assert_eq!(question["session"], "s1");
    assert_eq!(question["user"], "u1");
    let reply = written("message");
    assert_eq!(reply["message"], REPLY);
    assert_eq!(reply["in_reply_to"], QUESTION);
    assert_eq!(reply["finish"], "stop");
    assert_eq!(reply["attempt"], 1);
    assert_eq!(reply["content"], "Grüße zurück!");
    let cancelled = written("message_cancelled");
    assert_eq!(cancelled["finish"], "cancelled");
    assert_eq!(cancelled["attempt"], 0);
}

#[test]
fn a_frame_that_lacks_what_it_must_have_is_unreadable() {
    for (name, members) in [
        (
            "subscribed",
            &["/type", "/room", "/epoch", "/seq", "/recovered"][..],
        ),
        ("unsubscribed", &["/room"]),
        (
            "ack_send_message",
            &["/id", "/data/message_id", "/data/room", "/data/epoch"],
        ),
        ("error", &["/code", "/canRetry"]),
        (
            "message_delta",
            &[
                "/room",
                "/data/message_id",
                "/data/attempt",
                "/data/index",
                "/data/text",
            ],
        ),
        (
            "message_restart",
            &["/room", "/data/message_id", "/data/attempt"],
        ),
        (
            "new_message",
            &[
                "/room",
                "/epoch",
                "/data/message_id",
                "/data/user_id",
                "/data/content",
            ],
        ),
        (
            "message",
            &[
                "/data/in_reply_to",
                "/data/finish_reason",
                "/data/metadata/attempt",
            ],
        ),
        ("typing_indicator_assistant", &["/room", "/data/is_typing"]),
    ] {
        assert_ne!(written(name)["to"], "unreadable", "{name}");
        for member in members {
            let mut frame = golden(name);
            *frame.pointer_mut(member).unwrap() = Value::Null;
            let event = event_of(&frame);
            let is_so = matches!(event, Some(ClientEvent::Unreadable { .. }));
            assert!(is_so, "{name} without {member}: {event:?}");
        }
    }
}

#[test]
fn who_reads_nothing_is_written_down_until_it_reads_again() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.jsonl");
    let pen = Pen::new(&ledger).unwrap();
    let mut notes = Notes::new(1, pen.clone(), Arc::default());
    for reads in [true, false, false, true, true] {
        notes.reads(reads).unwrap();
    }
    pen.flush().unwrap();
    let written = crate::ledger::read(&ledger).unwrap();
    let written: Vec<_> = written.map(|entry| entry.unwrap().what).collect();
    let events = [ClientEvent::StopsReading, ClientEvent::ReadsAgain];
    assert_eq!(written, events.map(|event| of_client(1, event)));
}
