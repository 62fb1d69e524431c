//! `fixtures/protocol/server`: one of each frame that clients are sent.

use bytes::Bytes;
use causerie_shared::ids::{ConnectionId, TenantId};
use causerie_shared::protocol::action::ClientId;
use causerie_shared::protocol::data::{
    ASSISTANT, AiProcessingEnd, AiProcessingError, AiProcessingStart, Filtered, FinishReason,
    MessageDeleted, MessageDelta, MessageRead, MessageRestart, MessageSnapshot, NewMessage, Reply,
    ReplyMetadata, Role, Status, TypingIndicator, UserJoined, UserLeft, UserStatusChanged,
    WarningIssued, WarningReason,
};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{
    self, CancelAck, DeleteAck, EmptyAck, Ready, RoomAck, SendMessageAck, Subscribed,
};
use serde::Serialize;
use serde_json::json;

use crate::{file, sample};

fn id() -> ClientId {
    ClientId::new("c7").unwrap()
}

fn ready(token: Option<&str>) -> Bytes {
    frame::ready(&Ready {
        connection_id: ConnectionId::new("5f2c7d9e4b8a41e6a3c0d1b2e3f4a5b6").unwrap(),
        tenant: TenantId::new("acme").unwrap(),
        user_id: sample::user(),
        node: "gw-1".into(),
        server_time: sample::TS,
        heartbeat_interval_ms: 25_000,
        idle_timeout_ms: 1_800_000,
        max_message_bytes: 102_400,
        messages_per_minute: 60,
        token: token.map(str::to_owned),
    })
}

fn subscribed(recovered: bool) -> Bytes {
    let at = sample::position(41);
    frame::subscribed(&Subscribed {
        room: sample::room(),
        epoch: at.epoch,
        seq: at.seq,
        recovered,
    })
}

fn stored_ack() -> Bytes {
    let at = sample::position(42);
    let ack = SendMessageAck {
        message_id: sample::question(),
        session_id: sample::session(),
        room: sample::room(),
        epoch: at.epoch,
        seq: at.seq,
    };
    frame::ack(&id(), &ack)
}

fn cancel_ack() -> CancelAck {
    CancelAck {
        message_id: sample::reply(),
    }
}

fn delete_ack() -> DeleteAck {
    DeleteAck {
        message_id: sample::question(),
    }
}

fn room_ack() -> RoomAck {
    RoomAck {
        room: sample::room(),
    }
}

fn limit_met() -> ProtocolError {
    let content = "Too many messages: 60 a minute are allowed.";
    ProtocolError::new(ErrorCode::RateLimited, content)
        .with_limit(Scope::Connection, 60)
        .with_retry_after_ms(1_200)
}

fn durable(event: Event, seq: u64, data: &impl Serialize) -> Bytes {
    assert!(event.is_durable());
    let tail = frame::durable_tail(event, &sample::room(), data);
    frame::durable(&sample::position(seq), sample::TS, &tail)
}

fn transient(event: Event, data: &impl Serialize) -> Bytes {
    assert!(!event.is_durable());
    frame::transient(event, &sample::room(), sample::TS, data)
}

pub fn new_message() -> NewMessage {
    let metadata = json!({"client_version": "1.0.0"});
    NewMessage {
        message_id: sample::question(),
        session_id: sample::session(),
        user_id: sample::user(),
        role: Role::User,
        content: "Grüße an „alle“ \u{1F600}\n\"quoted\" \\".into(),
        metadata: metadata.as_object().unwrap().clone(),
    }
}

pub fn message(finish_reason: FinishReason) -> Reply {
    let is_whole = finish_reason == FinishReason::Stop;
    let metadata = ReplyMetadata {
        response_time: 1_840,
        model_used: Some("echo".into()),
        token_count: Some(3),
        prompt_tokens: Some(12),
        time_to_first_token: Some(210),
        attempt: 1,
    };
    Reply {
        message_id: sample::reply(),
        session_id: sample::session(),
        in_reply_to: sample::question(),
        role: Role::Assistant,
        content: if is_whole { "Grüße zurück!" } else { "" }.into(),
        sources: Vec::new(),
        finish_reason,
        metadata: if is_whole {
            metadata
        } else {
            ReplyMetadata::default()
        },
    }
}

pub fn delta(text: &str) -> Bytes {
    let data = MessageDelta {
        message_id: &sample::reply(),
        session_id: &sample::session(),
        attempt: 1,
        index: 0,
        text,
    };
    transient(Event::MessageDelta, &data)
}

fn deleted() -> MessageDeleted {
    MessageDeleted {
        message_id: Some(sample::question()),
        user_id: Some(sample::user()),
    }
}

fn snapshot(index: i64, text: &str) -> Bytes {
    let data = MessageSnapshot {
        message_id: &sample::reply(),
        session_id: &sample::session(),
        in_reply_to: &sample::question(),
        attempt: 1,
        index,
        text,
    };
    transient(Event::MessageSnapshot, &data)
}

pub fn start() -> Bytes {
    let data = AiProcessingStart {
        message_id: sample::reply(),
        session_id: sample::session(),
        in_reply_to: sample::question(),
        attempt: 1,
    };
    transient(Event::AiProcessingStart, &data)
}

