//! Words that people may not write, or not unseen.

use super::error::ConfigError;
use super::section::section;
use super::value::{Given, HIDDEN, Range, Scalar, Value};
use crate::filter::{MAX_WORD_CHARS, Word};
use crate::ids::ProjectId;

/// Most words of one list.
const MAX_WORDS: usize = 2_000;

section! {
    /// What becomes of messages of all tenants that hold certain words; a tenant may have
    /// more of its own.
    Filter {
        /// Words and phrases of which the people of `report_to` are told.
        flag: Words = Words::default();
        /// Words and phrases that are hidden: each of their characters becomes `*`.
        mask: Words = Words::default();
        /// Words and phrases for which a message is refused.
        reject: Words = Words::default();
        /// The project whose people are told what was found, as `warning_issued`; nobody
        /// if not set. A tenant may name one of its own.
        report_to: Option<ProjectId> = None;
    }
}

/// A list of words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words(Vec<Word>);

impl Words {
    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &Word> {
        self.0.iter()
    }
}

impl Value for Words {
    const KIND: &'static str = "list";

    fn expected(_: Range) -> String {
        format!(
            "a list of up to {MAX_WORDS}, each of it {}",
            <Word as Scalar>::expected()
        )
    }

    fn read(given: &Given<'_>) -> Result<Self, ConfigError> {
        let words: Vec<Word> = Value::read(given)?;
        if words.len() > MAX_WORDS {
            let what = format!("has {} words", words.len());
            return Err(given.refuse_as(what, Self::expected(given.range)));
        }
        Ok(Self(words))
    }

    /// How many there are: they may be thousands, and secret.
    fn show(&self) -> Option<toml::Value> {
        Some(match self.0.len() {
            0 => toml::Value::Array(Vec::new()),
            count => format!("{count} {HIDDEN}").into(),
        })
    }
}

impl Scalar for Word {
    const KIND: &'static str = "word";
    /// It may be the name of what nobody is to know.
    const SECRET: bool = true;
    fn expected() -> String {
        format!(
            "a word or phrase of 1 to {MAX_WORD_CHARS} characters, not all of them `*` or unseen"
        )
    }
    fn parse(text: &str) -> Option<Self> {
        Self::new(text)
    }
    fn show(&self) -> toml::Value {
        HIDDEN.into()
    }
}
