//! The Pusher protocol (version 7), which Sockudo speaks.

use std::fmt::Write;

use aws_lc_rs::hmac;
use serde::Deserialize;

use super::{Dialect, Heard, Opening, Who};
use crate::load::frame;
use crate::load::payload::Stamp;

/// The app of `loadtest/peers/sockudo/config.toml`.
const KEY: &str = "causerie-key";
const SECRET: &str = "causerie-secret";

/// How Sockudo is spoken to. A room is a private channel, which a client comes
/// into with a signature of the app's server; only there may clients speak. The
/// sender does not hear what it says.
#[derive(Debug, Clone)]
pub struct Pusher {
    secret: hmac::Key,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    /// JSON in a string, mostly.
    #[serde(default)]
    data: serde_json::Value,
}

#[derive(Deserialize)]
struct Established {
    socket_id: String,
}

impl Default for Pusher {
    fn default() -> Self {
        Self {
            secret: hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()),
        }
    }
}

impl Pusher {
    /// The signature by which a connection may come into a channel.
    fn auth(&self, socket_id: &str, channel: &str) -> String {
        let signed = format!("{socket_id}:{channel}");
        let tag = hmac::sign(&self.secret, signed.as_bytes());
        let mut auth = format!("{KEY}:");
        for byte in tag.as_ref() {
            // Writing to a string never fails.
            let _ = write!(auth, "{byte:02x}");
        }
        auth
    }

    fn subscribe(&self, socket_id: &str, room: &str, out: &mut Vec<u8>) {
        let channel = channel(room);
        let auth = self.auth(socket_id, &channel);
        let json = format!(
            r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}","auth":"{auth}"}}}}"#
        );
        frame::write_text(json.as_bytes(), out);
    }
}

impl Dialect for Pusher {
    fn opening(&self, _who: &Who) -> Opening {
        Opening {
            path: "/app/causerie-key",
            query: "protocol=7&client=causerie-loadtest&version=1".to_owned(),
            headers: String::new(),
        }
    }

    /// One for the connection.
    fn joins(&self, who: &Who) -> usize {
        1 + who.rooms.len()
    }

    fn on_text<'a>(&self, who: &Who, text: &'a [u8], out: &mut Vec<u8>) -> Heard<'a> {
        // Not parsed: there are many of them.
        if let Some(stamp) = Stamp::find(text) {
            return Heard::Message(stamp);
        }
        let Ok(Event { event, data }) = serde_json::from_slice(text) else {
            return Heard::Nothing;
        };
        match event.as_str() {
            "pusher:connection_established" => {
                let data = data.as_str().unwrap_or_default();
                let Ok(Established { socket_id }) = serde_json::from_str(data) else {
                    return Heard::Refused("connection_established without socket_id");
                };
                for room in &who.rooms {
                    self.subscribe(&socket_id, room, out);
                }
                Heard::Joined
            }
            "pusher_internal:subscription_succeeded" => Heard::Joined,
            "pusher:ping" => {
                frame::write_text(br#"{"event":"pusher:pong","data":{}}"#, out);
                Heard::Nothing
            }
            "pusher:error" | "pusher:subscription_error" => Heard::Refused("pusher:error"),
            _ => Heard::Nothing,
        }
    }

    fn publish(&self, room: &str, _number: u32, text: &str, out: &mut Vec<u8>) {
        let channel = channel(room);
        let json = format!(r#"{{"event":"client-say","channel":"{channel}","data":"{text}"}}"#);
        frame::write_text(json.as_bytes(), out);
    }
}

fn channel(room: &str) -> String {
    format!("private-{room}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Who {
        Who {
            user: "u1".to_owned(),
            rooms: vec!["r1".into()],
        }
    }

    #[test]
    fn a_connection_comes_into_its_rooms() {
        let mut out = Vec::new();
        let text = br#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":120}"}"#;
        let heard = Pusher::default().on_text(&who(), text, &mut out);
        assert_eq!(heard, Heard::Joined);
        let said = String::from_utf8_lossy(&out);
        // As OpenSSL signs "1.2:private-r1".
        let auth = "causerie-key:98a5d48dafb05af55291eac703dc528b85e00c7aa5a7a321ab292bd860dddccf";
        assert!(said.contains(auth), "{said}");
        assert!(said.contains(r#""channel":"private-r1""#), "{said}");
    }

    #[test]
    fn messages_pings_and_errors_are_told_apart() {
        let of = |text: &str| {
            let mut out = Vec::new();
            let heard = Pusher::default().on_text(&who(), text.as_bytes(), &mut out);
            (format!("{heard:?}"), !out.is_empty())
        };
        let said = r#"{"event":"client-say","channel":"private-r1","data":"load:1:2:3:4:It was"}"#;
        let message = "Message(Stamp { sender: 1, number: 2, sent: 3, room: 4 })";
        assert_eq!(of(said), (message.to_owned(), false));
        assert_eq!(
            of(r#"{"event":"pusher:ping","data":{}}"#),
            ("Nothing".to_owned(), true)
        );
        let error = r#"{"event":"pusher:error","data":{"code":4301,"message":"too fast"}}"#;
        assert_eq!(of(error), (r#"Refused("pusher:error")"#.to_owned(), false));
        let joined = r#"{"event":"pusher_internal:subscription_succeeded","channel":"private-r1","data":"{}"}"#;
        assert_eq!(of(joined), ("Joined".to_owned(), false));
    }
}
