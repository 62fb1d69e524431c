//! Each rule of the RFCs, from the bytes that keep or break it.

mod client;
mod compression;
mod control;
mod framing;
mod limits;
mod round_trips;
mod text;

use super::{Decoder, Message, Violation};

const LIMIT: usize = 1_000;

/// All that `bytes` are to a fresh decoder without compression: the messages,
/// and how it ends where they break a rule.
fn decoded(bytes: &[u8]) -> (Vec<Message>, Option<Violation>) {
    decoded_by(&mut Decoder::new(LIMIT, false), bytes)
}

fn decoded_by(decoder: &mut Decoder, mut bytes: &[u8]) -> (Vec<Message>, Option<Violation>) {
    let mut messages = Vec::new();
    loop {
        match decoder.decode(&mut bytes) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) if bytes.is_empty() => return (messages, None),
            Ok(None) => {}
            Err(violation) => return (messages, Some(violation)),
        }
    }
}

/// The one message in `bytes`.
fn message(bytes: &[u8]) -> Message {
    let (messages, violation) = decoded(bytes);
    assert_eq!(violation, None);
    let [message] = <[_; 1]>::try_from(messages).expect("one message");
    message
}

/// How `bytes` break a rule, with no message before.
fn violation(bytes: &[u8]) -> Option<Violation> {
    let (messages, violation) = decoded(bytes);
    assert_eq!(messages, []);
    violation
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}
