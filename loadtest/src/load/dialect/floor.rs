//! How the floors are spoken to: `bare-send` and `bare-relay`, of `loadtest/limits`.

use super::{Dialect, Heard, Opening, Who};
use crate::load::frame;
use crate::load::payload::Stamp;

/// How a floor is spoken to. It sends on what it is sent, so that is all that
/// Causerie would make of the message, byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct Floor;

impl Dialect for Floor {
    fn opening(&self, who: &Who) -> Opening {
        let rooms: Vec<String> = who
            .rooms
            .iter()
            .map(|room| format!("room={room}"))
            .collect();
        Opening {
            path: "/",
            query: rooms.join("&"),
            headers: String::new(),
        }
    }

    fn joins(&self, who: &Who) -> usize {
        who.rooms.len()
    }

    fn on_text<'a>(&self, _who: &Who, text: &'a [u8], _out: &mut Vec<u8>) -> Heard<'a> {
        if text == b"joined" {
            return Heard::Joined;
        }
        Stamp::find(text).map_or(Heard::Nothing, Heard::Message)
    }

    fn publish(&self, room: &str, number: u32, text: &str, out: &mut Vec<u8>) {
        let message = format!(
            concat!(
                "{room}\n",
                r#"{{"seq":{number},"epoch":"k3f9a2bd","ts":1693234567890,"type":"new_message","#,
                r#""room":"project:{room}","data":{{"message_id":"1f-{number:032}","#,
                r#""session_id":"default","user_id":"u-{number:06}","role":"user","#,
                r#""content":"{text}","metadata":{{}}}}}}"#
            ),
            room = room,
            number = number,
            text = text,
        );
        frame::write_text(message.as_bytes(), out);
    }
}

#[cfg(test)]
mod tests {
    use memchr::memmem;

    use super::*;

    #[test]
    fn the_room_stands_on_a_line_of_its_own() {
        let stamp = Stamp {
            sender: 1,
            number: 2,
            sent: 3,
        };
        let (mut text, mut out) = (String::new(), Vec::new());
        stamp.write(128, &mut text);
        Floor.publish("r1", 2, &text, &mut out);
        let line = memmem::find(&out, b"r1\n").expect("the room");
        let json: serde_json::Value = serde_json::from_slice(&out[line + 3..]).expect("JSON");
        assert_eq!(json["data"]["content"], text.as_str());
        assert_eq!(json["type"], "new_message");
        let heard = Floor.on_text(
            &Who {
                user: "u".into(),
                rooms: Vec::new(),
            },
            &out[line + 3..],
            &mut Vec::new(),
        );
        assert_eq!(heard, Heard::Message(stamp));
    }
}
