//! What stands in a list: a word or a phrase.

use super::folding::Folded;
use crate::protocol::text::is_control;

/// Most characters of a word, its stars included.
pub const MAX_WORD_CHARS: usize = 64;

/// Stands, before or after a word, for the rest of a longer one.
const REST: char = '*';

/// A word or a phrase that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub(super) folded: String,
    /// Whether it may begin in the middle of a longer word.
    pub(super) ends_longer: bool,
    /// Whether it may end in the middle of one.
    pub(super) begins_longer: bool,
}

impl Word {
    /// Reads a word as it is configured: `word`, `two words`, `word*`, `*word` or `*word*`.
    /// `None` where it is too long, holds a control character, or nothing that can be seen
    /// beside the stars.
    pub fn new(written: &str) -> Option<Self> {
        if written.chars().count() > MAX_WORD_CHARS || written.contains(is_control) {
            return None;
        }
        let (word, ends_longer) = without_star(written.strip_prefix(REST), written);
        let (word, begins_longer) = without_star(word.strip_suffix(REST), word);
        let folded = Folded::of(word.trim()).into_text();
        let folded = folded.trim();
        let is_seen = folded.contains(|character| character != REST && character != ' ');
        is_seen.then(|| Self {
            folded: folded.to_owned(),
            ends_longer,
            begins_longer,
        })
    }
}

/// The text without its star, and whether there was one.
fn without_star<'a>(stripped: Option<&'a str>, text: &'a str) -> (&'a str, bool) {
    (stripped.unwrap_or(text), stripped.is_some())
}
