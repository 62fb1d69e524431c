//! RFC 7692, 6 and 7.2: compressed messages.

use super::super::encode;
use super::client::{
    BINARY, CONTINUATION, FIN, MASK, PING, RSV1, TEXT, begun, deflated, frame, header, masked,
};
use super::*;

const TEXT_AGAIN_AND_AGAIN: &str = "again and again and again and again and again";

fn compressed(bytes: &[u8]) -> (Vec<Message>, Option<Violation>) {
    decoded_by(&mut Decoder::new(LIMIT, true), bytes)
}

#[test]
fn a_compressed_message_is_inflated() {
    let payload = deflated(TEXT_AGAIN_AND_AGAIN.as_bytes());
    let frame = masked(FIN | RSV1 | TEXT, MASK, &payload);
    let twice = [&*frame, &frame].concat();
    let expected = vec![text(TEXT_AGAIN_AND_AGAIN); 2];
    assert_eq!(compressed(&twice), (expected, None));
}

#[test]
fn a_compressed_message_may_have_fragments() {
    let payload = deflated(TEXT_AGAIN_AND_AGAIN.as_bytes());
    let (begin, end) = payload.split_at(payload.len() / 2);
    let parts = [
        masked(RSV1 | TEXT, MASK, begin),
        frame(PING, b""),
        frame(CONTINUATION, end),
    ];
    let expected = vec![Message::Ping(vec![]), text(TEXT_AGAIN_AND_AGAIN)];
    assert_eq!(compressed(&parts.concat()), (expected, None));
}

#[test]
fn a_message_need_not_be_compressed() {
    let expected = vec![text("plain"), Message::Binary];
    let bytes = [frame(TEXT, b"plain"), frame(BINARY, b"\xFF")].concat();
    assert_eq!(compressed(&bytes), (expected, None));
}

/// Its bytes are nobody's, so they are not inflated either.
#[test]
fn a_compressed_binary_message_is_one() {
    let bytes = masked(FIN | RSV1 | BINARY, MASK, &deflated(&[0xFF; 900]));
    assert_eq!(compressed(&bytes), (vec![Message::Binary], None));
}

#[test]
fn rsv1_means_nothing_where_compression_was_not_agreed_on() {
    for opcode in [TEXT, BINARY] {
        let bytes = masked(FIN | RSV1 | opcode, MASK, &deflated(b"text"));
        assert_eq!(violation(&bytes), Some(Violation::Protocol));
    }
}

#[test]
fn rsv1_stands_on_the_first_frame_only() {
    let payload = deflated(TEXT_AGAIN_AND_AGAIN.as_bytes());
    let (begin, end) = payload.split_at(payload.len() / 2);
    let end = masked(FIN | RSV1 | CONTINUATION, MASK, end);
    for begin in [masked(RSV1 | TEXT, MASK, begin), begun(TEXT, b"plain")] {
        let bytes = [begin, end.clone()].concat();
        assert_eq!(compressed(&bytes), (vec![], Some(Violation::Protocol)));
    }
}

#[test]
fn what_is_not_compressed_is_refused() {
    let bytes = masked(FIN | RSV1 | TEXT, MASK, b"\xFF\xFF\xFF\xFF");
    assert_eq!(compressed(&bytes), (vec![], Some(Violation::Protocol)));
}

#[test]
fn what_it_inflates_to_has_to_be_text() {
    let bytes = masked(FIN | RSV1 | TEXT, MASK, &deflated(b"\xC3\x28"));
    assert_eq!(compressed(&bytes), (vec![], Some(Violation::Utf8)));
}

#[test]
fn the_limit_is_one_of_what_it_inflates_to() {
    let expected = (vec![Message::Text("x".repeat(LIMIT))], None);
    assert_eq!(compressed(&repeated(LIMIT)), expected);
    // Not even its announcement is too large, only what it would become.
    let bomb = repeated(900_000);
    assert!(bomb.len() < LIMIT, "{}", bomb.len());
    for bytes in [repeated(LIMIT + 1), bomb] {
        assert_eq!(compressed(&bytes), (vec![], Some(Violation::TooLarge)));
    }
}

/// A compressed message that becomes `len` bytes.
fn repeated(len: usize) -> Vec<u8> {
    masked(FIN | RSV1 | TEXT, MASK, &deflated(&vec![b'x'; len]))
}

/// What cannot be compressed may grow a little, but not without end.
#[test]
fn compressed_bytes_have_a_limit_too() {
    let grown = LIMIT as u64 + LIMIT as u64 / 8 + 64;
    for (len, expected) in [(grown, None), (grown + 1, Some(Violation::TooLarge))] {
        let mut bytes = header(FIN | RSV1 | TEXT, len);
        bytes.extend(MASK);
        assert_eq!(compressed(&bytes), (vec![], expected));
    }
}

#[test]
fn what_the_server_deflates_is_inflated_again() {
    let text = TEXT_AGAIN_AND_AGAIN.repeat(20);
    let wire = encode::deflated(text.as_bytes()).expect("it pays");
    assert_eq!(
        wire[..2],
        [
            FIN | RSV1 | TEXT,
            u8::try_from(wire.len() - 2).expect("short")
        ]
    );
    let masked = masked(FIN | RSV1 | TEXT, MASK, &wire[2..]);
    assert_eq!(compressed(&masked), (vec![Message::Text(text)], None));
}
