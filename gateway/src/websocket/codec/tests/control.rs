//! RFC 6455, 5.5: close, ping, pong.

use super::client::{CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, begun, frame, header};
use super::*;

#[test]
fn a_ping_keeps_its_payload() {
    for len in [0, 1, 125] {
        let payload = vec![0xFE; len];
        assert_eq!(message(&frame(PING, &payload)), Message::Ping(payload));
    }
}

#[test]
fn a_pong_that_nobody_asked_for_is_fine() {
    assert_eq!(message(&frame(PONG, b"well?")), Message::Pong);
}

#[test]
fn a_control_frame_is_short() {
    for opcode in [CLOSE, PING, PONG] {
        let bytes = header(FIN | opcode, 126);
        assert_eq!(violation(&bytes), Some(Violation::Protocol));
    }
}

#[test]
fn a_control_frame_is_whole() {
    for opcode in [CLOSE, PING, PONG] {
        assert_eq!(violation(&[opcode]), Some(Violation::Protocol));
        let amid = [begun(TEXT, b"x"), begun(opcode, b"")].concat();
        assert_eq!(violation(&amid), Some(Violation::Protocol));
    }
}

#[test]
fn a_control_frame_is_never_compressed() {
    for opcode in [CLOSE, PING, PONG] {
        let decoder = &mut Decoder::new(LIMIT, true);
        let refused = (vec![], Some(Violation::Protocol));
        assert_eq!(decoded_by(decoder, &[FIN | RSV1 | opcode]), refused);
    }
}

/// What a close frame may hold is tested beside `close_frame`.
#[test]
fn a_close_may_come_amid_a_message() {
    let bytes = [
        begun(TEXT, b"I was about to"),
        frame(CLOSE, b"\x03\xE8bye"),
        frame(CONTINUATION, b"say"),
    ];
    let decoder = &mut Decoder::new(LIMIT, false);
    let mut input = &*bytes.concat();
    assert_eq!(
        decoder.decode(&mut input),
        Ok(Some(Message::Close(Some(1000))))
    );
    assert_eq!(message(&frame(CLOSE, b"")), Message::Close(None));
    assert_eq!(violation(&frame(CLOSE, b"\x03")), Some(Violation::Protocol));
    let reason = frame(CLOSE, b"\x03\xE8\xFF");
    assert_eq!(violation(&reason), Some(Violation::Utf8));
}
