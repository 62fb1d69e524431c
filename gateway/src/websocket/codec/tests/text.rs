//! RFC 6455, 8.1: what is no text is refused as soon as that can be known.

use super::client::{CONTINUATION, FIN, TEXT, begun, frame, masked};
use super::*;

/// Each with the bytes of it after which no end makes it text any more.
const NO_TEXT: [(&[u8], usize); 12] = [
    (b"\x80", 1),
    (b"\xC0\x80", 1),
    (b"\xC1\xBF", 1),
    (b"\xC3\x28", 2),
    (b"\xE0\x80\x80", 2),
    (b"\xED\xA0\x80", 2),
    (b"\xE2\x82\x28", 3),
    (b"\xF0\x80\x80\x80", 2),
    (b"\xF4\x90\x80\x80", 2),
    (b"\xF5\x80\x80\x80", 1),
    (b"\xFE", 1),
    (b"\xFF", 1),
];

const TEXTS: [&str; 6] = [
    "κόσμε",
    "\u{0}",
    "\u{7FF}\u{800}\u{FFFF}",
    "\u{D7FF}\u{E000}\u{FFFD}",
    "\u{10000}\u{10FFFF}",
    "日本語, naïve, 🙂",
];

#[test]
fn text_may_be_cut_within_a_character() {
    for expected in TEXTS {
        let bytes = expected.as_bytes();
        assert_eq!(message(&frame(TEXT, bytes)), text(expected));
        for cut in 0..bytes.len() {
            let (begin, end) = bytes.split_at(cut);
            let parts = [begun(TEXT, begin), frame(CONTINUATION, end)];
            assert_eq!(message(&parts.concat()), text(expected), "cut at {cut}");
        }
        let one_by_one: Vec<_> = [begun(TEXT, b"")]
            .into_iter()
            .chain(bytes.chunks(1).map(|byte| begun(CONTINUATION, byte)))
            .chain([frame(CONTINUATION, b"")])
            .flatten()
            .collect();
        assert_eq!(message(&one_by_one), text(expected));
    }
}

#[test]
fn what_is_no_text_is_refused() {
    for (bytes, _) in NO_TEXT {
        let bytes = [b"before ", bytes, b" after"].concat();
        assert_eq!(violation(&frame(TEXT, &bytes)), Some(Violation::Utf8));
    }
}

#[test]
fn it_is_refused_at_the_byte_that_shows_it() {
    for (bytes, shown_by) in NO_TEXT {
        let payload = [b"before ", bytes, b" after"].concat();
        let whole = frame(TEXT, &payload);
        let after_header = whole.len() - payload.len();
        let last_good = after_header + b"before ".len() + shown_by - 1;
        assert_eq!(violation(&whole[..last_good]), None, "{bytes:x?}");
        let bad = &whole[..=last_good];
        assert_eq!(violation(bad), Some(Violation::Utf8), "{bytes:x?}");
    }
}

#[test]
fn it_is_refused_before_its_last_fragment() {
    for (bytes, _) in NO_TEXT {
        let begun = begun(TEXT, bytes);
        assert_eq!(violation(&begun), Some(Violation::Utf8), "{bytes:x?}");
    }
}

#[test]
fn text_does_not_end_within_a_character() {
    for begin in [&b"\xC3"[..], b"\xE2\x82", b"\xF0\x9F\x99"] {
        assert_eq!(violation(&frame(TEXT, begin)), Some(Violation::Utf8));
        let parts = [begun(TEXT, begin), masked(FIN, [0; 4], b"")];
        assert_eq!(violation(&parts.concat()), Some(Violation::Utf8));
    }
}
