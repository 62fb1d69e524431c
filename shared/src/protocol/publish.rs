//! What servers publish.

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::action::read_fields;
use super::error::{ErrorCode, ProtocolError, Scope};
use super::event::Event;
use crate::room::RoomName;

/// The most rooms that an event goes to at once.
pub const MAX_PUBLISH_ROOMS: usize = 100;

/// The most characters of an event's name.
const MAX_NAME: usize = 64;

/// What an EventSource means something else by, or a stream of ours: `fault` is how
/// `error` travels there.
const OF_STREAMS: [&str; 2] = ["fault", "open"];

/// The body of `POST /api/publish`, but for its `id`.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// Where the event goes, as the server named it: 1 to [`MAX_PUBLISH_ROOMS`].
    pub rooms: Vec<RoomName>,
    /// Its `type`, which is none of the protocol's own life cycle.
    pub kind: CompactString,
    /// Its `data`; an empty object where there is none.
    pub data: Value,
    /// Whether the rooms' logs keep it.
    pub is_durable: bool,
}

/// What is misspelt is refused: `"durabel": false` would be kept for days.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    rooms: Vec<RoomName>,
    r#type: CompactString,
    data: Option<Value>,
    durable: Option<bool>,
    /// Read before, and not there any more: so that it is named among those that may be.
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
}

impl Publish {
    /// Reads `fields` and checks their limits.
    ///
    /// # Errors
    /// `invalid_message`, naming the field.
    pub fn read(fields: Map<String, Value>) -> Result<Self, ProtocolError> {
        let fields: Fields = read_fields(fields)?;
        if fields.rooms.is_empty() {
            return Err(invalid("`rooms` is empty: name the rooms that it goes to."));
        }
        if fields.rooms.len() > MAX_PUBLISH_ROOMS {
            let content = format!("`rooms` names more than {MAX_PUBLISH_ROOMS}: publish in parts.");
            return Err(invalid(content).with_limit(Scope::Connection, MAX_PUBLISH_ROOMS as u64));
        }
        check_name(&fields.r#type)?;
        Ok(Self {
            is_durable: fields.durable.unwrap_or_else(|| is_kept(&fields.r#type)),
            rooms: fields.rooms,
            kind: fields.r#type,
            data: fields.data.unwrap_or_else(|| Value::Object(Map::new())),
        })
    }
}

/// Whether an event is kept of which nobody says: as the protocol has it, or, where it
/// is none of the protocol's, yes.
fn is_kept(kind: &str) -> bool {
    Event::named(kind).is_none_or(Event::is_durable)
}

/// Checks that servers may publish events called `name`: `[a-z][a-z0-9_.:-]{0,63}`, and
/// none that clients would take for Causerie's own.
///
/// # Errors
/// `invalid_message`.
fn check_name(name: &str) -> Result<(), ProtocolError> {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.:-".contains(&b);
    let begins_well = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if !begins_well || name.len() > MAX_NAME || !name.bytes().all(is_allowed) {
        return Err(invalid(
            "`type` is a lower-case letter and up to 63 more of a-z 0-9 _ . : -",
        ));
    }
    if Event::named(name).is_some_and(Event::is_of_life_cycle) || OF_STREAMS.contains(&name) {
        return Err(invalid(format!(
            "`type` is `{name}`, which only Causerie itself sends: call it otherwise."
        )));
    }
    Ok(())
}

fn invalid(content: impl Into<String>) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidMessage, content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut more: Value) -> Result<Publish, ProtocolError> {
        let mut fields = json!({"rooms": ["tenant"], "type": "price"});
        let fields = fields.as_object_mut().unwrap();
        fields.append(more.as_object_mut().unwrap());
        Publish::read(fields.clone())
    }

    #[test]
    fn what_is_left_out_goes_by_the_type() {
        for (kind, is_durable) in [
            ("price", true),
            ("broadcast_message", true),
            ("system_status_update", false),
        ] {
            let publish = read(json!({"type": kind})).unwrap();
            assert_eq!(publish.is_durable, is_durable, "{kind}");
            assert_eq!(publish.data, json!({}));
            for is_durable in [true, false] {
                let said = read(json!({"type": kind, "durable": is_durable}));
                assert_eq!(said.unwrap().is_durable, is_durable);
            }
        }
    }

    #[test]
    fn names_keep_to_their_alphabet_and_are_nobody_elses() {
        let longest = "x".repeat(64);
        for good in ["a", "order.paid", "a-b:c_d.9", "project_created", &longest] {
            assert!(read(json!({"type": good})).is_ok(), "{good}");
        }
        let too_long = "x".repeat(65);
        for bad in [
            "",
            "A",
            "9a",
            "_a",
            "a b",
            "ä",
            "a\n",
            &too_long,
            "message",
            "ready",
            "error",
            "user_joined",
            "ai_processing_start",
            "system",
            "fault",
            "open",
        ] {
            let error = read(json!({"type": bad})).unwrap_err();
            assert!(error.content.contains("`type`"), "{bad}: {error}");
        }
    }

    #[test]
    fn rooms_are_counted() {
        let rooms = |count: usize| json!({"rooms": vec!["project:p1"; count]});
        assert!(read(rooms(100)).is_ok());
        for (bad, says) in [
            (rooms(0), "`rooms` is empty"),
            (rooms(101), "more than 100"),
            (json!({"rooms": "tenant"}), "rooms"),
            (json!({"rooms": ["team:x"]}), "rooms"),
            (json!({"rooms": null}), "rooms"),
            (json!({"durable": "yes"}), "durable"),
            (json!({"durabel": false}), "durabel"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.content.contains(says), "{error}");
        }
    }
}
