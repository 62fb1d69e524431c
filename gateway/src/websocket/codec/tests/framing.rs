//! RFC 6455, 5.2 to 5.4: headers, masks, fragments.

use super::client::{
    BINARY, CONTINUATION, FIN, MASK, PING, PONG, TEXT, begun, frame, header, masked,
};
use super::*;

#[test]
fn lengths_of_all_three_forms() {
    for len in [0, 1, 125, 126, 127, 128, 0xFFFF, 0x1_0000] {
        let bytes = frame(TEXT, &vec![b'x'; len]);
        let decoder = &mut Decoder::new(0x1_0000, false);
        let expected = vec![Message::Text("x".repeat(len))];
        assert_eq!(decoded_by(decoder, &bytes), (expected, None), "{len} bytes");
    }
}

#[test]
fn a_binary_message_is_one() {
    assert_eq!(message(&frame(BINARY, &[0xFF; 500])), Message::Binary);
}

#[test]
fn a_client_has_to_mask() {
    assert_eq!(violation(b"\x81\x02hi"), Some(Violation::Protocol));
    assert_eq!(violation(&[0x89, 0]), Some(Violation::Protocol));
}

#[test]
fn reserved_bits_are_refused_at_the_first_byte() {
    for bits in [0x20, 0x10, 0x30] {
        assert_eq!(violation(&[FIN | bits | TEXT]), Some(Violation::Protocol));
    }
}

#[test]
fn reserved_opcodes_are_refused_at_the_first_byte() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let first = FIN | opcode;
        assert_eq!(violation(&[first]), Some(Violation::Protocol), "{opcode}");
    }
}

#[test]
fn a_length_has_to_be_in_its_shortest_form() {
    for len in [0, 5, 125] {
        let [high, low] = u16::to_be_bytes(len);
        let bytes = [FIN | TEXT, 0x80 | 126, high, low];
        assert_eq!(violation(&bytes), Some(Violation::Protocol), "{len}");
    }
    for len in [0, 125, 126, 0xFFFF] {
        let mut bytes = vec![FIN | TEXT, 0x80 | 127];
        bytes.extend(u64::to_be_bytes(len));
        assert_eq!(violation(&bytes), Some(Violation::Protocol), "{len}");
    }
}

#[test]
fn a_length_has_no_highest_bit() {
    for len in [1 << 63, u64::MAX] {
        let bytes = header(FIN | TEXT, len);
        assert_eq!(violation(&bytes), Some(Violation::Protocol), "{len:x}");
    }
}

#[test]
fn fragments_are_one_message() {
    let parts = [
        begun(TEXT, b"one, "),
        begun(CONTINUATION, b""),
        begun(CONTINUATION, b"two, "),
        frame(CONTINUATION, b"three"),
        frame(TEXT, b"and another"),
    ];
    let expected = vec![text("one, two, three"), text("and another")];
    assert_eq!(decoded(&parts.concat()), (expected, None));
}

#[test]
fn each_fragment_has_a_mask_of_its_own() {
    let parts = [
        masked(TEXT, [1, 2, 3, 4], b"abcde"),
        masked(FIN | CONTINUATION, [5, 6, 7, 8], b"fghij"),
    ];
    assert_eq!(message(&parts.concat()), text("abcdefghij"));
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let parts = [
        begun(TEXT, b"al"),
        frame(PING, b"1"),
        begun(CONTINUATION, b"iv"),
        frame(PONG, b"of another"),
        frame(PING, b"2"),
        frame(CONTINUATION, b"e"),
    ];
    let ping = |payload: &[u8]| Message::Ping(payload.to_vec());
    let expected = vec![ping(b"1"), Message::Pong, ping(b"2"), text("alive")];
    assert_eq!(decoded(&parts.concat()), (expected, None));
}

#[test]
fn a_continuation_needs_a_beginning() {
    for bytes in [begun(CONTINUATION, b"x"), frame(CONTINUATION, b"x")] {
        assert_eq!(violation(&bytes), Some(Violation::Protocol));
    }
    let after_a_whole_one = [frame(TEXT, b"x"), frame(CONTINUATION, b"x")].concat();
    let expected = (vec![text("x")], Some(Violation::Protocol));
    assert_eq!(decoded(&after_a_whole_one), expected);
}

#[test]
fn a_message_has_to_end_before_the_next() {
    for opcode in [TEXT, BINARY] {
        let bytes = [begun(TEXT, b"x"), frame(opcode, b"x")].concat();
        assert_eq!(violation(&bytes), Some(Violation::Protocol));
    }
}

#[test]
fn what_is_split_anywhere_is_the_same() {
    let bytes = [
        begun(TEXT, "héllo".as_bytes()),
        frame(PING, b"amid"),
        frame(CONTINUATION, &[b'y'; 200]),
        frame(BINARY, &[0xFF; 130]),
        masked(FIN | TEXT, MASK, b""),
    ]
    .concat();
    let whole = decoded(&bytes);
    assert_eq!((whole.0.len(), whole.1), (4, None));
    for cut in 0..bytes.len() {
        let (begin, end) = bytes.split_at(cut);
        let decoder = &mut Decoder::new(LIMIT, false);
        let (mut messages, violation) = decoded_by(decoder, begin);
        assert_eq!(violation, None);
        messages.extend(decoded_by(decoder, end).0);
        assert_eq!(messages, whole.0, "cut at {cut}");
    }
}
