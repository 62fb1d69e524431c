//! Group 7 of Autobahn: the close and what follows it.

use causerie_testkit::client::raw::{frame, opcode};

use crate::cases::{case, hold, said};
use crate::support::{Server, echo_of};

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(true, opcode::CLOSE, &[&code.to_be_bytes(), reason].concat())
}

#[tokio::test]
async fn nothing_is_heard_after_a_close() {
    let text = frame(true, opcode::TEXT, &said("said"));
    let ping = frame(true, opcode::PING, b"late");
    let (long, long_said) = echo_of(100 << 10);
    let long = frame(true, opcode::TEXT, long.as_bytes());
    let begun = frame(false, opcode::TEXT, b"fragment 1");
    let end = frame(true, opcode::CONTINUATION, b"fragment 2");
    let bad = vec![0x83, 0x80, 0, 0, 0, 0];
    hold([
        case(
            "5.5.1",
            "two closes",
            vec![close(1000, b""), close(1001, b"")],
        )
        .closes(1000),
        case(
            "5.5.1",
            "a ping after it",
            vec![close(1000, b""), ping.clone()],
        )
        .closes(1000),
        case("5.5.1", "a text after it", vec![close(1000, b""), text]).closes(1000),
        case("5.5.1", "a violation after it", vec![close(1000, b""), bad]).closes(1000),
        case(
            "5.5.1",
            "amid fragments",
            vec![begun, close(1000, b""), end],
        )
        .closes(1000),
        case(
            "5.5.1",
            "a long text, a close, a ping",
            vec![long, close(1000, b""), ping],
        )
        .echoes(&long_said)
        .closes(1000),
    ])
    .await;
}

#[tokio::test]
async fn reasons() {
    let longest = "*".repeat(123);
    let of_two_bytes = "é".repeat(61);
    let good = ["", "Hello World!", &longest, &of_two_bytes, "κόσμε"];
    let good = good.map(|reason| case("5.5.1", reason, vec![close(1000, reason.as_bytes())]));
    let bad = [
        &b"\xCE\xBA\xE1\xBD\xB9\xED\xA0\x80edited"[..],
        b"\xFF",
        b"\xC3",
    ]
    .map(|reason| {
        let what = format!("{reason:02x?}");
        case("5.5.1", what, vec![close(1000, reason)]).closes(1007)
    });
    hold(good.map(|case| case.closes(1000)).into_iter().chain(bad)).await;
}

#[tokio::test]
async fn codes() {
    let good = (1000..=1003)
        .chain(1007..=1014)
        .chain([3000, 3999, 4000, 4999]);
    let good = good.map(|code| (code, code));
    let bad = [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0xFFFF,
    ];
    let bad = bad.map(|code| (code, 1002));
    hold(good.chain(bad).flat_map(|(code, answer)| {
        [&b""[..], b"a reason"].map(|reason| {
            let what = format!("code {code} with {} bytes", reason.len());
            case("7.4", what, vec![close(code, reason)]).closes(answer)
        })
    }))
    .await;
}

#[tokio::test]
async fn payloads_of_other_lengths() {
    let of = |payload: &[u8]| vec![frame(true, opcode::CLOSE, payload)];
    hold([
        case("5.5.1", "half a code", of(&[3])).closes(1002),
        case(
            "5.5.1",
            "124 bytes of reason",
            of(&[&[3, 0xE8], &[b'x'; 124][..]].concat()),
        )
        .closes(1002),
    ])
    .await;
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
