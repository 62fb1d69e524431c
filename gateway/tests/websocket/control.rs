//! RFC 6455, 5.5 and 7: pings, pongs and the close.

use causerie_testkit::client::raw::{frame, opcode};

use crate::support::{Server, echo};

#[tokio::test]
async fn pings_are_answered_with_what_they_hold() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for payload in [&b""[..], b"Hello", b"\x00\xFF\xFE\xFD", &[0xFE; 125]] {
        client.socket.send_frame(true, opcode::PING, payload).await;
        client.expect(opcode::PONG, payload).await;
    }
    for byte in frame(true, opcode::PING, b"slowly") {
        client.socket.send(&[byte]).await;
    }
    client.expect(opcode::PONG, b"slowly").await;
}

#[tokio::test]
async fn pongs_that_nobody_asked_for_are_passed_over() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.socket.send_frame(true, opcode::PONG, b"").await;
    client.socket.send_frame(true, opcode::PONG, b"well?").await;
    client.expect_nothing_more().await;
}

#[tokio::test]
async fn control_frames_are_short_and_whole() {
    let server = Server::start().await;
    for control in [opcode::PING, opcode::PONG, opcode::CLOSE] {
        let long = frame(true, control, &[b'x'; 126]);
        server.expect_close("126 bytes", &long, 1002).await;
        let begun = frame(false, control, b"");
        server.expect_close("a fragment", &begun, 1002).await;
    }
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let server = Server::start().await;
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
        4999,
    ] {
        let payload = u16::to_be_bytes(code);
        let wire = frame(true, opcode::CLOSE, &payload);
        server.expect_close("a code", &wire, code).await;
        let longest = [&payload, &[b'x'; 123][..]].concat();
        let wire = frame(true, opcode::CLOSE, &longest);
        server.expect_close("with a reason", &wire, code).await;
    }
}

#[tokio::test]
async fn a_close_without_a_code_is_answered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.socket.send_frame(true, opcode::CLOSE, b"").await;
    let close = client.frame().await;
    assert_eq!(close.opcode, opcode::CLOSE);
    assert!(matches!(close.close_code(), None | Some(1000)), "{close:?}");
    assert_eq!(client.socket.read_frame().await, None);
}

#[tokio::test]
async fn a_bad_close_is_a_violation() {
    let server = Server::start().await;
    let close = |payload: &[u8]| frame(true, opcode::CLOSE, payload);
    server.expect_close("half a code", &close(&[3]), 1002).await;
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0xFFFF,
    ] {
        let wire = close(&u16::to_be_bytes(code));
        server.expect_close(&code.to_string(), &wire, 1002).await;
    }
    let wire = close(b"\x03\xE8\xCE\xBA\xE1\xBD");
    server
        .expect_close("a reason that is no text", &wire, 1007)
        .await;
}

#[tokio::test]
async fn what_follows_a_close_is_not_heard() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let wire = [
        frame(true, opcode::CLOSE, b"\x03\xE8"),
        frame(true, opcode::PING, b"late"),
        frame(true, opcode::TEXT, echo("late").as_bytes()),
    ];
    client.socket.send(&wire.concat()).await;
    let close = client.frame().await;
    assert_eq!(close.close_code(), Some(1000), "{close:?}");
    assert_eq!(client.socket.read_frame().await, None);
}

#[tokio::test]
async fn a_close_may_come_amid_a_message() {
    let server = Server::start().await;
    let wire = [
        frame(false, opcode::TEXT, b"I was about to"),
        frame(true, opcode::CLOSE, b"\x03\xE9"),
    ];
    server.expect_close("amid", &wire.concat(), 1001).await;
}
