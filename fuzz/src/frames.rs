//! The frame decoder. An input is one byte, whether compression was agreed on and how
//! the network cuts the rest, and what the client sends.

use causerie_gateway::websocket::codec::{Decoder, Message, Violation};

use super::Reach;

/// What some input of the corpus comes to.
pub const REACHES: &[&str] = &[
    "binary",
    "close",
    "close with a code",
    "compressed",
    "no protocol",
    "no text",
    "ping",
    "pong",
    "text",
    "too large",
];

/// Small, so that inputs reach it.
const MAX_MESSAGE_BYTES: usize = 1_000;

/// What comes of it does not depend on how it is read.
pub fn run(input: &[u8], reach: Reach<'_>) {
    let Some((first, wire)) = input.split_first() else {
        return;
    };
    let is_deflated = first & 1 == 1;
    let read_at_once = usize::from(first >> 1).max(1);
    let (messages, violation) = decoded(is_deflated, wire, wire.len().max(1));
    let cut_up = decoded(is_deflated, wire, read_at_once);
    assert_eq!(
        cut_up,
        (messages.clone(), violation),
        "{read_at_once} at once"
    );

    for message in &messages {
        reach(match message {
            Message::Text(text) => {
                assert!(text.len() <= MAX_MESSAGE_BYTES);
                "text"
            }
            Message::Binary => "binary",
            Message::Ping(payload) => {
                assert!(payload.len() <= 125);
                "ping"
            }
            Message::Pong => "pong",
            Message::Close(None) => "close",
            Message::Close(Some(_)) => "close with a code",
        });
    }
    if let Some(violation) = violation {
        reach(match violation {
            Violation::Protocol => "no protocol",
            Violation::Utf8 => "no text",
            Violation::TooLarge => "too large",
        });
    }
    if is_deflated && decoded(false, wire, wire.len().max(1)).0.len() < messages.len() {
        reach("compressed");
    }
}

/// The messages up to a close or a violation, as a connection takes them.
fn decoded(is_deflated: bool, wire: &[u8], at_once: usize) -> (Vec<Message>, Option<Violation>) {
    let mut decoder = Decoder::new(MAX_MESSAGE_BYTES, is_deflated);
    let mut messages = Vec::new();
    for mut read in wire.chunks(at_once) {
        loop {
            match decoder.decode(&mut read) {
                Ok(Some(message)) => {
                    let is_last = matches!(message, Message::Close(_));
                    messages.push(message);
                    if is_last {
                        return (messages, None);
                    }
                }
                Ok(None) if read.is_empty() => break,
                Ok(None) => {}
                Err(violation) => return (messages, Some(violation)),
            }
        }
    }
    (messages, None)
}
