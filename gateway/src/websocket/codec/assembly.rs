//! A message whose parts are still coming.

use super::header::{Header, Opcode};
use super::{Message, Violation, inflate, mask};

/// A message of which something has come.
#[derive(Debug)]
pub(super) struct Assembly {
    /// Text, not binary.
    is_text: bool,
    compressed: bool,
    /// What has come, without its mask. Grows with what comes, never with what
    /// is announced. Nobody reads binary messages, so nothing is kept of them.
    bytes: Vec<u8>,
    /// How many of `bytes` are known to be text.
    checked: usize,
    /// How many bytes its frames so far have announced.
    announced: u64,
    /// How many of its frames were empty.
    empty: u64,
}

impl Assembly {
    /// Of the message that begins with this frame.
    pub(super) fn new(header: &Header) -> Self {
        Self {
            is_text: header.opcode == Opcode::Text,
            compressed: header.compressed,
            bytes: Vec::new(),
            checked: 0,
            announced: 0,
            empty: 0,
        }
    }

    /// Counts a frame of `len` bytes before any of them is held. Empty frames
    /// have the same limit, so that a flood of them ends as well.
    pub(super) fn announce(&mut self, len: u64, max_bytes: u32) -> Result<(), Violation> {
        let limit = if self.compressed {
            inflate::compressed_limit(max_bytes)
        } else {
            max_bytes.into()
        };
        self.announced = self.announced.saturating_add(len);
        self.empty += u64::from(len == 0);
        if self.announced.max(self.empty) > limit {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    /// Takes the next `bytes`, with what falls on them of the mask.
    pub(super) fn push(&mut self, bytes: &[u8], mask: [u8; 4]) {
        if self.is_text {
            push_unmasked(&mut self.bytes, bytes, mask);
        }
    }

    /// Finds out at once, and not only at its end, that a text is none.
    pub(super) fn check(&mut self) -> Result<(), Violation> {
        if self.compressed {
            return Ok(());
        }
        let unchecked = self.bytes.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(text) => self.checked += text.len(),
            // A character may end in what has not come yet.
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::Utf8),
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The message, all of which has come.
    pub(super) fn finish(self, max_bytes: u32) -> Result<Message, Violation> {
        if !self.is_text {
            return Ok(Message::Binary);
        }
        let bytes = if self.compressed {
            inflate::inflate(self.bytes, max_bytes)?
        } else {
            self.bytes
        };
        String::from_utf8(bytes)
            .map(Message::Text)
            .map_err(|_| Violation::Utf8)
    }
}

/// Appends `bytes` to `held`, without their mask.
pub(super) fn push_unmasked(held: &mut Vec<u8>, bytes: &[u8], mask: [u8; 4]) {
    let begin = held.len();
    held.extend_from_slice(bytes);
    mask::apply(mask, held.get_mut(begin..).unwrap_or_default());
}
