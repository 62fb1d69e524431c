//! Groups 1 to 4 of Autobahn: lengths, pings, reserved bits, reserved opcodes.

use causerie_testkit::client::raw::{frame, masked, opcode};

use crate::cases::{Case, case, hold, said};
use crate::support::{Server, echo_of};

#[tokio::test]
async fn lengths() {
    let texts = [64, 125, 126, 127, 128, 0xFFFF, 0x1_0000, 100 << 10].map(|len| {
        let (echo, said) = echo_of(len);
        let wire = frame(true, opcode::TEXT, echo.as_bytes());
        // As a network cuts a long one up.
        let writes = wire.chunks(997).map(<[u8]>::to_vec).collect();
        case("5.2", format!("a text of {len} bytes"), writes).echoes(&said)
    });
    let binary = [0, 125, 126, 127, 128, 0xFFFF, 0x1_0000].map(|len| {
        let wire = frame(true, opcode::BINARY, &vec![0xFE; len]);
        let writes = wire.chunks(997).map(<[u8]>::to_vec).collect();
        case("5.6", format!("binary, {len} bytes"), writes).refuses("invalid_message")
    });
    let empty = case("5.6", "an empty text", vec![frame(true, opcode::TEXT, b"")]);
    hold(
        texts
            .into_iter()
            .chain(binary)
            .chain([empty.refuses("invalid_json")]),
    )
    .await;
}

#[tokio::test]
async fn pings_and_pongs() {
    let ping = |payload: &[u8]| frame(true, opcode::PING, payload);
    let pong = |payload: &[u8]| frame(true, opcode::PONG, payload);
    let mut cases: Vec<Case> = [
        &b""[..],
        b"Hello, world!",
        b"\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF",
    ]
    .into_iter()
    .map(|payload| case("5.5.2", "a ping", vec![ping(payload)]).pongs(payload))
    .collect();
    let long = [0xFE; 125];
    cases.push(case("5.5.2", "a ping of 125 bytes", vec![ping(&long)]).pongs(&long));
    let numbers: Vec<String> = (0..10).map(|number| format!("payload-{number}")).collect();
    let pings = numbers
        .iter()
        .map(|number| ping(number.as_bytes()))
        .collect();
    cases.push(numbers.iter().fold(
        case("5.5.3", "ten pings are answered in their order", pings),
        |case, number| case.pongs(number.as_bytes()),
    ));
    let unasked = vec![
        pong(b""),
        pong(b"unsolicited pong payload"),
        ping(b"and a ping"),
    ];
    cases.push(case("5.5.3", "pongs that nobody asked for", unasked).pongs(b"and a ping"));
    let too_long = [opcode::PING, opcode::PONG, opcode::CLOSE].map(|opcode| {
        case(
            "5.5",
            "a control frame of 126 bytes",
            vec![frame(true, opcode, &[0xFE; 126])],
        )
        .closes(1002)
    });
    hold(cases.into_iter().chain(too_long)).await;
}

/// What a frame with `first` does after a text, and after one with a ping behind it.
fn refused(section: &'static str, first: u8, payload: &[u8]) -> [Case; 2] {
    let before = frame(true, opcode::TEXT, &said("before"));
    let bad = masked(first, payload);
    let ping = frame(true, opcode::PING, b"after");
    [vec![before.clone(), bad.clone()], vec![before, bad, ping]].map(|frames| {
        let what = format!("a first byte of {first:#04x}, {} bytes", payload.len());
        case(section, what, frames).echoes("before").closes(1002)
    })
}

/// Each of the three alone, and all of them together, on every kind of frame.
#[tokio::test]
async fn reserved_bits() {
    let echo = said("reserved");
    let kinds = [
        (opcode::TEXT, &*echo),
        (opcode::BINARY, b"\x00\xFF"),
        (opcode::CLOSE, b"\x03\xE8"),
        (opcode::PING, b"ping"),
        (opcode::PONG, b""),
    ];
    let bits = (1..8).map(|bits: u8| 0x80 | bits << 4);
    let all = bits.flat_map(|bits| kinds.map(|(opcode, payload)| (bits | opcode, payload)));
    hold(all.flat_map(|(first, payload)| refused("5.2", first, payload))).await;
}

#[tokio::test]
async fn reserved_opcodes() {
    let opcodes = (0x3..=0x7).chain(0xB..=0xF);
    let both = opcodes.flat_map(|opcode| [&b""[..], b"reserved"].map(|payload| (opcode, payload)));
    hold(both.flat_map(|(opcode, payload)| refused("5.2", 0x80 | opcode, payload))).await;
}

#[tokio::test]
async fn masks() {
    // Zeros mask nothing, and are a mask all the same.
    let text = said("plain to see");
    let zeros = [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], &*text].concat();
    let unmasked = [&[0x81, text.len() as u8], &*text].concat();
    let unmasked_ping = vec![0x89, 0];
    hold([
        case("5.3", "a mask of zeros", vec![zeros]).echoes("plain to see"),
        case("5.1", "a text without a mask", vec![unmasked]).closes(1002),
        case("5.1", "an empty ping without one", vec![unmasked_ping]).closes(1002),
    ])
    .await;
}

#[tokio::test]
async fn lengths_in_a_longer_form_than_they_need() {
    let padded = |len: &[u8]| [&[0x81], len, &[0; 4], &[b' '; 5]].concat();
    hold(
        [
            ("5 in 16 bits", padded(&[0xFE, 0, 5])),
            ("125 in 16 bits", padded(&[0xFE, 0, 125])),
            ("5 in 64 bits", padded(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 5])),
            (
                "65535 in 64 bits",
                padded(&[0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
            ),
            (
                "the highest bit of 64",
                padded(&[0xFF, 0x80, 0, 0, 0, 0, 0, 0, 5]),
            ),
        ]
        .map(|(what, wire)| case("5.2", what, vec![wire]).closes(1002)),
    )
    .await;
}

#[tokio::test]
async fn many_messages_may_come_at_once() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let numbers: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let messages = numbers
        .iter()
        .map(|number| frame(true, opcode::TEXT, &said(number)));
    client
        .socket
        .send(&messages.collect::<Vec<_>>().concat())
        .await;
    for number in &numbers {
        client.expect_echo(number).await;
    }
}