fn end() -> Bytes {
    let data = AiProcessingEnd {
        message_id: sample::reply(),
        session_id: sample::session(),
        in_reply_to: sample::question(),
        attempt: 1,
    };
    transient(Event::AiProcessingEnd, &data)
}

fn failed() -> Bytes {
    let data = AiProcessingError {
        message_id: sample::reply(),
        code: ErrorCode::AiTimeout,
        can_retry: true,
    };
    transient(Event::AiProcessingError, &data)
}

pub fn typing(user_id: &str, is_typing: bool) -> Bytes {
    let user_id = user_id.into();
    let data = TypingIndicator { user_id, is_typing };
    transient(Event::TypingIndicator, &data)
}

fn read() -> Bytes {
    let data = MessageRead {
        user_id: sample::user(),
        seq: 41,
    };
    transient(Event::MessageRead, &data)
}

fn joined(name: Option<&str>) -> Bytes {
    let data = UserJoined {
        user_id: sample::user(),
        name: name.map(str::to_owned),
        status: Status::Online,
    };
    transient(Event::UserJoined, &data)
}

fn left() -> Bytes {
    let user_id = sample::user();
    transient(Event::UserLeft, &UserLeft { user_id })
}

fn status_changed() -> Bytes {
    let data = UserStatusChanged {
        user_id: sample::user(),
        status: Status::Away,
    };
    transient(Event::UserStatusChanged, &data)
}

fn warning(result: Filtered) -> Bytes {
    let is_stored = result != Filtered::Rejected;
    let data = WarningIssued {
        reason: WarningReason::WordList,
        result,
        words: 2,
        user_id: sample::user(),
        room: sample::room(),
        message_id: is_stored.then(sample::question),
        content: "A message holds words of a list.",
    };
    transient(Event::WarningIssued, &data)
}

fn restart() -> Bytes {
    let data = MessageRestart {
        message_id: sample::reply(),
        attempt: 2,
    };
    transient(Event::MessageRestart, &data)
}

/// The golden server frames.
pub fn golden() -> Vec<(&'static str, Bytes)> {
    let internal = ProtocolError::new(ErrorCode::Internal, "Something went wrong: try again.");
    let ping = json!({"sent": sample::TS});
    let whole = message(FinishReason::Stop);
    let cancelled = message(FinishReason::Cancelled);
    vec![
        ("ready.json", ready(None)),
        (
            "ready_visitor.json",
            ready(Some("eyJhbGciOiJIUzI1NiJ9.e30.c2ln")),
        ),
        ("subscribed.json", subscribed(true)),
        ("subscribed_not_recovered.json", subscribed(false)),
        ("unsubscribed.json", frame::unsubscribed(&sample::room())),
        ("ack.json", frame::ack(&id(), EmptyAck {})),
        ("ack_send_message.json", stored_ack()),
        ("ack_cancel.json", frame::ack(&id(), cancel_ack())),
        ("ack_delete.json", frame::ack(&id(), delete_ack())),
        ("ack_subscribe.json", frame::ack(&id(), room_ack())),
        ("pong.json", frame::pong(None, sample::TS, None)),
        (
            "pong_with_data.json",
            frame::pong(Some(&id()), sample::TS, Some(&ping)),
        ),
        ("error.json", frame::error(Some(&id()), &limit_met())),
        ("error_fatal.json", frame::error(None, &internal.fatal())),
        (
            "new_message.json",
            durable(Event::NewMessage, 42, &new_message()),
        ),
        ("message.json", durable(Event::Message, 43, &whole)),
        (
            "message_cancelled.json",
            durable(Event::Message, 44, &cancelled),
        ),
        (
            "message_deleted.json",
            durable(Event::MessageDeleted, 45, &deleted()),
        ),
        (
            "message_deleted_tombstone.json",
            durable(Event::MessageDeleted, 42, &MessageDeleted::default()),
        ),
        ("message_read.json", read()),
        ("message_delta.json", delta("Grüße\n\"zu")),
        ("message_snapshot.json", snapshot(0, "Grüße\n\"zu")),
        ("message_snapshot_empty.json", snapshot(-1, "")),
        ("message_restart.json", restart()),
        ("typing_indicator.json", typing("u2", true)),
        ("typing_indicator_assistant.json", typing(ASSISTANT, true)),
        ("user_joined.json", joined(Some("Ünal \"U\""))),
        ("user_joined_without_a_name.json", joined(None)),
        ("user_left.json", left()),
        ("user_status_changed.json", status_changed()),
        ("warning_issued.json", warning(Filtered::Masked)),
        ("warning_issued_rejected.json", warning(Filtered::Rejected)),
        ("ai_processing_start.json", start()),
        ("ai_processing_end.json", end()),
        ("ai_processing_error.json", failed()),
    ]
}

#[test]
fn golden_server_frames_are_current() {
    let files: Vec<_> = golden()
        .into_iter()
        .map(|(name, frame)| (name, file::line(&frame)))
        .collect();
    file::check("fixtures/protocol/server", &files);
}
