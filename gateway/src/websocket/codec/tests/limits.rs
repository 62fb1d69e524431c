//! What a client may cost.

use super::client::{BINARY, CONTINUATION, FIN, TEXT, begun, frame, header};
use super::*;

#[test]
fn an_idle_decoder_is_two_words() {
    assert_eq!(size_of::<Decoder>(), 16);
}

#[test]
fn a_message_may_have_all_of_the_limit() {
    let whole = [b'x'; LIMIT];
    let expected = Message::Text("x".repeat(LIMIT));
    assert_eq!(message(&frame(TEXT, &whole)), expected);
    let (begin, end) = whole.split_at(600);
    let parts = [
        begun(TEXT, begin),
        begun(CONTINUATION, end),
        frame(CONTINUATION, b""),
    ];
    assert_eq!(message(&parts.concat()), expected);
}

#[test]
fn what_is_announced_beyond_the_limit_is_refused_at_once() {
    for len in [LIMIT as u64 + 1, (1 << 63) - 1] {
        for opcode in [TEXT, BINARY] {
            let mut bytes = header(FIN | opcode, len);
            bytes.extend([0; 4]);
            assert_eq!(violation(&bytes), Some(Violation::TooLarge), "{len}");
        }
    }
    let mut parts = begun(TEXT, &[b'x'; 600]);
    parts.extend(header(FIN | CONTINUATION, 401));
    parts.extend([0; 4]);
    assert_eq!(violation(&parts), Some(Violation::TooLarge));
}

#[test]
fn nothing_is_held_that_has_not_come() {
    let mut decoder = Decoder::new(16 << 20, false);
    let mut bytes = header(FIN | TEXT, 16 << 20);
    bytes.extend([0; 4]);
    bytes.extend([b'x'; 100]);
    assert_eq!(decoded_by(&mut decoder, &bytes), (vec![], None));
    assert!(decoder.held_bytes() < 256, "{}", decoder.held_bytes());
}

#[test]
fn binary_bytes_are_not_held() {
    let mut decoder = Decoder::new(LIMIT, false);
    let bytes = begun(BINARY, &[1; LIMIT]);
    assert_eq!(decoded_by(&mut decoder, &bytes), (vec![], None));
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn what_was_held_is_given_back() {
    let mut decoder = Decoder::new(LIMIT, false);
    let bytes = frame(TEXT, &[b'x'; LIMIT]);
    let (begin, end) = bytes.split_at(900);
    decoded_by(&mut decoder, begin);
    assert!(decoder.held_bytes() > 800);
    decoded_by(&mut decoder, end);
    assert!(decoder.is_idle());
}

#[test]
fn a_flood_of_empty_fragments_ends() {
    let mut decoder = Decoder::new(LIMIT, false);
    decoded_by(&mut decoder, &begun(TEXT, b"x"));
    let empty = begun(CONTINUATION, b"");
    for _ in 0..LIMIT {
        assert_eq!(decoded_by(&mut decoder, &empty), (vec![], None));
    }
    let refused = (vec![], Some(Violation::TooLarge));
    assert_eq!(decoded_by(&mut decoder, &empty), refused);
}
