//! Group 6 of Autobahn: what is UTF-8 and what is not, with the sequences of Markus
//! Kuhn's decoder stress test.

use causerie_testkit::client::raw::{frame, opcode};

use crate::cases::{case, hold, said};
use crate::support::Server;

/// First and last of each length, the neighbours of surrogates, and what is no
/// character but UTF-8 all the same.
const TEXTS: [&str; 12] = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\u{7F}\u{80}",
    "\u{7FF}\u{800}",
    "\u{FFFF}\u{10000}",
    "\u{10FFFF}",
    "\u{D7FF}\u{E000}",
    "\u{FFFD}",
    "\u{FFFE}\u{FFFF}\u{FDD0}\u{FDEF}",
    "\u{1FFFE}\u{1FFFF}\u{8FFFE}\u{8FFFF}",
    "\u{10FFFE}\u{10FFFF}",
    "𐀀 日本語 🙂",
];

#[tokio::test]
async fn what_is_utf8_is_heard_wherever_it_is_cut() {
    hold(TEXTS.into_iter().flat_map(|text| {
        let echo = said(text);
        let fragments = |len| {
            let mut frames = vec![frame(false, opcode::TEXT, b"")];
            let parts = echo.chunks(len);
            frames.extend(parts.map(|part| frame(false, opcode::CONTINUATION, part)));
            frames.push(frame(true, opcode::CONTINUATION, b""));
            frames
        };
        [
            case("8.1", text, vec![frame(true, opcode::TEXT, &echo)]).echoes(text),
            case("8.1", format!("{text} in single bytes"), fragments(1)).echoes(text),
            case("8.1", format!("{text} in threes"), fragments(3)).echoes(text),
        ]
    }))
    .await;
}

/// What is no UTF-8, however it goes on.
fn no_texts() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        // Continuations of nothing.
        &b"\x80"[..],
        b"\xBF",
        b"\x80\xBF",
        b"\x80\xBF\x80",
        b"\x80\xBF\x80\xBF\x80\xBF\x80",
        // Begins that do not go on.
        b"\xC2 ",
        b"\xDF ",
        b"\xE0 ",
        b"\xEF ",
        b"\xF0 ",
        b"\xF4 ",
        b"\xE0\xA0 ",
        b"\xEF\xBF ",
        b"\xF0\x90\x80 ",
        b"\xF4\x8F\xBF ",
        b"\xC3\xC3",
        // Bytes that never stand in UTF-8.
        b"\xFE",
        b"\xFF",
        b"\xFE\xFE\xFF\xFF",
        // Longer than they need be.
        b"\xC0\xAF",
        b"\xE0\x80\xAF",
        b"\xF0\x80\x80\xAF",
        b"\xF8\x80\x80\x80\xAF",
        b"\xFC\x80\x80\x80\x80\xAF",
        b"\xC1\xBF",
        b"\xE0\x9F\xBF",
        b"\xF0\x8F\xBF\xBF",
        b"\xC0\x80",
        b"\xE0\x80\x80",
        b"\xF0\x80\x80\x80",
        // Beyond U+10FFFF.
        b"\xF4\x90\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xF7\xBF\xBF\xBF",
        b"\xF8\x88\x80\x80\x80",
        b"\xFC\x84\x80\x80\x80\x80",
        // Surrogates, alone and in pairs.
        b"\xED\xA0\x80",
        b"\xED\xAD\xBF",
        b"\xED\xAE\x80",
        b"\xED\xAF\xBF",
        b"\xED\xB0\x80",
        b"\xED\xBF\xBF",
        b"\xED\xA0\x80\xED\xB0\x80",
        b"\xED\xAF\xBF\xED\xBF\xBF",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    let all_continuations: Vec<u8> = (0x80..=0xBF).collect();
    all.push(all_continuations);
    all
}

#[tokio::test]
async fn what_is_none_closes_with_1007() {
    hold(no_texts().into_iter().map(|bytes| {
        let payload = ["κόσμε".as_bytes(), &bytes, b"edited"].concat();
        let what = format!("{bytes:02x?}");
        case("8.1", what, vec![frame(true, opcode::TEXT, &payload)]).closes(1007)
    }))
    .await;
}

/// Nobody waits for the fragment that would make the message whole.
#[tokio::test]
async fn what_is_none_closes_at_its_fragment() {
    hold(no_texts().into_iter().map(|bytes| {
        let frames = vec![
            frame(false, opcode::TEXT, "κόσμε".as_bytes()),
            frame(false, opcode::CONTINUATION, &bytes),
        ];
        case("8.1", format!("{bytes:02x?} in a fragment"), frames).closes(1007)
    }))
    .await;
}

#[tokio::test]
async fn half_a_character_is_no_end() {
    let begins = [
        &b"\xCE"[..],
        b"\xE1\xBD",
        b"\xF0\x9F\x99",
        b"\xF0\x90",
        b"\xDF",
    ];
    hold(begins.into_iter().flat_map(|begin| {
        let whole = vec![frame(true, opcode::TEXT, begin)];
        let end = frame(true, opcode::CONTINUATION, b"");
        let fragments = vec![frame(false, opcode::TEXT, begin), end];
        [whole, fragments].map(|frames| case("8.1", format!("{begin:02x?}"), frames).closes(1007))
    }))
    .await;
}

/// Nor for the end of the frame.
#[tokio::test]
async fn what_is_none_closes_before_the_rest_of_its_frame() {
    let server = Server::start().await;
    for bytes in no_texts() {
        let payload = [&*bytes, &[b'x'; 1000]].concat();
        let wire = frame(true, opcode::TEXT, &payload);
        let cut = &wire[..wire.len() - 900];
        server.expect_close("a part of a frame", cut, 1007).await;
    }
}
