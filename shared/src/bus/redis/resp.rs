//! What Redis says, and how it is asked: RESP3, as far as we use it.

use bytes::{Buf, BytesMut};
use bytes::{BufMut, Bytes};

/// Deeper than anything that Redis answers us.
const DEEPEST: usize = 16;

/// More than any list that Redis answers us has, and longer than any string that it
/// holds: who says more is no Redis, and would have us gather it without end.
const MOST_MEMBERS: usize = 1 << 16;
const LONGEST: usize = 512 << 20;

/// One thing that Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Nil,
    Number(i64),
    /// A string of any kind.
    Text(Bytes),
    /// A list of any kind; of a map its keys and values in turn.
    List(Vec<Frame>),
    /// What nobody asked for.
    Push(Vec<Frame>),
    Error(String),
}

/// Redis does not speak as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis said what is no RESP3")]
pub(super) struct Malformed;

impl Frame {
    /// Takes the first frame off `buffer`; `None` while it has not come whole.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        let Some(len) = len_of_first(buffer)? else {
            return Ok(None);
        };
        let mut bytes = buffer.split_to(len).freeze();
        Self::read(&mut bytes, DEEPEST).map(Some)
    }

    fn read(bytes: &mut Bytes, depth: usize) -> Result<Self, Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        let line = take_line(bytes)?;
        let (kind, rest) = line.split_first().ok_or(Malformed)?;
        let text = || line.slice(1..);
        Ok(match kind {
            b'_' => Self::Nil,
            b':' => Self::Number(number(rest)?),
            b'#' => Self::Number(i64::from(rest == b"t")),
            b'+' | b',' | b'(' => Self::Text(text()),
            b'-' => Self::Error(lossy(rest)),
            b'$' | b'=' | b'!' => match take_blob(bytes, rest)? {
                None => Self::Nil,
                Some(blob) if *kind == b'!' => Self::Error(lossy(&blob)),
                Some(blob) => Self::Text(blob),
            },
            b'*' | b'~' | b'>' | b'%' => {
                let Some(count) = members(*kind, rest)? else {
                    return Ok(Self::Nil);
                };
                let list = (0..count).map(|_| Self::read(bytes, depth));
                let list = list.collect::<Result<_, _>>()?;
                if *kind == b'>' {
                    Self::Push(list)
                } else {
                    Self::List(list)
                }
            }
            // What it says beside, of what comes next.
            b'|' => {
                for _ in 0..members(*kind, rest)?.unwrap_or(0) {
                    Self::read(bytes, depth)?;
                }
                Self::read(bytes, depth)?
            }
            _ => return Err(Malformed),
        })
    }

    pub(super) fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Text(bytes) => Some(bytes),
            Self::Nil | Self::Number(_) | Self::List(_) | Self::Push(_) | Self::Error(_) => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    pub(super) fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Nil | Self::Text(_) | Self::List(_) | Self::Push(_) | Self::Error(_) => None,
        }
    }

    /// Whether who answers this to ROLE is a replica.
    pub(super) fn is_of_replica(&self) -> bool {
        matches!(self, Self::List(role) if role.first().and_then(Self::as_str) == Some("slave"))
    }

    pub(super) fn into_list(self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list),
            Self::Nil | Self::Number(_) | Self::Text(_) | Self::Push(_) | Self::Error(_) => None,
        }
    }
}

