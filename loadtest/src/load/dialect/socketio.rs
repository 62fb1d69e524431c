//! Socket.IO 4 (protocol 5, over Engine.IO 4), as `loadtest/peers/socketio` serves it.

use super::{Dialect, Heard, Opening, Who};
use crate::load::frame;
use crate::load::payload::Stamp;

/// How Socket.IO is spoken to: nobody has to say who he is, and the sender does
/// not hear what it says.
#[derive(Debug, Clone, Copy)]
pub struct SocketIo;

impl Dialect for SocketIo {
    fn opening(&self, _who: &Who) -> Opening {
        Opening {
            path: "/socket.io/",
            query: "EIO=4&transport=websocket".to_owned(),
            headers: String::new(),
        }
    }

    /// One for the connection, which must stand before anything is said.
    fn joins(&self, who: &Who) -> usize {
        1 + who.rooms.len()
    }

    fn on_text<'a>(&self, who: &Who, text: &'a [u8], out: &mut Vec<u8>) -> Heard<'a> {
        match text {
            // Engine.IO: opened, ping.
            [b'0', ..] => frame::write_text(b"40", out),
            [b'2'] => frame::write_text(b"3", out),
            // Socket.IO within messages: connected, event, acknowledged, refused.
            [b'4', b'0', ..] => {
                for (id, room) in who.rooms.iter().enumerate() {
                    let join = format!(r#"42{id}["join","{room}"]"#);
                    frame::write_text(join.as_bytes(), out);
                }
                return Heard::Joined;
            }
            [b'4', b'2', event @ ..] => {
                return Stamp::find(event).map_or(Heard::Nothing, Heard::Message);
            }
            [b'4', b'3', ..] => return Heard::Joined,
            [b'4', b'1', ..] => return Heard::Refused("disconnect"),
            [b'4', b'4', ..] => return Heard::Refused("connect_error"),
            _ => {}
        }
        Heard::Nothing
    }

    fn publish(&self, room: &str, _number: u32, text: &str, out: &mut Vec<u8>) {
        let event = format!(r#"42["say","{room}","{text}"]"#);
        frame::write_text(event.as_bytes(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_answered() {
        let who = Who {
            user: "u1".to_owned(),
            rooms: vec!["r1".into()],
        };
        let answer = |text: &str| {
            let mut out = Vec::new();
            let heard = format!("{:?}", SocketIo.on_text(&who, text.as_bytes(), &mut out));
            (
                heard,
                String::from_utf8_lossy(out.get(6..).unwrap_or_default()).into_owned(),
            )
        };
        let of = |heard: &str, said: &str| (heard.to_owned(), said.to_owned());
        assert_eq!(answer(r#"0{"sid":"x"}"#), of("Nothing", "40"));
        assert_eq!(answer("2"), of("Nothing", "3"));
        assert_eq!(
            answer(r#"40{"sid":"x"}"#),
            of("Joined", r#"420["join","r1"]"#)
        );
        assert_eq!(answer("430[]"), of("Joined", ""));
        assert_eq!(
            answer(r#"44{"message":"no"}"#),
            of(r#"Refused("connect_error")"#, "")
        );
        let said = answer(r#"42["said","load:1:2:3:4:It was"]"#).0;
        assert_eq!(
            said,
            "Message(Stamp { sender: 1, number: 2, sent: 3, room: 4 })"
        );
    }
}
