//! Words that are looked for in what people write.
//!
//! What counts as the same word is said in `docs/filtering.md`, for those who write the
//! lists, and in `folding.rs`.

mod folding;
mod word;

use std::fmt;
use std::ops::Range;

use aho_corasick::AhoCorasick;

pub use folding::Folded;
pub use word::{MAX_WORD_CHARS, Word};

/// What becomes of a message that holds a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// It passes, and others are told.
    Flag,
    /// The word is hidden.
    Mask,
    /// It is refused.
    Reject,
}

/// Looks for many words at once, in time that grows with the text and not with the lists
/// (Aho and Corasick, 1975).
pub struct Filter {
    automaton: AhoCorasick,
    /// By their numbers there.
    words: Vec<(List, Word)>,
}

/// Without its words, which are thousands.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.words.len();
        f.debug_struct("Filter").field("words", &count).finish()
    }
}

/// What was found in a text, each in its place in bytes; places may overlap.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Words to be told of.
    pub flagged: Vec<Range<usize>>,
    /// Words to be hidden.
    pub masked: Vec<Range<usize>>,
    /// Words for which the text is refused.
    pub rejected: Vec<Range<usize>>,
}

impl Filter {
    /// Looks for `words`; `None` where there are none.
    pub fn new(words: Vec<(List, Word)>) -> Option<Self> {
        if words.is_empty() {
            return None;
        }
        let folded = words.iter().map(|(_, word)| &word.folded);
        // It fails beyond two thousand million states, of which a list's words need
        // some hundred thousand.
        let automaton = AhoCorasick::new(folded).ok()?;
        Some(Self { automaton, words })
    }

    /// Looks for the words in `text`, and adds what is there to `found`.
    pub fn look(&self, text: &Folded<'_>, found: &mut Found) {
        for hit in self.automaton.find_overlapping_iter(text.as_str()) {
            let Some((list, word)) = self.words.get(hit.pattern().as_usize()) else {
                continue;
            };
            let is_cut_out = !word.ends_longer && text.is_within_word(hit.start())
                || !word.begins_longer && text.is_within_word(hit.end());
            if !is_cut_out {
                found.of(*list).extend(text.origin_of(hit.range()));
            }
        }
    }
}

impl Found {
    fn of(&mut self, list: List) -> &mut Vec<Range<usize>> {
        match list {
            List::Flag => &mut self.flagged,
            List::Mask => &mut self.masked,
            List::Reject => &mut self.rejected,
        }
    }
}

/// `text` with as many `*` as there are characters in place of each of `places`.
pub fn mask(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_unstable_by_key(|place| place.start);
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for Range { start, end } in places {
        let start = start.max(done);
        let kept = text.get(done..start).unwrap_or_default();
        // There is none where one that was longer has hidden it.
        let hidden = text.get(start..end).unwrap_or_default();
        masked.push_str(kept);
        masked.extend(hidden.chars().map(|_| '*'));
        done = start.max(end);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests;
