//! Causerie's own protocol, see `docs/protocol.md`.

use std::time::Duration;

use causerie_testkit::token::Token;
use memchr::memmem;

use super::{Delta, Dialect, Heard, Opening, Reply, Who};
use crate::load::frame;
use crate::load::payload::Stamp;

/// Longer than any run.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The rooms that everybody is in: `tenant` and `user:me`.
const EVERYBODYS_ROOMS: usize = 2;

/// How Causerie is spoken to. A room is a project that the token allows; each
/// client is in its own room and the tenant's as well.
#[derive(Debug, Clone)]
pub struct Causerie {
    /// The id of the tenant whom all users belong to.
    pub tenant: String,
    /// The secret that the servers verify its tokens with (HS256).
    pub jwt_secret: String,
}

impl Causerie {
    fn token(&self, who: &Who) -> String {
        let token = Token::of(&self.tenant, &who.user).valid_for(TOKEN_LIFE);
        let rooms = who.rooms.iter();
        rooms
            .fold(token, |token, room| token.project(room))
            .sign(&self.jwt_secret)
    }
}

impl Causerie {
    /// The request with which `who` comes in, to these rooms; they may be with
    /// positions.
    pub fn opening_of(&self, who: &Who, rooms: impl IntoIterator<Item = String>) -> Opening {
        let mut query = format!("token={}", self.token(who));
        for room in rooms {
            query.push_str("&room=");
            query.push_str(&room);
        }
        Opening {
            path: "/ws",
            query,
            headers: "Sec-WebSocket-Protocol: picasso-chat-v1\r\n".to_owned(),
        }
    }
}

impl Dialect for Causerie {
    fn opening(&self, who: &Who) -> Opening {
        self.opening_of(who, who.rooms.iter().map(|room| name_of(room)))
    }

    fn joins(&self, who: &Who) -> usize {
        who.rooms.len() + EVERYBODYS_ROOMS
    }

    fn on_text<'a>(&self, _who: &Who, text: &'a [u8], _out: &mut Vec<u8>) -> Heard<'a> {
        heard(text).unwrap_or(Heard::Nothing)
    }

    fn publish(&self, room: &str, number: u32, text: &str, out: &mut Vec<u8>) {
        let json = format!(
            r#"{{"action":"sendMessage","id":"{number}","data":{{"user_input":"{text}","room":"project:{room}","ai":false}}}}"#
        );
        frame::write_text(json.as_bytes(), out);
    }

    fn acknowledges(&self) -> bool {
        true
    }
}

/// What a room is called on the wire.
pub fn name_of(room: &str) -> String {
    format!("project:{room}")
}

/// Appends the question `id`, in the asker's own room and session.
pub fn ask(id: u32, question: &str, out: &mut Vec<u8>) {
    let json = format!(
        r#"{{"action":"sendMessage","id":"q{id}","data":{{"user_input":"{question}","session_id":"load"}}}}"#
    );
    frame::write_text(json.as_bytes(), out);
}

/// Appends that its user types in `room`.
pub fn type_in(room: &str, out: &mut Vec<u8>) {
    let json =
        format!(r#"{{"action":"typing","data":{{"is_typing":true,"room":"project:{room}"}}}}"#);
    frame::write_text(json.as_bytes(), out);
}

/// Frames are not parsed: the type stands before all that people write, so its
/// first mention is the one that counts.
fn heard(json: &[u8]) -> Option<Heard<'_>> {
    let (kind, rest) = text_after(json, r#""type":""#)?;
    Some(match kind {
        "new_message" => Heard::Message(Stamp::find(rest)?),
        "subscribed" => Heard::Joined,
        // That of a question has another id than a number.
        "ack" => Heard::Accepted(text_after(rest, r#""id":""#)?.0.parse().ok()?),
        "error" => Heard::Refused(text_after(rest, r#""code":""#)?.0),
        "message_delta" => Heard::Delta(delta(rest, false)?),
        "message_snapshot" => Heard::Delta(delta(rest, true)?),
        "message" => Heard::Reply(Reply {
            words: words(text_after(rest, r#""content":""#)?.0),
            is_whole: memmem::find(rest, br#""finish_reason":"stop""#).is_some(),
        }),
        _ => return None,
    })
}

fn delta(json: &[u8], is_snapshot: bool) -> Option<Delta> {
    let begin = memmem::find(json, br#""index":"#)? + r#""index":"#.len();
    let index = json.get(begin..)?.split(|byte| *byte == b',').next()?;
    Some(Delta {
        index: std::str::from_utf8(index).ok()?.parse().ok()?,
        words: words(text_after(json, r#""text":""#)?.0),
        is_snapshot,
    })
}

/// What stands between `key` and the next quote, and what follows. Nothing that
/// is looked at has a quote within.
fn text_after<'a>(json: &'a [u8], key: &str) -> Option<(&'a str, &'a [u8])> {
    let begin = memmem::find(json, key.as_bytes())? + key.len();
    let rest = json.get(begin..)?;
    let (text, rest) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn words(text: &str) -> u32 {
    u32::try_from(text.split_ascii_whitespace().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(frame: &str) -> Heard<'_> {
        heard(frame.as_bytes()).unwrap_or(Heard::Nothing)
    }

    #[test]
    fn what_is_measured_is_heard() {
        assert_eq!(
            of(
                r#"{"type":"subscribed","room":"project:p1","epoch":"k3f9a2bd","seq":41,"recovered":true}"#
            ),
            Heard::Joined
        );
        assert_eq!(
            of(
                r#"{"seq":7,"epoch":"k3f9a2bd","ts":1,"type":"new_message","room":"project:p1","data":{"message_id":"1f-x","content":"load:1:2:3:4:It was"}}"#
            ),
            Heard::Message(Stamp {
                sender: 1,
                number: 2,
                sent: 3,
                room: 4
            })
        );
        assert_eq!(
            of(r#"{"type":"ack","id":"17","data":{"message_id":"1f-x","seq":3}}"#),
            Heard::Accepted(17)
        );
        assert_eq!(
            of(r#"{"type":"error","id":"17","code":"overloaded","content":"…"}"#),
            Heard::Refused("overloaded")
        );
        assert_eq!(
            of(
                r#"{"ts":1,"type":"message_delta","room":"user:u1","data":{"message_id":"m","session_id":"s","attempt":1,"index":4,"text":"two words "}}"#
            ),
            Heard::Delta(Delta {
                index: 4,
                words: 2,
                is_snapshot: false
            })
        );
        assert_eq!(
            of(
                r#"{"seq":7,"epoch":"k","ts":1,"type":"message","room":"user:u1","data":{"message_id":"m","content":"You said: so","finish_reason":"stop"}}"#
            ),
            Heard::Reply(Reply {
                words: 3,
                is_whole: true
            })
        );
    }

    #[test]
    fn the_rest_is_nothing() {
        for frame in [
            r#"{"type":"ready","data":{"connection_id":"c"}}"#,
            r#"{"ts":1,"type":"typing_indicator","room":"project:p1","data":{"user_id":"u"}}"#,
            r#"{"type":"ack","id":"q1","data":{}}"#,
            r#"{"seq":1,"epoch":"k","ts":1,"type":"new_message","data":{"content":"hello"}}"#,
            "",
        ] {
            assert_eq!(of(frame), Heard::Nothing, "{frame}");
        }
    }
}
