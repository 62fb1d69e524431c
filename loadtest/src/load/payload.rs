//! The text of a load message: who sent it, which of its messages it is, when it
//! was to be sent, where it is said, and as much prose as makes it as long as is
//! wanted.
//!
//! ```text
//! load:12:345:8123456789:2166136261:It was on a quiet morning …
//! ```
//!
//! No character of it needs an escape in JSON, so that it is found in the
//! frames of any server without parsing them.

use memchr::memmem;

use super::clock::Nanos;

/// What every load message begins with.
const MARK: &str = "load:";

/// Prose compresses as what people write does; `xxxx` would not.
const PROSE: &str = include_str!("prose.txt");

/// What a load message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Who sent it, within the run.
    pub sender: u32,
    /// Its number among those of its sender: 0, 1, 2 …
    pub number: u32,
    /// When it was to be sent.
    pub sent: Nanos,
    /// The [number of the room](number_of) in which it is said: who hears it in
    /// another one must not.
    pub room: u32,
}

/// A room's number, by its name: all processes of a run agree on it, and rooms of
/// another run have others.
pub fn number_of(room: &str) -> u32 {
    // FNV-1a.
    room.bytes().fold(0x811C_9DC5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// So many words of prose, a blank between two.
pub(crate) fn words(count: u32) -> String {
    let words = PROSE.split_ascii_whitespace().cycle();
    words.take(count as usize).collect::<Vec<_>>().join(" ")
}

impl Stamp {
    /// Appends the text, of `bytes` bytes or as few more as it takes.
    pub fn write(self, bytes: usize, out: &mut String) {
        let Self {
            sender,
            number,
            sent,
            room,
        } = self;
        let begin = out.len();
        out.push_str(&format!("{MARK}{sender}:{number}:{sent}:{room}:"));
        // Each message begins elsewhere in the prose: no two are alike.
        let skipped = number as usize * 7 % PROSE.len();
        let mut rest = PROSE.get(skipped..).unwrap_or(PROSE);
        while out.len() - begin < bytes {
            let wanted = bytes - (out.len() - begin);
            out.push_str(rest.get(..wanted).unwrap_or(rest));
            rest = PROSE;
        }
    }

    /// Finds a load message in a frame, or in whatever surrounds it.
    pub fn find(frame: &[u8]) -> Option<Self> {
        let begin = memmem::find(frame, MARK.as_bytes())? + MARK.len();
        let mut rest = frame.get(begin..)?;
        Some(Self {
            sender: u32::try_from(take_number(&mut rest)?).ok()?,
            number: u32::try_from(take_number(&mut rest)?).ok()?,
            sent: take_number(&mut rest)?,
            room: u32::try_from(take_number(&mut rest)?).ok()?,
        })
    }
}

/// Takes digits and the colon behind them.
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let end = memchr::memchr(b':', rest)?;
    let (digits, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        sender: 12,
        number: 345,
        sent: 8_123_456_789,
        room: 67,
    };

    #[test]
    fn is_as_long_as_is_wanted_and_found_again() {
        for bytes in [0, 64, 128, 1024, 5000] {
            let mut text = String::new();
            STAMP.write(bytes, &mut text);
            assert_eq!(text.len(), bytes.max("load:12:345:8123456789:67:".len()));
            let frame = serde_json::json!({"type": "new_message", "data": {"content": text}});
            let frame = frame.to_string();
            assert!(frame.contains(&text), "nothing of it is escaped: {frame}");
            assert_eq!(Stamp::find(frame.as_bytes()), Some(STAMP));
        }
    }

    #[test]
    fn is_not_found_where_none_is() {
        for frame in [
            "",
            "load:",
            "load:1:2",
            "load:1:2:x:",
            "load:1:2:3",
            "load:1:2:3:4",
            "load:1:2:3:4294967296:",
            "a payload: 1:2:3:4:",
        ] {
            assert_eq!(Stamp::find(frame.as_bytes()), None, "{frame}");
        }
    }

    #[test]
    fn rooms_are_told_apart_by_number() {
        let rooms = (0..1_000).map(|number| number_of(&format!("load-1a2b3c-{number}")));
        let rooms: std::collections::BTreeSet<_> = rooms.collect();
        assert_eq!(rooms.len(), 1_000);
        assert_eq!(number_of("load-1"), number_of("load-1"));
    }
}
