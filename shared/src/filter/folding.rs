//! Text as words are looked for in it: small and capital letters alike, wide, ligated and
//! composed forms as their letters, a run of white space as one space, and nothing of what
//! is not seen.
//!
//! Each character is decomposed by compatibility (Unicode Standard Annex 15, NFKD), what is
//! ignorable in it is left out (`Default_Ignorable_Code_Point`, Annex 44), and the rest goes
//! through capitals to small letters, which folds `ß` and `ss`, or `ς` and `σ`, into one.

use std::iter;
use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const FORMS: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const UNSEEN: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();
const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> =
    CodePointMapData::<GeneralCategory>::new();

/// A text, folded.
#[derive(Debug)]
pub struct Folded<'a> {
    original: &'a str,
    text: String,
    /// Of each byte of `text`, where the character begins in the original that it is of.
    origins: Vec<usize>,
}

impl<'a> Folded<'a> {
    /// Folds `original`.
    pub fn of(original: &'a str) -> Self {
        let mut folded = Self {
            original,
            text: String::with_capacity(original.len()),
            origins: Vec::with_capacity(original.len()),
        };
        for (at, character) in original.char_indices() {
            if character.is_ascii() {
                folded.push(character.to_ascii_lowercase(), at);
            } else {
                forms(character).for_each(|form| folded.push(form, at));
            }
        }
        folded
    }

    fn push(&mut self, character: char, origin: usize) {
        if !character.is_whitespace() {
            self.text.push(character);
        } else if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.origins.resize(self.text.len(), origin);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Whether letters or digits stand on both sides of byte `at`.
    pub(super) fn is_within_word(&self, at: usize) -> bool {
        let before = self
            .text
            .get(..at)
            .and_then(|text| text.chars().next_back());
        let after = self.text.get(at..).and_then(|text| text.chars().next());
        before.is_some_and(is_of_word) && after.is_some_and(is_of_word)
    }

    /// Where the original has what is at `place`, which is not empty: whole characters.
    pub(super) fn origin_of(&self, place: Range<usize>) -> Option<Range<usize>> {
        let start = *self.origins.get(place.start)?;
        let last = *self.origins.get(place.end.checked_sub(1)?)?;
        let character = self.original.get(last..)?.chars().next()?;
        Some(start..last + character.len_utf8())
    }
}

fn forms(character: char) -> impl Iterator<Item = char> {
    FORMS
        .normalize_iter(iter::once(character))
        .filter(|form| !UNSEEN.contains(*form))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// Letters and digits of all scripts, and the marks upon them.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric()
        || !character.is_ascii() && GeneralCategoryGroup::Mark.contains(CATEGORIES.get(character))
}
