//! RFC 6455, 8.1: text is UTF-8, and what is none is refused at once.

use causerie_testkit::client::raw::{frame, opcode};

use crate::support::{Server, echo};

const TEXTS: [&str; 6] = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "日本語と🙂",
    "\u{7FF}\u{800}\u{FFFD}",
    "\u{D7FF}\u{E000}\u{FFFF}",
    "\u{10000}\u{10FFFF}",
];

/// Each is bad from its first bytes on, whatever would follow.
const NO_TEXT: [&[u8]; 12] = [
    b"\x80",
    b"\xBF\xBF",
    b"\xC0\xAF",
    b"\xC1\xBF",
    b"\xC3\x28",
    b"\xE0\x80\xAF",
    b"\xED\xA0\x80",
    b"\xF0\x80\x80\xAF",
    b"\xF4\x90",
    b"\xF8\x88\x80\x80\x80",
    b"\xFE",
    b"\xFF",
];

#[tokio::test]
async fn text_is_heard_wherever_it_is_cut() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for said in TEXTS {
        let message = echo(said);
        for cut in 0..message.len() {
            let (begin, end) = message.as_bytes().split_at(cut);
            let fragments = [
                frame(false, opcode::TEXT, begin),
                frame(true, opcode::CONTINUATION, end),
            ];
            client.socket.send(&fragments.concat()).await;
            client.expect_echo(said).await;
        }
    }
}

#[tokio::test]
async fn what_is_no_text_closes_with_1007() {
    let server = Server::start().await;
    for bytes in NO_TEXT {
        let payload = ["κόσμε".as_bytes(), bytes, b"edited"].concat();
        let wire = frame(true, opcode::TEXT, &payload);
        server.expect_close("one frame", &wire, 1007).await;
    }
    for begin in [&b"\xCE"[..], b"\xE1\xBD", b"\xF0\x9F\x99"] {
        let wire = frame(true, opcode::TEXT, begin);
        server.expect_close("half a character", &wire, 1007).await;
    }
}

/// It does not wait for the end of the message, nor of the frame.
#[tokio::test]
async fn it_is_refused_before_the_rest_comes() {
    let server = Server::start().await;
    for bytes in NO_TEXT {
        let unfinished = frame(false, opcode::TEXT, bytes);
        server.expect_close("a fragment", &unfinished, 1007).await;
        let payload = [bytes, &[b'x'; 1000]].concat();
        let wire = frame(true, opcode::TEXT, &payload);
        let cut = &wire[..wire.len() - 900];
        server.expect_close("a part of a frame", cut, 1007).await;
    }
}
