//! As much of RFC 6455 as clients of ours need: the handshake, whole text frames. A
//! client's text begins with a line that names a room.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// What a client asks for.
pub struct Request {
    /// The rooms that it comes into, by `room=` in its query.
    pub rooms: Vec<String>,
    /// What it is answered.
    pub answer: String,
}

/// What a client sent.
pub enum Received {
    /// Text for a room, as the frame that all in it are to get.
    Text(Vec<u8>, Vec<u8>),
    /// It goes.
    Close,
    /// A ping or pong.
    Other,
}

/// Reads a request; `None` if it is not all there yet.
///
/// # Errors
/// If it is not the request of a WebSocket client.
pub fn handshake(request: &[u8]) -> anyhow::Result<Option<Request>> {
    if !request.ends_with(b"\r\n\r\n") {
        ensure!(request.len() < 16 * 1024, "a request without end");
        return Ok(None);
    }
    let request = std::str::from_utf8(request)?;
    let header = |name: &str| {
        request.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let path = request.split(' ').nth(1).unwrap_or_default();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let rooms = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("room="));
    let Some(key) = header("sec-websocket-key") else {
        anyhow::bail!("a request without Sec-WebSocket-Key");
    };
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = STANDARD.encode(digest);
    let protocol = header("sec-websocket-protocol")
        .and_then(|offers| offers.split(',').next())
        .map_or(String::new(), |first| {
            format!("Sec-WebSocket-Protocol: {}\r\n", first.trim())
        });
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    Ok(Some(Request {
        rooms: rooms.map(str::to_owned).collect(),
        answer,
    }))
}

/// Takes one frame of a client off the front of `input`; `None` if it is not all
/// there yet.
///
/// # Errors
/// If it is fragmented, not masked or of 64 KiB and more, which our clients' are not.
pub fn next_frame(input: &mut &[u8]) -> anyhow::Result<Option<Received>> {
    let [kind, length, rest @ ..] = *input else {
        return Ok(None);
    };
    ensure!(
        kind & 0x80 != 0 && length & 0x80 != 0,
        "no whole masked frame"
    );
    let (length, rest) = match (length & 0x7f, rest) {
        (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (126, _) => return Ok(None),
        (127, _) => anyhow::bail!("a frame of 64 KiB or more"),
        (short, rest) => (usize::from(short), rest),
    };
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some((masked, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(match *kind {
        TEXT => {
            let mut text = masked.to_vec();
            unmask(&mut text, *mask);
            let end = text.iter().position(|byte| *byte == b'\n');
            let rest = text.split_off(end.context("a text without a room")? + 1);
            text.pop();
            Received::Text(text, frame(&rest))
        }
        CLOSE => Received::Close,
        _ => Received::Other,
    }))
}

/// Four bytes at a time, of which the compiler makes more: one by one costs
/// as much as a tenth of a send.
fn unmask(text: &mut [u8], mask: [u8; 4]) {
    let (whole, rest) = text.as_chunks_mut::<4>();
    for chunk in whole {
        let plain = u32::from_ne_bytes(*chunk) ^ u32::from_ne_bytes(mask);
        *chunk = plain.to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// A server's frame with this text, of less than 64 KiB.
pub fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 4);
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.extend([TEXT, short]),
        _ => {
            let [.., high, low] = text.len().to_be_bytes();
            frame.extend([TEXT, 126, high, low]);
        }
    }
    frame.extend_from_slice(text);
    frame
}
