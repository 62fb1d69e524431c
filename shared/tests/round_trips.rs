//! What is written is read as what it was: names, positions, records, and what clients
//! send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use bytes::Bytes;
use causerie_shared::ids::{MessageId, ProjectId, SessionId, TenantId, UserId};
use causerie_shared::position::{Epoch, Position};
use causerie_shared::protocol::action::{
    Action, Authenticate, Cancel, IfBusy, SendMessage, Subscribe, Typing, Unsubscribe, read_frame,
};
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::protocol::publish::Publish;
use causerie_shared::protocol::text::is_control;
use causerie_shared::record::{Class, Header, Record, ReplyPart, Unplaced};
use causerie_shared::room::{Room, RoomKey, RoomName};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ID: &str = "[A-Za-z0-9._~-]{1,128}";

/// As `websocket.max_depth` has it.
const MAX_DEPTH: usize = 32;

fn user() -> impl Strategy<Value = UserId> {
    // One of them stands for none elsewhere.
    let id = prop_oneof![ID, Just("-".to_owned())];
    id.prop_filter_map("`me` is reserved", |id| UserId::new(id).ok())
}

fn project() -> impl Strategy<Value = ProjectId> {
    ID.prop_map(|id| ProjectId::new(id).unwrap())
}

fn session() -> impl Strategy<Value = SessionId> {
    ID.prop_map(|id| SessionId::new(id).unwrap())
}

fn message_id() -> impl Strategy<Value = MessageId> {
    "[0-7][0-9a-f]-[A-Za-z0-9._~-]{0,60}".prop_map(|id| MessageId::new(id).unwrap())
}

fn room() -> impl Strategy<Value = Room> {
    prop_oneof![
        Just(Room::Tenant),
        project().prop_map(Room::Project),
        user().prop_map(Room::User),
    ]
}

fn room_name() -> impl Strategy<Value = RoomName> {
    prop_oneof![1 => Just(RoomName::Me), 4 => room().prop_map(RoomName::Of)]
}

fn position() -> impl Strategy<Value = Position> {
    ("[a-z0-9]{8,16}", any::<u64>()).prop_map(|(epoch, seq)| Position {
        epoch: epoch.parse().unwrap(),
        seq,
    })
}

fn header() -> impl Strategy<Value = Header> {
    let class = prop_oneof![
        Just(Class::Durable),
        Just(Class::Final),
        Just(Class::Transient),
        Just(Class::Start),
        Just(Class::Delta),
    ];
    let reply = (message_id(), any::<u32>(), any::<i64>());
    let reply = reply.prop_map(|(message_id, attempt, index)| ReplyPart {
        message_id,
        attempt,
        index,
    });
    let all = (
        class,
        "[a-z][a-z0-9_.:-]{0,63}",
        option::of(position()),
        any::<u64>(),
        option::of(reply),
        option::of(message_id()),
        option::of(user()),
        option::of("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]"),
    );
    all.prop_map(
        |(class, event, position, ts, reply, in_reply_to, excluded, trace)| Header {
            class,
            event: event.into(),
            position,
            ts,
            reply,
            in_reply_to,
            excluded,
            trace: trace.map(Into::into),
        },
    )
}

/// Text without the control characters that none may hold.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace(is_control, " "))
}

/// Any JSON but numbers with a fraction, of which some digits may change.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            hash_map(text(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    hash_map(text(), value(), 0..4).prop_map(|members| members.into_iter().collect())
}

fn send_message() -> impl Strategy<Value = (Value, Action)> {
    let said = text().prop_filter("something is said", |text| !text.is_empty());
    let if_busy = prop_oneof![
        Just(IfBusy::Queue),
        Just(IfBusy::Reject),
        Just(IfBusy::Interrupt),
    ];
    let all = (
        said,
        option::of(session()),
        option::of(room_name()),
        any::<bool>(),
        if_busy,
        object(),
    );
    all.prop_map(|(user_input, session_id, room, ai, if_busy, metadata)| {
        let data = json!({
            "user_input": user_input, "session_id": session_id, "room": room, "ai": ai,
            "if_busy": if_busy, "metadata": metadata,
        });
        let action = Action::SendMessage(Box::new(SendMessage {
            user_input,
            session_id,
            room,
            project_id: None,
            ai,
            if_busy,
            conversation_context: None,
            metadata,
            tenant_hash: None,
        }));
        (json!({"action": "sendMessage", "data": data}), action)
    })
}

