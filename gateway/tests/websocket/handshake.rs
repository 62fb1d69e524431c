//! RFC 6455, 4.2: from a request to a WebSocket.

use causerie_testkit::client::raw::{RawSocket, frame, opcode};

use crate::support::{Server, echo, read, token};

/// What a client sends behind the first line; the key is that of the RFC.
const HEADERS: [&str; 5] = [
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A request, and the head of its answer in lower case.
async fn ask(server: &Server, line: &str, headers: &[&str]) -> String {
    let mut socket = RawSocket::connect(server.node.url()).await;
    let request = format!("{line}\r\n{}\r\n\r\n", headers.join("\r\n"));
    socket.send(request.as_bytes()).await;
    socket.read_head().await.to_lowercase()
}

fn get() -> String {
    format!("GET /ws?token={} HTTP/1.1", token())
}

/// The [`HEADERS`] with `header` instead of the one of that name, or without it.
fn with<'a>(name: &str, header: Option<&'a str>) -> Vec<&'a str> {
    let others = HEADERS
        .into_iter()
        .filter(|known| !known.starts_with(&format!("{name}:")));
    others.chain(header).collect()
}

#[tokio::test]
async fn the_server_proves_that_it_read_the_key() {
    let server = Server::start().await;
    let head = ask(&server, &get(), &HEADERS).await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in [
        "upgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n",
    ] {
        assert!(head.contains(line), "{head}");
    }
    // Nothing was offered, so nothing is agreed on.
    assert!(
        !head.contains("-protocol:") && !head.contains("-extensions:"),
        "{head}"
    );
}

#[tokio::test]
async fn words_are_found_in_whatever_case_and_list() {
    let server = Server::start().await;
    for (name, header) in [
        ("Upgrade", "UPGRADE: h2c, WebSocket"),
        ("Connection", "connection: keep-alive, UPGRADE"),
        (
            "Connection",
            "Connection: keep-alive\r\nConnection: upgrade",
        ),
    ] {
        let head = ask(&server, &get(), &with(name, Some(header))).await;
        assert!(head.starts_with("http/1.1 101 "), "{header}: {head}");
    }
}

#[tokio::test]
async fn what_is_no_opening_handshake_is_refused() {
    let server = Server::start().await;
    let get = get();
    let post = get.replacen("GET", "POST", 1);
    let old = get.replacen("HTTP/1.1", "HTTP/1.0", 1);
    for (line, name, header, status) in [
        (&post, "-", None, 405),
        (&old, "-", None, 426),
        (&get, "Host", None, 400),
        (&get, "-", Some("Host: another"), 400),
        (&get, "Upgrade", None, 426),
        (&get, "Upgrade", Some("Upgrade: websockets"), 426),
        (&get, "Connection", None, 426),
        (&get, "Connection", Some("Connection: keep-alive"), 426),
        (&get, "Sec-WebSocket-Version", None, 426),
        (
            &get,
            "Sec-WebSocket-Version",
            Some("Sec-WebSocket-Version: 8"),
            426,
        ),
        (
            &get,
            "Sec-WebSocket-Version",
            Some("Sec-WebSocket-Version: 130"),
            426,
        ),
        (&get, "Sec-WebSocket-Key", None, 400),
        (
            &get,
            "Sec-WebSocket-Key",
            Some("Sec-WebSocket-Key: c2hvcnQ="),
            400,
        ),
    ] {
        let head = ask(&server, line, &with(name, header)).await;
        let what = format!("{line} without {name}, {header:?}: {head}");
        assert!(
            head.split(' ').nth(1) == Some(&status.to_string()),
            "{what}"
        );
        if status == 426 {
            assert!(head.contains("sec-websocket-version: 13\r\n"), "{what}");
        }
    }
}

#[tokio::test]
async fn of_the_subprotocols_ours_is_chosen() {
    let server = Server::start().await;
    for (offered, status) in [
        ("picasso-chat-v1", "101"),
        ("soap, picasso-chat-v1", "101"),
        ("soap, wamp", "400"),
    ] {
        let offer = format!("Sec-WebSocket-Protocol: {offered}");
        let head = ask(&server, &get(), &with("-", Some(&offer))).await;
        assert_eq!(head.split(' ').nth(1), Some(status), "{head}");
        let chosen = head.contains("sec-websocket-protocol: picasso-chat-v1\r\n");
        assert_eq!(chosen, status == "101", "{head}");
    }
}

/// A client need not wait for the answer to send its first frames.
#[tokio::test]
async fn what_is_sent_behind_the_request_is_heard() {
    let server = Server::start().await;
    let mut socket = RawSocket::connect(server.node.url()).await;
    let request = format!("{}\r\n{}\r\n\r\n", get(), HEADERS.join("\r\n"));
    let message = frame(true, opcode::TEXT, echo("early").as_bytes());
    socket.send(&[request.as_bytes(), &message].concat()).await;
    assert!(socket.read_head().await.starts_with("HTTP/1.1 101 "));
    loop {
        let heard = read(&socket.read_frame().await.expect("an answer"));
        if heard["type"] == "pong" {
            assert_eq!(heard["data"], "early");
            break;
        }
    }
}
