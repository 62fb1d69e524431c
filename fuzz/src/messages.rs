//! Everything that comes as JSON: the frames of clients (`f` before it), what servers
//! publish (`p`), and messages over HTTP (`m`).

use causerie_shared::protocol::action::{self, Action, ClientFrame, SendMessage};
use causerie_shared::protocol::error::ProtocolError;
use causerie_shared::protocol::event::Event;
use causerie_shared::protocol::frame;
use causerie_shared::protocol::publish::{MAX_PUBLISH_ROOMS, Publish};
use causerie_shared::protocol::{MAX_CLIENT_ID_CHARS, MAX_USER_INPUT};
use causerie_shared::room::Room;
use serde_json::{Value, json};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "authenticate",
    "cancel",
    "delete",
    "message over HTTP",
    "ping",
    "publish",
    "read",
    "refused",
    "sendMessage",
    "status",
    "subscribe",
    "subscribe with a position",
    "typing",
    "unsubscribe",
];

/// As `websocket.max_depth` has it.
const MAX_DEPTH: usize = 32;

/// What is understood keeps to its limits, and every answer is JSON.
pub fn run(input: &[u8], reach: Reach<'_>) {
    match input.split_first() {
        Some((b'f', json)) => client_frame(json, reach),
        Some((b'p', json)) => publish(json, reach),
        Some((b'm', json)) => message(json, reach),
        None | Some(_) => {}
    }
}

fn client_frame(json: &[u8], reach: Reach<'_>) {
    let ClientFrame { id, action, .. } = match action::read_frame(json, MAX_DEPTH) {
        Ok(frame) => frame,
        Err(rejected) => {
            let answer = read(&frame::error(rejected.id.as_ref(), &rejected.error));
            assert_eq!(answer["type"], "error");
            return reach("refused");
        }
    };
    if let Some(id) = &id {
        assert!((1..=MAX_CLIENT_ID_CHARS).contains(&id.as_str().chars().count()));
        assert_eq!(read(&frame::ack(id, json!({})))["id"], id.as_str());
    }
    reach(match action {
        Action::SendMessage(message) => {
            hold_to_limits(&message);
            "sendMessage"
        }
        Action::Typing(_) => "typing",
        Action::Read(_) => "read",
        Action::Cancel(_) => "cancel",
        Action::Delete(_) => "delete",
        Action::Subscribe(subscribe) => match subscribe.position() {
            Some(position) => {
                assert_eq!(position.to_string().parse(), Ok(position));
                "subscribe with a position"
            }
            None => "subscribe",
        },
        Action::Unsubscribe(_) => "unsubscribe",
        Action::Status(_) => "status",
        Action::Authenticate(_) => "authenticate",
        Action::Ping(data) => {
            let pong = read(&frame::pong(id.as_ref(), 1, data.as_ref()));
            assert_eq!(pong["type"], "pong");
            "ping"
        }
    });
}

fn message(json: &[u8], reach: Reach<'_>) {
    match action::read_object(json, MAX_DEPTH).and_then(SendMessage::read) {
        Ok(message) => {
            hold_to_limits(&message);
            reach("message over HTTP");
        }
        Err(error) => refused(&error, reach),
    }
}

fn publish(json: &[u8], reach: Reach<'_>) {
    match action::read_object(json, MAX_DEPTH).and_then(Publish::read) {
        Ok(publish) => {
            assert!((1..=MAX_PUBLISH_ROOMS).contains(&publish.rooms.len()));
            let event = Event::named(&publish.kind);
            assert!(event.is_none_or(|event| !event.is_of_life_cycle()));
            let frame = read(&frame::transient_named(
                &publish.kind,
                &Room::Tenant,
                1,
                &publish.data,
            ));
            assert_eq!(frame["type"], publish.kind.as_str());
            reach("publish");
        }
        Err(error) => refused(&error, reach),
    }
}

fn hold_to_limits(message: &SendMessage) {
    assert!((1..=MAX_USER_INPUT).contains(&message.user_input.len()));
    let said = json!({"content": message.user_input, "metadata": message.metadata});
    let tail = frame::durable_tail(Event::NewMessage, &Room::Tenant, &said);
    let position = "k3f9a2bd:41".parse().expect("a position");
    let frame = read(&frame::durable(&position, 1, &tail));
    assert_eq!(frame["data"]["content"], message.user_input);
    assert_eq!(
        (&frame["seq"], &frame["type"]),
        (&json!(41), &json!("new_message"))
    );
}

fn refused(error: &ProtocolError, reach: Reach<'_>) {
    assert_eq!(read(&frame::error(None, error))["type"], "error");
    reach("refused");
}

fn read(json: &[u8]) -> Value {
    assert!(
        !json.contains(&b'\n'),
        "a line break would end it on an event stream"
    );
    serde_json::from_slice(json).expect("what is sent is JSON")
}
