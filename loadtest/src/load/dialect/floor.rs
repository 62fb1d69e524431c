//! How the floors are spoken to: `bare-send` and `bare-relay`, of `loadtest/limits`.

use super::{Dialect, Heard, Opening, Who};
use crate::load::frame;
use crate::load::payload::Stamp;

/// How a floor is spoken to. It sends on what it is sent, so that is all that
/// Causerie would make of the message: the same members, and as many bytes.
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
                r#"{{"seq":{number},"epoch":"8lrhqp0ve7oo","ts":1795265739186,"#,
                r#""type":"new_message","room":"project:{room}","#,
                r#""data":{{"message_id":"3d-{number:032}","session_id":"{number:032}","#,
                r#""user_id":"{room}-0","role":"user","content":"{text}","metadata":{{}}}}}}"#
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

    /// As a gateway sent it.
    const OF_CAUSERIE: &str = r#"{"seq":1,"epoch":"8lrhqp0ve7oo","ts":1795265739186,"type":"new_message","room":"project:load-ab12cd","data":{"message_id":"3d-01a1fe2d39b175c59b06fa23d69a968c","session_id":"01a1fe2d39b175c59b06fa257b29c07b","user_id":"load-ab12cd-0","role":"user","content":"load:1:2:3:4:It was","metadata":{}}}"#;

    #[test]
    fn its_frame_is_as_long_as_causeries() {
        let mut out = Vec::new();
        Floor.publish("load-ab12cd", 1, "load:1:2:3:4:It was", &mut out);
        let room = b"load-ab12cd\n";
        let begin = memmem::find(&out, room).expect("the room") + room.len();
        let frame = &out[begin..];
        assert_eq!(frame.len(), OF_CAUSERIE.len());
        let members = |frame: &[u8]| {
            let json: serde_json::Value = serde_json::from_slice(frame).expect("JSON");
            let data = json["data"].as_object().expect("data");
            let names = json.as_object().into_iter().flat_map(|json| json.keys());
            let names: Vec<_> = names.chain(data.keys()).cloned().collect();
            (names, json["type"].clone(), data["content"].clone())
        };
        assert_eq!(members(frame), members(OF_CAUSERIE.as_bytes()));
        let who = Who {
            user: "u1".to_owned(),
            rooms: Vec::new(),
        };
        let stamp = Stamp {
            sender: 1,
            number: 2,
            sent: 3,
            room: 4,
        };
        let heard = Floor.on_text(&who, frame, &mut Vec::new());
        assert_eq!(heard, Heard::Message(stamp));
    }
}
