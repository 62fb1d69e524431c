//! What one client may cost: `websocket.max_message_bytes`.

use causerie_testkit::client::raw::{frame, opcode};

use crate::support::{Server, echo_of};

const SMALL: &str = "max_message_bytes = 4096";

#[tokio::test]
async fn a_message_may_have_all_of_the_limit() {
    let server = Server::with(SMALL).await;
    let mut client = server.client().await;
    let (echo, said) = echo_of(4096);
    client
        .socket
        .send_frame(true, opcode::TEXT, echo.as_bytes())
        .await;
    client.expect_echo(&said).await;
    let (begin, end) = echo.as_bytes().split_at(3000);
    let fragments = [
        frame(false, opcode::TEXT, begin),
        frame(false, opcode::CONTINUATION, end),
        frame(true, opcode::CONTINUATION, b""),
    ];
    client.socket.send(&fragments.concat()).await;
    client.expect_echo(&said).await;
}

#[tokio::test]
async fn what_would_be_larger_is_refused_when_it_is_announced() {
    let server = Server::with(SMALL).await;
    let (begin, end) = ([b'x'; 3000], [b'x'; 1097]);
    let fragments = [
        frame(false, opcode::TEXT, &begin),
        frame(true, opcode::CONTINUATION, &end),
    ]
    .concat();
    let but_the_payload = &fragments[..fragments.len() - end.len()];
    for (what, wire) in [
        ("a text", &frame(true, opcode::TEXT, &[b'x'; 4097])[..8]),
        (
            "a binary message",
            &frame(true, opcode::BINARY, &[b'x'; 4097])[..8],
        ),
        (
            "a huge one",
            &[0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
        ),
        ("fragments", but_the_payload),
    ] {
        server.expect_close(what, wire, 1009).await;
    }
}

#[tokio::test]
async fn a_flood_of_empty_fragments_ends() {
    let server = Server::with(SMALL).await;
    let mut wire = frame(false, opcode::TEXT, b"x");
    for _ in 0..5000 {
        wire.extend(frame(false, opcode::CONTINUATION, b""));
    }
    server.expect_close("a flood", &wire, 1009).await;
}
