//! Compressed messages in (RFC 7692, 7.2.2).

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::Violation;

/// The four bytes that a sender takes off the end of each message, and behind
/// them an empty last block: if that is not the end of the stream, the message
/// was cut short.
const END: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x03, 0x00];

/// What is inflated at once.
const CHUNK: usize = 8 << 10;

/// How many bytes a compressed message may have if it may have `limit` bytes
/// once inflated: what cannot be compressed grows, by less than an eighth with
/// the worst of settings.
pub(super) fn compressed_limit(limit: u32) -> u64 {
    u64::from(limit) + u64::from(limit / 8) + 64
}

/// What inflates the messages of all connections of a thread, one after the
/// other: no message refers to an earlier one, so a connection needs none of
/// its own.
struct Inflater {
    stream: Decompress,
    chunk: Box<[u8; CHUNK]>,
}

thread_local! {
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater {
        stream: Decompress::new(false),
        chunk: Box::new([0; CHUNK]),
    });
}

/// The message that was `compressed`, if that has no more than `limit` bytes.
/// What would have more is given up there: it costs no memory beyond `limit`.
pub(super) fn inflate(mut compressed: Vec<u8>, limit: u32) -> Result<Vec<u8>, Violation> {
    compressed.extend_from_slice(&END);
    INFLATER.with_borrow_mut(|inflater| inflater.inflate(&compressed, limit as usize))
}

impl Inflater {
    fn inflate(&mut self, mut input: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
        let mut inflated = Vec::new();
        self.stream.reset(false);
        loop {
            // One byte more than is allowed is enough to know.
            let room = (limit - inflated.len()).saturating_add(1).min(CHUNK);
            let chunk = self.chunk.get_mut(..room).unwrap_or_default();
            let before = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(input, chunk, FlushDecompress::None)
                .map_err(|_| Violation::Protocol)?;
            let taken = since(before.0, self.stream.total_in());
            let given = since(before.1, self.stream.total_out());

            if inflated.len() + given > limit {
                return Err(Violation::TooLarge);
            }
            inflated.extend_from_slice(chunk.get(..given).unwrap_or_default());
            input = input.get(taken..).unwrap_or_default();
            match status {
                Status::StreamEnd if input.is_empty() => return Ok(inflated),
                // A sender may end its blocks itself (RFC 7692, 7.2.3.5).
                Status::StreamEnd => self.stream.reset(false),
                Status::Ok | Status::BufError if taken + given > 0 => {}
                Status::Ok | Status::BufError => return Err(Violation::Protocol),
            }
        }
    }
}

/// How far a stream's counter has gone, which counts one call's bytes here.
fn since(before: u64, after: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

    fn inflated(compressed: &[u8], limit: u32) -> Result<String, Violation> {
        let bytes = inflate(compressed.to_vec(), limit)?;
        Ok(String::from_utf8(bytes).expect("text"))
    }

    /// The examples of RFC 7692, 7.2.3.
    #[test]
    fn the_examples_of_the_rfc() {
        let stored = [
            0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00,
        ];
        let last_block = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
        let two_blocks = [
            0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
        ];
        for example in [HELLO, &stored, &last_block, &two_blocks] {
            assert_eq!(inflated(example, 5).as_deref(), Ok("Hello"), "{example:x?}");
        }
        assert_eq!(inflated(&[0x00], 0).as_deref(), Ok(""));
    }

    #[test]
    fn what_follows_a_last_block_is_read_on() {
        let last_block = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let two_streams = [last_block, HELLO].concat();
        assert_eq!(inflated(&two_streams, 10).as_deref(), Ok("HelloHello"));
        let noise = [last_block, &[0xFF; 20][..]].concat();
        assert_eq!(inflated(&noise, 100), Err(Violation::Protocol));
    }

    #[test]
    fn a_byte_too_many_is_too_large() {
        assert_eq!(inflated(HELLO, 4), Err(Violation::TooLarge));
    }

    #[test]
    fn what_goes_beyond_the_limit_is_not_even_inflated() {
        let mut stream = flate2::Compress::new(flate2::Compression::best(), false);
        let mut bomb = Vec::with_capacity(10_000);
        stream
            .compress_vec(&[b'x'; 1_000_000], &mut bomb, flate2::FlushCompress::Finish)
            .expect("it can be compressed");
        assert_eq!(inflated(&bomb, 20_000), Err(Violation::TooLarge));
        let inflated = INFLATER.with_borrow(|inflater| inflater.stream.total_out());
        assert_eq!(inflated, 20_001);
    }

    #[test]
    fn what_is_cut_short_or_none_is_refused() {
        for end in 0..HELLO.len() - 1 {
            let cut = HELLO.get(..end).expect("within");
            assert_eq!(inflated(cut, 100), Err(Violation::Protocol), "{end}");
        }
        assert_eq!(inflated(&[0xFF; 20], 100), Err(Violation::Protocol));
    }

    /// Each message stands for itself: after a refusal as well.
    #[test]
    fn a_refused_message_leaves_nothing_behind() {
        assert!(inflated(&[0xFF; 20], 100).is_err());
        assert_eq!(inflated(HELLO, 5).as_deref(), Ok("Hello"));
    }
}
