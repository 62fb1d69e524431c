//! `docs/schema`: JSON Schema of what clients send and are sent.

use causerie_shared::position::Epoch;
use causerie_shared::protocol::action::{
    Authenticate, Cancel, ClientId, Delete, Read, SendMessage, SetStatus, Subscribe, Typing,
    Unsubscribe,
};
use causerie_shared::protocol::data::{
    AiProcessingEnd, AiProcessingError, AiProcessingStart, MessageDeleted, MessageDelta,
    MessageRead, MessageRestart, MessageSnapshot, NewMessage, Reply, TypingIndicator, UserJoined,
    UserLeft, UserStatusChanged, WarningIssued,
};
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame::{
    CancelAck, DeleteAck, EmptyAck, Ready, RoomAck, SendMessageAck, Subscribed,
};
use causerie_shared::room::Room;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{client_frames, file, server_frames};

/// Collects the frames of one direction.
struct Frames {
    generator: SchemaGenerator,
    frames: Vec<Value>,
}

impl Frames {
    /// `settings` tell whether types are seen from who reads or who writes them.
    fn new(settings: SchemaSettings) -> Self {
        Self {
            generator: settings.into_generator(),
            frames: Vec::new(),
        }
    }

    fn of<T: JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }

    /// A client's frame of one of these actions.
    fn action(&mut self, names: &[&str], data: Value, is_data_needed: bool) {
        let mut required = vec!["action"];
        required.extend(is_data_needed.then_some("data"));
        let properties = json!({
            "action": {"enum": names},
            "id": self.of::<ClientId>(),
            "traceparent": {"type": "string", "description": "W3C trace context."},
            "data": data,
        });
        self.add(names[0], &required, properties);
    }

    /// An event that the log keeps.
    fn durable<T: JsonSchema>(&mut self, event: Event) {
        assert!(event.is_durable());
        let properties = json!({
            "seq": {"type": "integer", "minimum": 1},
            "epoch": self.of::<Epoch>(),
            "ts": {"type": "integer", "description": "Milliseconds since 1970."},
            "type": {"const": event.name()},
            "room": self.of::<Room>(),
            "data": self.of::<T>(),
        });
        let required = ["seq", "epoch", "ts", "type", "room", "data"];
        self.add(event.name(), &required, properties);
    }

    /// An event that the log does not keep.
    fn transient<T: JsonSchema>(&mut self, event: Event) {
        assert!(!event.is_durable());
        let properties = json!({
            "ts": {"type": "integer", "description": "Milliseconds since 1970."},
            "type": {"const": event.name()},
            "room": self.of::<Room>(),
            "data": self.of::<T>(),
        });
        self.add(event.name(), &["ts", "type", "room", "data"], properties);
    }

    /// A frame whose members beside `type` are those of `T`.
    fn flat<T: JsonSchema>(&mut self, event: Event, with_id: bool) {
        let rest = self.of::<T>();
        let mut frame = json!({
            "title": event.name(),
            "type": "object",
            "properties": {"type": {"const": event.name()}},
            "required": ["type"],
            "allOf": [rest],
        });
        if with_id {
            frame["properties"]["id"] = self.of::<ClientId>();
        }
        self.frames.push(frame);
    }

    fn add(&mut self, title: &str, required: &[&str], properties: Value) {
        self.frames.push(json!({
            "title": title,
            "type": "object",
            "properties": properties,
            "required": required,
        }));
    }

    fn finish(mut self, title: &str, description: &str) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": title,
            "description": description,
            "oneOf": self.frames,
            "$defs": self.generator.take_definitions(true),
        })
    }
}

fn client_schema() -> Value {
    let mut frames = Frames::new(SchemaSettings::draft2020_12().for_deserialize());
    let data = frames.of::<SendMessage>();
    frames.action(&["sendMessage", "chat_message"], data, true);
    let data = frames.of::<Typing>();
    frames.action(&["typing"], data, true);
    let data = frames.of::<Cancel>();
    frames.action(&["cancel"], data, true);
    let data = frames.of::<Subscribe>();
    frames.action(&["subscribe", "join"], data, true);
    let data = frames.of::<Unsubscribe>();
    frames.action(&["unsubscribe", "leave"], data, true);
    let data = frames.of::<Read>();
    frames.action(&["read"], data, true);
    let data = frames.of::<Delete>();
    frames.action(&["delete"], data, true);
    let data = frames.of::<SetStatus>();
    frames.action(&["status"], data, true);
    let data = frames.of::<Authenticate>();
    frames.action(&["authenticate"], data, true);
    frames.action(&["ping"], json!(true), false);
    frames.finish(
        "Client frames of picasso-chat-v1",
        "What a client sends. The server also takes members of `data` beside `action`.",
    )
}

