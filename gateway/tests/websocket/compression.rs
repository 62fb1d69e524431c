//! RFC 7692: `permessage-deflate`, as it is agreed on and then used.

use causerie_testkit::client::raw::{frame, masked, opcode};
use flate2::{Compress, Compression, FlushCompress};
use serde_json::json;

use crate::support::{Client, Server, echo, read};

const OFFER: &str = "Sec-WebSocket-Extensions";
const AGREED: &str = "sec-websocket-extensions: permessage-deflate; \
     server_no_context_takeover; client_no_context_takeover";

/// A first byte: a whole compressed text.
const COMPRESSED_TEXT: u8 = 0xC1;

async fn compressing(server: &Server) -> Client {
    let offer = (OFFER, "permessage-deflate; client_max_window_bits");
    let client = server.client_with(&[offer]).await;
    assert!(client.head.contains(AGREED), "{}", client.head);
    client
}

/// What a client sends for `text`.
fn deflated(text: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(text.len() + 100);
    Compress::new(Compression::default(), false)
        .compress_vec(text, &mut deflated, FlushCompress::Sync)
        .unwrap();
    assert_eq!(deflated.split_off(deflated.len() - 4), [0, 0, 0xFF, 0xFF]);
    deflated
}

#[tokio::test]
async fn it_is_agreed_on_where_it_is_offered_and_allowed() {
    let server = Server::start().await;
    compressing(&server).await;
    for offer in [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9, permessage-deflate",
        "permessage-bzip2, permessage-deflate; client_max_window_bits=\"10\"",
    ] {
        let client = server.client_with(&[(OFFER, offer)]).await;
        assert!(client.head.contains(AGREED), "{offer}: {}", client.head);
    }
    for declined in [
        &[][..],
        &[(OFFER, "permessage-deflate; server_max_window_bits=9")],
        &[(OFFER, "permessage-deflate; unheard_of")],
        &[(OFFER, "x-webkit-deflate-frame")],
    ] {
        let mut client = server.client_with(declined).await;
        let head = client.head.to_lowercase();
        assert!(!head.contains("extensions"), "{declined:?}: {head}");
        client.expect_nothing_more().await;
    }

    let server = Server::with("compression = false").await;
    let offer = (OFFER, "permessage-deflate");
    let client = server.client_with(&[offer]).await;
    let head = client.head.to_lowercase();
    assert!(!head.contains("extensions"), "{head}");
}

#[tokio::test]
async fn compressed_messages_are_heard_and_long_answers_come_compressed() {
    let server = Server::start().await;
    let mut client = compressing(&server).await;
    let said = "over and over again, ".repeat(100);
    for _ in 0..2 {
        let message = masked(COMPRESSED_TEXT, &deflated(echo(&said).as_bytes()));
        client.socket.send(&message).await;
        let answer = client.frame().await;
        assert!(
            answer.compressed && answer.payload.len() < 400,
            "{answer:?}"
        );
        assert_eq!(read(&answer)["data"], said);
    }
    // Neither has to.
    client.expect_nothing_more().await;
    client.socket.send_frame(true, opcode::PING, b"").await;
    client.expect(opcode::PONG, b"").await;
}

#[tokio::test]
async fn a_compressed_message_may_come_in_fragments() {
    let server = Server::start().await;
    let mut client = compressing(&server).await;
    let message = deflated(echo("in pieces").as_bytes());
    let (begin, end) = message.split_at(message.len() / 2);
    client.socket.send(&masked(0x41, begin)).await;
    client.socket.send_frame(true, opcode::PING, b"amid").await;
    client.expect(opcode::PONG, b"amid").await;
    client
        .socket
        .send_frame(true, opcode::CONTINUATION, end)
        .await;
    client.expect_echo("in pieces").await;
}

/// All of a room get the same, each as it was agreed, and it is compressed once.
#[tokio::test]
async fn one_room_hears_it_compressed_and_plain() {
    let server = Server::start().await;
    let mut another = compressing(&server).await;
    let mut compressing = compressing(&server).await;
    let mut plain = server.client().await;
    let content = "dear all, ".repeat(200);
    let metric = async |series: &str| {
        let metrics = server.node.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0, |number| number.trim().parse::<usize>().unwrap())
    };
    let bytes = async |stage| {
        metric(&format!(
            "causerie_compressed_bytes_total{{stage=\"{stage}\"}}"
        ))
        .await
    };
    let before = bytes("before").await;
    let data = json!({"room": "project:p1", "user_input": content, "ai": false});
    let message = json!({"action": "sendMessage", "id": "m1", "data": data}).to_string();
    plain
        .socket
        .send_frame(true, opcode::TEXT, message.as_bytes())
        .await;

    let frame = compressing.frame().await;
    assert!(frame.compressed && frame.payload.len() < 500, "{frame:?}");
    assert_eq!(another.frame().await.payload, frame.payload);
    let heard = read(&frame);
    assert_eq!(heard["type"], "new_message");
    assert_eq!(heard["data"]["content"], content);
    let told = [plain.text().await, plain.text().await];
    assert!(told.contains(&heard), "{told:?}");

    let once = bytes("before").await - before;
    assert!(
        (content.len()..content.len() + 500).contains(&once),
        "{once} bytes were compressed"
    );
    assert_eq!(metric("causerie_compressed_connects_total").await, 2);
    let node = &server.node;
    node.metric_rises("causerie_compressed_connects_total")
        .await;
    node.metric_rises("causerie_compressed_bytes_total").await;
    let saved = bytes("before").await - bytes("after").await;
    assert!(saved > content.len() - 500, "{saved}");
}

async fn expect_close(server: &Server, what: &str, wire: &[u8], code: u16) {
    let mut client = compressing(server).await;
    client.socket.send(wire).await;
    assert_eq!(client.socket.read_close().await, Some(code), "{what}");
    assert_eq!(client.socket.read_frame().await, None, "{what}");
}

#[tokio::test]
async fn what_breaks_the_rules_of_compression_is_refused() {
    let server = Server::with("max_message_bytes = 4096").await;
    let message = deflated(echo("hello").as_bytes());
    let (begin, end) = message.split_at(8);
    for (what, wire) in [
        ("no deflate", masked(COMPRESSED_TEXT, b"\xFF\xFF\xFF\xFF")),
        ("cut short", masked(COMPRESSED_TEXT, begin)),
        ("RSV1 on a ping", masked(0xC9, b"")),
        ("RSV1 on a close", masked(0xC8, b"\x03\xE8")),
        (
            "RSV1 on a continuation",
            [masked(0x41, begin), masked(0xC0, end)].concat(),
        ),
        ("RSV2 besides", masked(0xE1, &message)),
    ] {
        expect_close(&server, what, &wire, 1002).await;
    }
    let no_text = masked(COMPRESSED_TEXT, &deflated(b"\xED\xA0\x80"));
    expect_close(&server, "no text", &no_text, 1007).await;
    for len in [4097, 3_000_000] {
        let bomb = masked(COMPRESSED_TEXT, &deflated(&vec![b' '; len]));
        assert!(bomb.len() < 4096);
        expect_close(&server, "a bomb", &bomb, 1009).await;
    }
    let announced = &frame(true, opcode::TEXT, &[0; 5000])[1..8];
    let wire = [&[COMPRESSED_TEXT], announced].concat();
    expect_close(&server, "too much", &wire, 1009).await;

    let mut plain = server.client().await;
    plain.socket.send(&masked(COMPRESSED_TEXT, &message)).await;
    assert_eq!(plain.socket.read_close().await, Some(1002));
}