/// What a client sends, and what it wants.
fn sent() -> impl Strategy<Value = (Value, Action)> {
    let at = |position: &Option<Position>| {
        let seq = position.as_ref().map(|position| position.seq);
        (
            position.as_ref().map(|position| position.epoch.clone()),
            seq,
        )
    };
    let subscribe = (room_name(), option::of(position())).prop_map(move |(room, position)| {
        let (epoch, seq): (Option<Epoch>, _) = at(&position);
        let data = json!({"room": room, "epoch": epoch, "seq": seq});
        let action = Action::Subscribe(Subscribe { room, epoch, seq });
        (json!({"action": "subscribe", "data": data}), action)
    });
    let unsubscribe = room_name().prop_map(|room| {
        let frame = json!({"action": "unsubscribe", "data": {"room": room}});
        (frame, Action::Unsubscribe(Unsubscribe { room }))
    });
    let typing = (any::<bool>(), option::of(room_name())).prop_map(|(is_typing, room)| {
        let data = json!({"is_typing": is_typing, "room": room});
        let action = Action::Typing(Typing { is_typing, room });
        (json!({"action": "typing", "data": data}), action)
    });
    let cancel = message_id().prop_map(|message_id| {
        let frame = json!({"action": "cancel", "data": {"message_id": message_id}});
        (frame, Action::Cancel(Cancel { message_id }))
    });
    let authenticate = any::<String>().prop_map(|token| {
        let frame = json!({"action": "authenticate", "data": {"token": token}});
        (frame, Action::Authenticate(Authenticate { token }))
    });
    let ping = value().prop_map(|data| {
        let frame = json!({"action": "ping", "data": data});
        (frame, Action::Ping(Some(data)))
    });
    prop_oneof![
        send_message(),
        subscribe,
        unsubscribe,
        typing,
        cancel,
        authenticate,
        ping
    ]
}

proptest! {
    #[test]
    fn rooms(tenant in ID, room in room(), name in room_name()) {
        prop_assert_eq!(room.to_string().parse(), Ok(room.clone()));
        prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let json = serde_json::to_string(&name).unwrap();
        prop_assert_eq!(serde_json::from_str::<RoomName>(&json).unwrap(), name);
        let key = RoomKey::new(TenantId::new(tenant).unwrap(), room);
        prop_assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn positions(position in position()) {
        prop_assert_eq!(position.to_string().parse(), Ok(position.clone()));
        let json = serde_json::to_string(&position).unwrap();
        prop_assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }

    #[test]
    fn records(header in header(), frame in vec(any::<u8>(), 0..200)) {
        let record = Record { header, frame: Bytes::from(frame) };
        prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn durable_frames(header in header(), at in position(), ts: u64, room in room(), data in value()) {
        let tail = frame::durable_tail(Event::NewMessage, &room, &data);
        let record = Unplaced { header, tail }.place(at.clone(), ts);
        prop_assert_eq!(record.header.position, Some(at.clone()));
        let frame: Value = serde_json::from_slice(&record.frame).unwrap();
        prop_assert_eq!(frame, json!({
            "seq": at.seq, "epoch": at.epoch, "ts": ts, "type": "new_message", "room": room,
            "data": data,
        }));
    }

    #[test]
    fn frames_of_clients((sent, action) in sent(), id in "\\PC{1,64}") {
        let mut sent = sent;
        sent["id"] = json!(id);
        let read = read_frame(sent.to_string().as_bytes(), MAX_DEPTH).unwrap();
        prop_assert_eq!(read.id.as_ref().map(|id| id.as_str()), Some(&*id));
        prop_assert_eq!(read.action, action);
    }

    #[test]
    fn published(rooms in vec(room_name(), 1..=100), data in option::of(value()), is_durable: bool) {
        let sent = json!({
            "rooms": rooms, "type": "order.paid", "data": data, "durable": is_durable,
        });
        let Value::Object(sent) = sent else { unreachable!("it was made one") };
        let data = data.filter(|data| !data.is_null()).unwrap_or_else(|| json!({}));
        let kind = "order.paid".into();
        prop_assert_eq!(Publish::read(sent).unwrap(), Publish { rooms, kind, data, is_durable });
    }
}
