//! Compressed messages out (RFC 7692, 7.2.1).

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress};

/// Under so many bytes little is saved, and not tried. A delta of a reply is just
/// above it.
pub(super) const WORTH_TRYING: usize = 160;

/// Level 1 writes no tables of its own, so it saves next to nothing of a short
/// frame. From 3 on a hundredth more is saved, for a tenth more time and up to
/// twice as much.
const LEVEL: Compression = Compression::new(2);

/// What a flush ends with, and a sender takes off.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

thread_local! {
    /// What deflates all messages of a thread, one after the other: none refers
    /// to an earlier one, so that one result serves every connection.
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(LEVEL, false));
}

/// The compressed form of `text`, where it saves at least an eighth.
pub(super) fn deflate(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() < WORTH_TRYING {
        return None;
    }
    // What does not fit in here would not pay. A byte is left over where all of
    // it was flushed.
    let most = text.len() - text.len() / 8;
    let mut deflated = Vec::with_capacity(most + FLUSHED.len() + 1);
    DEFLATER
        .with_borrow_mut(|stream| {
            stream.reset();
            stream.compress_vec(text, &mut deflated, FlushCompress::Sync)
        })
        .ok()?;
    if deflated.len() == deflated.capacity() {
        return None;
    }
    deflated.truncate(deflated.len().saturating_sub(FLUSHED.len()));
    Some(deflated)
}

#[cfg(test)]
mod tests {
    use super::super::inflate::inflate;
    use super::*;

    #[test]
    fn what_repeats_shrinks_and_comes_back() {
        let text = r#"{"type":"message_delta","data":{"text":"word"}}"#.repeat(20);
        for _ in 0..2 {
            let deflated = deflate(text.as_bytes()).expect("it pays");
            assert!(deflated.len() < text.len() / 4, "{}", deflated.len());
            assert_eq!(inflate(deflated, 10_000), Ok(text.clone().into_bytes()));
        }
    }

    #[test]
    fn what_is_short_is_left_alone() {
        assert_eq!(deflate(&[b'x'; WORTH_TRYING - 1]), None);
        assert!(deflate(&[b'x'; WORTH_TRYING]).is_some());
    }

    #[test]
    fn what_does_not_shrink_is_left_alone() {
        let mut noise = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        })
        .take(4_000)
        .collect();
        assert_eq!(deflate(&noise), None);
    }
}
