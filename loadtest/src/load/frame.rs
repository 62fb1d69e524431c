//! WebSocket frames (RFC 6455) as a client writes and reads them. Whole frames
//! are read where they lie, and nothing is allocated.

/// A frame of a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whether its message ends with it.
    pub is_last: bool,
    /// What it is.
    pub kind: Kind,
    /// Whether its message is compressed (RFC 7692); said in the first one of it.
    pub is_compressed: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A further part of a message.
    Continuation,
    /// Text, or the first part of it.
    Text,
    /// Bytes, or the first part of them.
    Binary,
    /// The end of the connection.
    Close,
    /// Wants a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// A server did what no server may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a frame that RFC 6455 does not allow, or that nobody asked for")]
pub struct Invalid;

const LAST: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

/// Takes a whole frame off the front of `input`; none where the rest of it is
/// still to come.
///
/// # Errors
/// What comes is no frame of a server.
pub fn take<'a>(input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Invalid> {
    let [first, second, rest @ ..] = *input else {
        return Ok(None);
    };
    if first & RESERVED != 0 || second & MASKED != 0 {
        return Err(Invalid);
    }
    let kind = Kind::of(first & 0x0F).ok_or(Invalid)?;
    let Some((length, rest)) = length(*second, rest) else {
        return Ok(None);
    };
    let length = usize::try_from(length).map_err(|_| Invalid)?;
    let Some((payload, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(Frame {
        is_last: first & LAST != 0,
        kind,
        is_compressed: first & COMPRESSED != 0,
        payload,
    }))
}

/// The length that a header begins to say in its second byte, and what follows.
fn length(second: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match second {
        126 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            Some((u16::from_be_bytes(*bytes).into(), rest))
        }
        127 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            Some((u64::from_be_bytes(*bytes), rest))
        }
        short => Some((short.into(), rest)),
    }
}

impl Kind {
    fn of(opcode: u8) -> Option<Self> {
        Some(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn opcode(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// The code of a close frame; none where it has none.
pub fn close_code(payload: &[u8]) -> Option<u16> {
    let (code, _reason) = payload.split_first_chunk()?;
    Some(u16::from_be_bytes(*code))
}

/// Appends a text frame.
pub fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write(Kind::Text, text, out);
}

/// Appends a whole message of one frame.
pub fn write(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.push(LAST | kind.opcode());
    let length = payload.len();
    if let Ok(length @ 0..=125) = u8::try_from(length) {
        out.push(MASKED | length);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(MASKED | 126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(MASKED | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
    // The mask keeps browsers' scripts from writing what proxies take for
    // requests. No script writes here: a mask of zeros leaves the bytes alone.
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server writes it.
    fn of_server(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut masked = Vec::new();
        write(Kind::Text, payload, &mut masked);
        let header = masked.len() - payload.len() - 4;
        let mut bytes = masked[..header].to_vec();
        bytes[0] = first;
        bytes[1] &= !MASKED;
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn frames_of_every_length_are_read_whole_or_not_at_all() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'a'; length];
            let bytes = of_server(0x81, &payload);
            for cut in [0, 1, 2, 3, bytes.len() - 1] {
                if cut < bytes.len() {
                    assert_eq!(take(&mut &bytes[..cut]), Ok(None), "{length}, {cut}");
                }
            }
            let followed = [&bytes[..], b"\x89"].concat();
            let mut input = &followed[..];
            let frame = take(&mut input).unwrap().unwrap();
            assert!(frame.is_last && frame.kind == Kind::Text);
            assert_eq!(frame.payload, payload);
            assert_eq!(input, b"\x89");
        }
    }

    #[test]
    fn what_no_server_may_send_is_noticed() {
        let mut masked = Vec::new();
        write_text(b"hello", &mut masked);
        for bytes in [&masked[..], b"\xA1\x00", b"\x91\x00", b"\x83\x00"] {
            assert_eq!(take(&mut &bytes[..]), Err(Invalid));
        }
    }

    #[test]
    fn a_close_says_why() {
        let bytes = of_server(0x88, b"\x03\xF4bye");
        let frame = take(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!(frame.kind, Kind::Close);
        assert_eq!(close_code(frame.payload), Some(1012));
        assert_eq!(close_code(b""), None);
    }
}