/// How long the first frame is; `None` while it has not come whole.
fn len_of_first(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let (mut at, mut awaited) = (0, 1_usize);
    while awaited > 0 {
        let rest = bytes.get(at..).ok_or(Malformed)?;
        let Some(line_len) = rest.iter().position(|&byte| byte == b'\n') else {
            return Ok(None);
        };
        let line = rest.get(..line_len.saturating_sub(1)).ok_or(Malformed)?;
        let (kind, of_kind) = line.split_first().ok_or(Malformed)?;
        at += line_len + 1;
        awaited -= 1;
        match kind {
            b'$' | b'=' | b'!' => {
                if let Some(len) = length(of_kind)? {
                    at += len + 2;
                }
            }
            b'*' | b'~' | b'>' | b'%' => {
                let members = members(*kind, of_kind)?.unwrap_or(0);
                awaited += members;
            }
            b'|' => awaited += 1 + members(*kind, of_kind)?.unwrap_or(0),
            _ => {}
        }
        // However they are nested.
        if awaited > MOST_MEMBERS {
            return Err(Malformed);
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// The next line, without its end.
fn take_line(bytes: &mut Bytes) -> Result<Bytes, Malformed> {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let mut line = bytes.split_to(end.ok_or(Malformed)? + 1);
    line.truncate(line.len().saturating_sub(2));
    Ok(line)
}

fn take_blob(bytes: &mut Bytes, len: &[u8]) -> Result<Option<Bytes>, Malformed> {
    let Some(len) = length(len)? else {
        return Ok(None);
    };
    if bytes.len() < len + 2 {
        return Err(Malformed);
    }
    let blob = bytes.split_to(len);
    bytes.advance(2);
    Ok(Some(blob))
}

/// How many frames follow; `None` for a list that is none.
fn members(kind: u8, count: &[u8]) -> Result<Option<usize>, Malformed> {
    let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
    Ok(length(count)?.map(|count| count * each))
}

/// A length; −1 stands for nothing.
fn length(text: &[u8]) -> Result<Option<usize>, Malformed> {
    let number = number(text)?;
    if number == -1 {
        return Ok(None);
    }
    let length = usize::try_from(number).ok();
    let length = length.filter(|length| *length <= LONGEST);
    length.map(Some).ok_or(Malformed)
}

fn number(text: &[u8]) -> Result<i64, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    text.parse().map_err(|_| Malformed)
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Writes a command behind what `out` holds.
pub(super) fn write_command<'a>(
    out: &mut BytesMut,
    parts: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    write_head(out, b'*', parts.len());
    for part in parts {
        write_head(out, b'$', part.len());
        out.put_slice(part);
        out.put_slice(b"\r\n");
    }
}

fn write_head(out: &mut BytesMut, kind: u8, number: usize) {
    out.put_u8(kind);
    out.put_slice(number.to_string().as_bytes());
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Frame {
        Frame::Text(Bytes::from_static(text.as_bytes()))
    }

    const SAID: &[u8] = b"+OK\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n_\r\n#t\r\n,1.5\r\n=5\r\ntxt:x\r\n\
        -ERR no\r\n!6\r\nERR no\r\n*-1\r\n*2\r\n$0\r\n\r\n*1\r\n:1\r\n%1\r\n+k\r\n:2\r\n\
        >3\r\n+smessage\r\n$1\r\nc\r\n$3\r\n\xff\r\n\r\n|1\r\n+ttl\r\n*1\r\n:9\r\n+PONG\r\n";

    fn frames() -> Vec<Frame> {
        let error = || Frame::Error("ERR no".to_owned());
        vec![
            text("OK"),
            Frame::Number(-7),
            text("a\r\nbc"),
            Frame::Nil,
            Frame::Nil,
            Frame::Number(1),
            text("1.5"),
            text("txt:x"),
            error(),
            error(),
            Frame::Nil,
            Frame::List(vec![text(""), Frame::List(vec![Frame::Number(1)])]),
            Frame::List(vec![text("k"), Frame::Number(2)]),
            Frame::Push(vec![
                text("smessage"),
                text("c"),
                Frame::Text(Bytes::from_static(b"\xff\r\n")),
            ]),
            text("PONG"),
        ]
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        for cut in 1..SAID.len() {
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for part in SAID.chunks(cut) {
                buffer.extend_from_slice(part);
                while let Some(frame) = Frame::take(&mut buffer).unwrap() {
                    read.push(frame);
                }
            }
            assert_eq!(read, frames(), "cut after {cut}");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn what_is_no_resp3_is_refused() {
        let deep = "*1\r\n".repeat(20) + ":1\r\n";
        for bad in [
            "?\r\n",
            "\n",
            "$x\r\n",
            "$-2\r\n",
            ":\r\n",
            "*9999999999999999999\r\n",
            "*9999999\r\n",
            "|9999999\r\n",
            "$600000000\r\n",
            "*60000\r\n*60000\r\n",
            &deep,
        ] {
            let taken = Frame::take(&mut BytesMut::from(bad));
            assert_eq!(taken, Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_command_is_a_list_of_strings() {
        let mut out = BytesMut::new();
        write_command(&mut out, [&b"GET"[..], b"\r\n"].into_iter());
        assert_eq!(&out[..], b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n");
    }
}