fn server_schema() -> Value {
    let mut frames = Frames::new(SchemaSettings::draft2020_12().for_serialize());
    let data = frames.of::<Ready>();
    let properties = json!({"type": {"const": "ready"}, "data": data});
    frames.add("ready", &["type", "data"], properties);
    frames.flat::<Subscribed>(Event::Subscribed, false);
    let properties = json!({"type": {"const": "unsubscribed"}, "room": frames.of::<Room>()});
    frames.add("unsubscribed", &["type", "room"], properties);
    let answers = [
        frames.of::<SendMessageAck>(),
        frames.of::<CancelAck>(),
        frames.of::<DeleteAck>(),
        frames.of::<RoomAck>(),
        frames.of::<EmptyAck>(),
    ];
    let properties = json!({
        "type": {"const": "ack"},
        "id": frames.of::<ClientId>(),
        "data": {
            "description": "What it tells depends on the action.",
            "anyOf": answers,
        },
    });
    frames.add("ack", &["type", "id", "data"], properties);
    let properties = json!({
        "action": {"const": "pong"},
        "type": {"const": "pong"},
        "id": frames.of::<ClientId>(),
        "server_time": {"type": "integer", "description": "Milliseconds since 1970."},
        "data": {"description": "What the ping's `data` was."},
    });
    frames.add("pong", &["action", "type", "server_time"], properties);
    frames.flat::<ProtocolError>(Event::Error, true);
    frames.durable::<NewMessage>(Event::NewMessage);
    frames.durable::<Reply>(Event::Message);
    frames.durable::<MessageDeleted>(Event::MessageDeleted);
    frames.transient::<MessageDelta>(Event::MessageDelta);
    frames.transient::<MessageSnapshot>(Event::MessageSnapshot);
    frames.transient::<MessageRestart>(Event::MessageRestart);
    frames.transient::<MessageRead>(Event::MessageRead);
    frames.transient::<TypingIndicator>(Event::TypingIndicator);
    frames.transient::<UserJoined>(Event::UserJoined);
    frames.transient::<UserLeft>(Event::UserLeft);
    frames.transient::<UserStatusChanged>(Event::UserStatusChanged);
    let data = frames.of::<WarningIssued>();
    let properties = json!({
        "ts": {"type": "integer", "description": "Milliseconds since 1970."},
        "type": {"const": "warning_issued"},
        "room": frames.of::<Room>(),
        "data": {
            "description": "Servers publish it too, with whatever they want.",
            "anyOf": [data, true],
        },
    });
    frames.add(
        "warning_issued",
        &["ts", "type", "room", "data"],
        properties,
    );
    frames.transient::<AiProcessingStart>(Event::AiProcessingStart);
    frames.transient::<AiProcessingEnd>(Event::AiProcessingEnd);
    frames.transient::<AiProcessingError>(Event::AiProcessingError);
    frames.finish(
        "Server frames of picasso-chat-v1",
        "What a client is sent. Types and members that are not listed are to be ignored.",
    )
}

#[test]
fn schemas_are_current() {
    let pretty = |schema: Value| file::line(&serde_json::to_vec_pretty(&schema).unwrap());
    let files = [
        ("client-frames.json", pretty(client_schema())),
        ("server-frames.json", pretty(server_schema())),
    ];
    file::check("docs/schema", &files);
}

#[test]
fn every_golden_frame_fits_its_schema() {
    let client = jsonschema::validator_for(&client_schema()).unwrap();
    for (name, frame) in client_frames::golden() {
        let frame = serde_json::from_str(frame).unwrap();
        // The one form that the schema leaves to its description.
        if name != "fields_beside_the_action.json" {
            client
                .validate(&frame)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
    let server = jsonschema::validator_for(&server_schema()).unwrap();
    for (name, frame) in server_frames::golden() {
        let frame = serde_json::from_slice(&frame).unwrap();
        server
            .validate(&frame)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

#[test]
fn what_is_wrong_does_not_fit() {
    let client = jsonschema::validator_for(&client_schema()).unwrap();
    for wrong in [
        json!({"action": "dance", "data": {}}),
        json!({"action": "sendMessage", "data": {}}),
        json!({"action": "sendMessage", "data": {"user_input": 7}}),
        json!({"action": "sendMessage", "id": "", "data": {"user_input": "x"}}),
        json!({"action": "cancel", "data": {"message_id": "a b"}}),
        json!({"action": "subscribe", "data": {"room": "kitchen"}}),
    ] {
        assert!(!client.is_valid(&wrong), "{wrong}");
    }
    let server = jsonschema::validator_for(&server_schema()).unwrap();
    for wrong in [
        json!({"type": "ready"}),
        json!({"type": "error", "code": "rude", "content": "", "canRetry": true, "fatal": false}),
        json!({"seq": 0, "epoch": "k3f9a2bd", "ts": 1, "type": "message", "room": "tenant", "data": {}}),
    ] {
        assert!(!server.is_valid(&wrong), "{wrong}");
    }
}

/// Every frame that the schema lists has its golden one.
#[test]
fn every_frame_of_the_schema_has_a_golden_one() {
    let golden: Vec<Value> = server_frames::golden()
        .iter()
        .map(|(_, frame)| serde_json::from_slice::<Value>(frame).unwrap()["type"].take())
        .collect();
    for frame in server_schema()["oneOf"].as_array().unwrap() {
        assert!(golden.contains(&frame["title"]), "{}", frame["title"]);
    }
}
