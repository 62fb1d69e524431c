//! The wire bytes of what a server sends (RFC 6455, 5.2): each one frame,
//! unmasked, that stands for itself, so that frames may be joined end to end.

use bytes::{BufMut, Bytes, BytesMut};

use super::deflate::deflate;

/// A first byte: the one frame of a message, and which kind.
const TEXT: u8 = 0x81;
const DEFLATED_TEXT: u8 = 0xC1;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// What a control frame may hold, in bytes.
const MAX_CONTROL: usize = 125;

/// A text message; `text` has to be UTF-8.
pub fn text(text: &[u8]) -> Bytes {
    frame(TEXT, &[text])
}

/// The same message compressed, for those who agreed to it; `None` where that
/// does not pay. It refers to no earlier message: one result serves everybody.
pub fn deflated(text: &[u8]) -> Option<Bytes> {
    deflate(text).map(|deflated| frame(DEFLATED_TEXT, &[&deflated]))
}

/// A ping without payload.
pub fn ping() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

/// The answer to a ping with this `payload`, of 125 bytes at the most.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &[payload])
}

/// A close with `code`, and as much of `reason` as may stand there: 123 bytes.
pub fn close(code: u16, reason: &str) -> Bytes {
    let code = code.to_be_bytes();
    let mut len = reason.len().min(MAX_CONTROL - code.len());
    while !reason.is_char_boundary(len) {
        len -= 1;
    }
    let reason = reason.get(..len).unwrap_or_default();
    frame(CLOSE, &[&code, reason.as_bytes()])
}

/// The answer to a close without a code.
pub fn close_without_code() -> Bytes {
    Bytes::from_static(&[CLOSE, 0])
}

/// One frame whose payload is `parts`, one after the other.
fn frame(first: u8, parts: &[&[u8]]) -> Bytes {
    /// The largest header: two bytes, and eight of length.
    const MAX_HEADER: usize = 10;
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(MAX_HEADER + len);
    frame.put_u8(first);
    if let Ok(short) = u8::try_from(len)
        && short <= 125
    {
        frame.put_u8(short);
    } else if let Ok(len) = u16::try_from(len) {
        frame.put_u8(126);
        frame.put_u16(len);
    } else {
        frame.put_u8(127);
        frame.put_u64(len as u64);
    }
    for part in parts {
        frame.put_slice(part);
    }
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_in_its_shortest_form() {
        for (len, header) in [
            (0, &[TEXT, 0][..]),
            (125, &[TEXT, 125]),
            (126, &[TEXT, 126, 0, 126]),
            (0xFFFF, &[TEXT, 126, 0xFF, 0xFF]),
            (0x1_0000, &[TEXT, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; len];
            let expected = [header, &payload].concat();
            assert_eq!(text(&payload), expected, "{len} bytes");
        }
    }

    #[test]
    fn a_close_says_code_and_reason() {
        assert_eq!(close(1001, "bye"), &b"\x88\x05\x03\xE9bye"[..]);
        assert_eq!(close(4008, ""), &b"\x88\x02\x0F\xA8"[..]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = close(1000, &"é".repeat(100));
        let payload = frame.slice(2..);
        assert_eq!(usize::from(frame[1]), payload.len());
        assert_eq!(&payload[2..], "é".repeat(61).as_bytes());
    }

    #[test]
    fn pings_and_pongs() {
        assert_eq!(ping(), &[0x89, 0][..]);
        assert_eq!(pong(b"hi"), &b"\x8A\x02hi"[..]);
    }
}
