//! Server-sent events, decoded as they come in.
//!
//! Our own rather than eventsource-stream, which keeps what is not UTF-8, and a line that never
//! ends, without a bound, and reads an unfinished line again with every piece of it.

use std::collections::VecDeque;

/// The largest event, in bytes; providers' events have a few hundred.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Makes the data of events out of bytes cut anywhere.
///
/// Only `data` fields are kept: both providers repeat the event's name in its data. Lines end
/// with LF or CRLF; a lone CR, which no provider sends, does not end a line.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The unfinished line.
    line: Vec<u8>,
    /// The data of the unfinished event.
    data: Option<Vec<u8>>,
    ready: VecDeque<String>,
}

/// What came in is no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// An event over [`MAX_EVENT_BYTES`].
    #[error("an event of more than 1 MiB")]
    TooLong,
    /// An event's data is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
}

impl Decoder {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
            if held + piece.len() > MAX_EVENT_BYTES {
                return Err(DecodeError::TooLong);
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.on_line()?;
            }
        }
        Ok(())
    }

    /// The data of the next whole event.
    pub(crate) fn pop(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn on_line(&mut self) -> Result<(), DecodeError> {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        if line.is_empty() {
            if let Some(data) = self.data.take() {
                let data = String::from_utf8(data).map_err(|_| DecodeError::NotUtf8)?;
                self.ready.push_back(data);
            }
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        }
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        for piece in pieces {
            decoder.push(piece).unwrap();
        }
        std::iter::from_fn(|| decoder.pop()).collect()
    }

    #[test]
    fn decodes_what_providers_send() {
        let stream = "\u{FEFF}: a comment\r\nevent: x\r\nid: 7\r\ndata: {\"a\":1}\r\n\r\n\
                      data:[DONE]\n\ndata: two\ndata: lines\n\n\n:\n\ndata: not whole";
        assert_eq!(
            events(&[stream.as_bytes()]),
            ["{\"a\":1}", "[DONE]", "two\nlines"]
        );
    }

    #[test]
    fn does_not_mind_where_bytes_are_cut() {
        let stream = "data: Grüße, 世界 👋\r\n\r\ndata: b\n\n".as_bytes();
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(
                events(&[head, tail]),
                ["Grüße, 世界 👋", "b"],
                "cut at {at}"
            );
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(events(&single), ["Grüße, 世界 👋", "b"]);
    }

    #[test]
    fn refuses_what_is_too_long_or_not_utf8() {
        let mut decoder = Decoder::default();
        let endless = (0..).find_map(|_| decoder.push(&[b'x'; 4096]).err());
        assert_eq!(endless, Some(DecodeError::TooLong));
        assert!(decoder.line.len() <= MAX_EVENT_BYTES);

        let mut decoder = Decoder::default();
        let endless = (0..).find_map(|_| decoder.push(b"data: many lines\n").err());
        assert_eq!(endless, Some(DecodeError::TooLong));

        assert_eq!(
            Decoder::default().push(b"data: \xFF\n\n"),
            Err(DecodeError::NotUtf8)
        );
    }
}
