//! As much of Redis's protocol as PUBLISH and SUBSCRIBE need.

use anyhow::{Context, ensure};

use crate::crowd::{Place, Said};

/// A command's bytes.
pub fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// What travels: the port of the process where it was said, and the client of it
/// who said it, before the frame.
pub fn envelope(port: u16, said: &Said) -> Vec<u8> {
    let mut message = port.to_be_bytes().to_vec();
    message.extend_from_slice(&(said.by as u64).to_be_bytes());
    message.extend_from_slice(&said.frame);
    message
}

/// The frame that travelled, and the client of this process who said it, if it was
/// one.
///
/// # Errors
/// If this is no [`envelope`].
pub fn opened(port: u16, message: &[u8]) -> anyhow::Result<(Option<Place>, &[u8])> {
    let parts = message.split_first_chunk::<2>();
    let parts = parts.and_then(|(port, rest)| Some((port, rest.split_first_chunk::<8>()?)));
    let (process, (client, frame)) = parts.context("a message that no process has sent")?;
    let is_ours = u16::from_be_bytes(*process) == port;
    Ok((
        is_ours.then_some(u64::from_be_bytes(*client) as Place),
        frame,
    ))
}

/// A channel, and the message that came there; no message where it is now
/// subscribed to.
pub type Push<'a> = (&'a [u8], Option<&'a [u8]>);

/// Takes a push off the front of `input`; `None` if it is not all there yet.
///
/// # Errors
/// If this is something that Redis does not say to a subscriber.
pub fn next_push<'a>(input: &mut &'a [u8]) -> anyhow::Result<Option<Push<'a>>> {
    let mut rest = *input;
    let Some(parts) = number(&mut rest, b'*')? else {
        return Ok(None);
    };
    ensure!(parts == 3, "a push of {parts} parts");
    let (Some(kind), Some(channel)) = (bulk(&mut rest)?, bulk(&mut rest)?) else {
        return Ok(None);
    };
    let message = if kind == b"message" {
        let message = bulk(&mut rest)?;
        if message.is_none() {
            return Ok(None);
        }
        message
    } else {
        // "subscribe", and how many channels are subscribed to now.
        if number(&mut rest, b':')?.is_none() {
            return Ok(None);
        }
        None
    };
    *input = rest;
    Ok(Some((channel, message)))
}

fn bulk<'a>(input: &mut &'a [u8]) -> anyhow::Result<Option<&'a [u8]>> {
    let Some(length) = number(input, b'$')? else {
        return Ok(None);
    };
    let Some((text, rest)) = input.split_at_checked(length) else {
        return Ok(None);
    };
    let Some(rest) = rest.get(2..) else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(text))
}

/// The number of a line that begins with `sign`; `None` if it is not all there yet.
fn number(input: &mut &[u8], sign: u8) -> anyhow::Result<Option<usize>> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let (line, rest) = input.split_at_checked(end + 1).context("a line")?;
    let digits = line
        .strip_prefix(&[sign])
        .and_then(|line| line.strip_suffix(b"\r\n"))
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| digits.parse().ok());
    *input = rest;
    let number = number.with_context(|| String::from_utf8_lossy(line).into_owned())?;
    Ok(Some(number))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pushes_are_found_wherever_the_bytes_are_cut() {
        let pushes = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n\
            *3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nx\r\ny\r\n\
            *3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$0\r\n\r\n";
        for cut in 0..=pushes.len() {
            let (mut heard, mut pushes_seen) = (Vec::new(), Vec::new());
            for part in [pushes.get(..cut).unwrap(), pushes.get(cut..).unwrap()] {
                heard.extend_from_slice(part);
                let mut rest = heard.as_slice();
                while let Some((channel, text)) = next_push(&mut rest).unwrap() {
                    pushes_seen.push((channel.to_vec(), text.map(<[u8]>::to_vec)));
                }
                let done = heard.len() - rest.len();
                heard.drain(..done);
            }
            let expected = [
                (b"a".to_vec(), None),
                (b"a".to_vec(), Some(b"x\r\ny".to_vec())),
                (b"b".to_vec(), Some(Vec::new())),
            ];
            assert_eq!(pushes_seen, expected, "cut at {cut}");
            assert!(heard.is_empty(), "cut at {cut}");
        }
    }

    #[test]
    fn an_error_of_redis_is_shown() {
        let said = next_push(&mut b"-NOAUTH Authentication required.\r\n".as_slice());
        assert!(said.unwrap_err().to_string().contains("NOAUTH"));
    }
}
