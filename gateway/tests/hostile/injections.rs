//! Those who hope that what they write is taken for a header, or for a second request.

use causerie_testkit::client::raw::RawSocket;

use crate::stage::{GOOD_ADDRESS, OPENING, Stage, token};

/// What stands in a URL or a header comes back in no header, and as no request of its own.
#[tokio::test]
async fn injected_headers() {
    let stage = Stage::set().await;
    stage.attack(async |_| inject_headers(&stage).await).await;
    assert!(
        !stage.node.output().contains("\nX-Injected"),
        "{}",
        stage.node.output()
    );
    stage.expect_unharmed("injects headers and requests").await;
}

async fn inject_headers(stage: &Stage) {
    let token = token("u1");
    let opening = OPENING.trim_end();
    // From where nothing is counted, so that what answers is never a limit.
    let from = format!("X-Forwarded-For: {GOOD_ADDRESS}");
    let asking = format!("GET /ws?token={token} HTTP/1.1\r\n{opening}\r\n{from}\r\n");
    let posting = format!(
        "POST /api/actions HTTP/1.1\r\nHost: x\r\n{from}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 50\r\n"
    );
    let injected = "%0d%0aX-Injected:%20yes%0d%0a%0d%0aHTTP/1.1%20200%20OK";
    for (what, status, wire) in [
        (
            "in the query",
            400,
            asking.replacen("?", &format!("?room=tenant{injected}&"), 1),
        ),
        (
            // Nobody looks at what it names.
            "in a name of the query",
            101,
            asking.replacen("?", &format!("?{injected}=1&"), 1),
        ),
        (
            "in the path",
            404,
            asking.replacen("?", &format!("{injected}?"), 1),
        ),
        (
            "as origin",
            403,
            format!("{asking}Origin: https://x{injected}"),
        ),
        (
            "as subprotocol",
            400,
            format!("{asking}Sec-WebSocket-Protocol: picasso-chat-v1{injected}"),
        ),
        (
            // Which ends a line as well (RFC 9112, 2.2), and the origin is a stranger's.
            "as a lone line feed",
            403,
            format!("{asking}Origin: x\nX-Injected: yes"),
        ),
        (
            "as a lone return",
            400,
            format!("{asking}Origin: x\rX-Injected: yes"),
        ),
        ("as a NUL", 400, format!("{asking}Origin: x\0")),
        (
            "as a folded line",
            400,
            format!("{asking}Origin: x\r\n X-Injected: yes"),
        ),
        (
            "a space before the colon",
            400,
            format!("{asking}X-Injected : yes"),
        ),
        (
            "two lengths",
            400,
            format!("{posting}Content-Length: 2\r\n\r\n{{}}GET /health HTTP/1.1\r\nHost: x"),
        ),
        (
            // The chunks count, what is in them lacks all, and what the length hides from a
            // proxy that goes by that is not heard (RFC 9112, 6.3).
            "a length and chunks",
            400,
            format!(
                "{posting}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n\
                 GET /health HTTP/1.1\r\nHost: x"
            ),
        ),
    ] {
        let mut socket = RawSocket::connect(stage.node.url()).await;
        socket.send(format!("{wire}\r\n\r\n").as_bytes()).await;
        let head = socket.read_head().await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(head.starts_with(&expected), "{what}: {head}");
        assert!(
            !head.to_lowercase().contains("x-injected"),
            "{what}: {head}"
        );
        socket.shut_down_writing().await;
        let rest = socket.read_to_end().await;
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.contains("HTTP/1.1 "), "{what}: {rest}");
    }
}
