//! Groups 5 and 10 of Autobahn: messages in fragments.

use causerie_testkit::client::raw::{frame, opcode};

use crate::cases::{case, hold, said};
use crate::support::{Server, echo_of};

/// The frames of a text that is sent in `parts`.
fn text<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let parts: Vec<_> = parts.into_iter().collect();
    let frames = parts.iter().enumerate().map(|(at, part)| {
        let opcode = if at == 0 {
            opcode::TEXT
        } else {
            opcode::CONTINUATION
        };
        frame(at + 1 == parts.len(), opcode, part)
    });
    frames.collect()
}

#[tokio::test]
async fn that_become_whole() {
    let echo = said("part by part");
    let (long, long_said) = echo_of(0x1_0000);
    let with_empty_ones = echo.chunks(9).flat_map(|part| [b"", part, b""]);
    let in_parts_of = |len: usize| {
        let what = format!("parts of {len} bytes");
        case("5.4", what, text(echo.chunks(len))).echoes("part by part")
    };
    let nothing = text([&b""[..], b"", b""]);
    hold([
        in_parts_of(1),
        in_parts_of(7),
        in_parts_of(30),
        case("5.4", "empty ones between", text(with_empty_ones)).echoes("part by part"),
        case(
            "5.4",
            "65536 bytes in parts of 1300",
            text(long.as_bytes().chunks(1300)),
        )
        .echoes(&long_said),
        case("5.4", "three empty ones", nothing).refuses("invalid_json"),
    ])
    .await;
}

#[tokio::test]
async fn with_control_frames_between_them() {
    let echo = said("between");
    let parts = text(echo.chunks(8));
    let between = |opcode| {
        let frames = parts
            .iter()
            .flat_map(move |part| [frame(true, opcode, b"hi"), part.clone()]);
        frames.collect()
    };
    let pinged = case("5.4", "a ping before each", between(opcode::PING));
    let pinged = parts.iter().fold(pinged, |case, _| case.pongs(b"hi"));
    let ponged = case("5.4", "a pong before each", between(opcode::PONG));
    hold([pinged.echoes("between"), ponged.echoes("between")]).await;
}

#[tokio::test]
async fn of_control_frames_are_refused() {
    let kinds = [opcode::PING, opcode::PONG, opcode::CLOSE];
    hold(kinds.into_iter().flat_map(|opcode| {
        let begin = frame(false, opcode, b"fragment 1");
        let end = frame(true, opcode::CONTINUATION, b"fragment 2");
        let amid = vec![frame(false, opcode::TEXT, b"x"), begin.clone(), end.clone()];
        [
            case("5.5", format!("opcode {opcode} in two"), vec![begin, end]).closes(1002),
            case("5.5", format!("opcode {opcode} in two, amid"), amid).closes(1002),
        ]
    }))
    .await;
}

#[tokio::test]
async fn out_of_their_order_are_refused() {
    let echo = said("whole");
    let whole = frame(true, opcode::TEXT, &echo);
    let begun = frame(false, opcode::TEXT, b"begun");
    let on = |fin| frame(fin, opcode::CONTINUATION, b"on");
    let ping = frame(true, opcode::PING, b"hi");
    hold([
        case("5.4", "an end of nothing", vec![on(true), whole.clone()]).closes(1002),
        case("5.4", "a middle of nothing", vec![on(false), whole.clone()]).closes(1002),
        case(
            "5.4",
            "an end of nothing, after a ping",
            vec![ping, on(true)],
        )
        .pongs(b"hi")
        .closes(1002),
        case(
            "5.4",
            "an end after what was whole",
            vec![whole.clone(), on(true)],
        )
        .echoes("whole")
        .closes(1002),
        case(
            "5.4",
            "a middle after what was whole",
            vec![whole.clone(), on(false)],
        )
        .echoes("whole")
        .closes(1002),
        case(
            "5.4",
            "two begins",
            vec![begun.clone(), begun.clone(), on(true)],
        )
        .closes(1002),
        case(
            "5.4",
            "a whole one amid another",
            vec![begun.clone(), whole],
        )
        .closes(1002),
        case(
            "5.4",
            "binary amid text",
            vec![begun, frame(true, opcode::BINARY, b"x")],
        )
        .closes(1002),
    ])
    .await;
}

#[tokio::test]
async fn a_ping_between_them_is_answered_before_the_last_comes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let echo = said("whole");
    let (begin, end) = echo.split_at(10);
    client.socket.send_frame(false, opcode::TEXT, begin).await;
    client.socket.send_frame(true, opcode::PING, b"amid").await;
    client.expect(opcode::PONG, b"amid").await;
    client
        .socket
        .send_frame(true, opcode::CONTINUATION, end)
        .await;
    client.expect_echo("whole").await;
}
