//! RFC 6455, 5.2 to 5.4: lengths, reserved bits, opcodes, fragments.

use causerie_testkit::client::raw::{frame, masked, opcode};

use crate::support::{Server, echo, echo_of};

#[tokio::test]
async fn messages_of_any_length_are_heard() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for len in [64, 125, 126, 127, 128, 0xFFFF, 0x1_0000, 100 << 10] {
        let (echo, said) = echo_of(len);
        let wire = frame(true, opcode::TEXT, echo.as_bytes());
        client.socket.send(&wire).await;
        client.expect_echo(&said).await;
    }
    client.socket.send_frame(true, opcode::TEXT, b"").await;
    client.expect_error("invalid_json").await;
}

#[tokio::test]
async fn binary_messages_are_answered_with_an_error() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for len in [0, 125, 126, 0xFFFF, 0x1_0000] {
        let wire = frame(true, opcode::BINARY, &vec![0xFE; len]);
        client.socket.send(&wire).await;
        client.expect_error("invalid_message").await;
    }
    client.expect_nothing_more().await;
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let said = "slowly, çà et là";
    for byte in frame(true, opcode::TEXT, echo(said).as_bytes()) {
        client.socket.send(&[byte]).await;
    }
    client.expect_echo(said).await;
}

#[tokio::test]
async fn many_messages_may_come_at_once() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let said: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let messages = said
        .iter()
        .map(|said| frame(true, opcode::TEXT, echo(said).as_bytes()));
    client
        .socket
        .send(&messages.collect::<Vec<_>>().concat())
        .await;
    for said in &said {
        client.expect_echo(said).await;
    }
}

#[tokio::test]
async fn a_message_may_come_in_fragments() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let said = "one, two, three";
    let message = echo(said);
    for fragment_len in [1, 2, 7, 100] {
        let fragments = message.as_bytes().chunks(fragment_len);
        let mut wire = frame(false, opcode::TEXT, b"");
        for fragment in fragments {
            wire.extend(frame(false, opcode::CONTINUATION, fragment));
            wire.extend(frame(false, opcode::CONTINUATION, b""));
        }
        wire.extend(frame(true, opcode::CONTINUATION, b""));
        client.socket.send(&wire).await;
        client.expect_echo(said).await;
    }
}

#[tokio::test]
async fn a_ping_amid_fragments_is_answered_at_once() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let message = echo("whole");
    let (begin, end) = message.as_bytes().split_at(10);
    client.socket.send_frame(false, opcode::TEXT, begin).await;
    client.socket.send_frame(true, opcode::PING, b"amid").await;
    client.expect(opcode::PONG, b"amid").await;
    client
        .socket
        .send_frame(true, opcode::CONTINUATION, end)
        .await;
    client.expect_echo("whole").await;
}

#[tokio::test]
async fn what_breaks_the_framing_closes_with_1002() {
    let server = Server::start().await;
    let echo = echo("");
    let text = |fin| frame(fin, opcode::TEXT, echo.as_bytes());
    let unmasked = [&[0x81, echo.len() as u8], echo.as_bytes()].concat();
    for (what, wire) in [
        ("no mask", unmasked),
        ("RSV1", masked(0xC1, echo.as_bytes())),
        ("RSV2", masked(0xA1, echo.as_bytes())),
        ("RSV3", masked(0x91, echo.as_bytes())),
        ("RSV1 on a ping", masked(0xC9, b"")),
        ("opcode 3", masked(0x83, b"")),
        ("opcode 7", masked(0x87, b"x")),
        ("opcode 11", masked(0x8B, b"")),
        ("opcode 15", masked(0x8F, b"x")),
        (
            "continuation of nothing",
            frame(true, opcode::CONTINUATION, b"x"),
        ),
        (
            "unfinished continuation of nothing",
            frame(false, opcode::CONTINUATION, b"x"),
        ),
        ("text amid fragments", [text(false), text(true)].concat()),
        ("16 bits for a short length", vec![0x81, 0xFE, 0, 125]),
        (
            "64 bits for a short length",
            vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        ),
        (
            "a length with its highest bit",
            vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
    ] {
        server.expect_close(what, &wire, 1002).await;
    }
}

/// One who breaks the protocol is told what was asked before.
#[tokio::test]
async fn what_came_before_the_violation_is_answered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let wire = [
        frame(true, opcode::TEXT, echo("before").as_bytes()),
        masked(0x83, b""),
        frame(true, opcode::TEXT, echo("after").as_bytes()),
    ];
    client.socket.send(&wire.concat()).await;
    client.expect_echo("before").await;
    let close = client.frame().await;
    assert_eq!(close.close_code(), Some(1002), "{close:?}");
}
