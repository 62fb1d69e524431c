//! Who clients are, and when they do what.

use std::sync::Arc;

use crate::load::clock::{Nanos, seconds};
use crate::load::dialect::{Dialect, Who};
use crate::load::payload;
use crate::load::target::Doors;

/// What all clients of a process share.
#[derive(Debug)]
pub(crate) struct Setting {
    /// From where to where.
    pub(crate) doors: Doors,
    /// How they speak.
    pub(crate) dialect: Arc<dyn Dialect>,
    /// Whether servers are to compress.
    pub(crate) deflate: bool,
    /// Bytes of a load message.
    pub(crate) bytes: usize,
    /// What the AI is expected to do.
    pub(crate) pace: Pace,
}

/// Who one client is.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) who: Who,
    /// Its number within the run, which says how it comes in.
    pub(crate) door: usize,
    /// When it is to connect.
    pub(crate) opens_at: Nanos,
    /// What it does then.
    pub(crate) act: Act,
}

/// What a client does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Nothing but to listen.
    Listen,
    /// It says things.
    Speak {
        /// Its number among those who do.
        sender: u32,
        /// Where.
        room: Arc<str>,
        /// How many others hear it.
        hearers: u32,
    },
    /// It asks the AI.
    Ask {
        /// Its number among those who do.
        asker: u32,
    },
}

impl Act {
    pub(crate) fn sender(&self) -> Option<u32> {
        match self {
            Self::Speak { sender, .. } => Some(*sender),
            Self::Listen | Self::Ask { .. } => None,
        }
    }
}

/// What a thread of clients is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Speak and ask in this rhythm.
    Begin(Rhythm),
    /// This sender says one thing now.
    SayOne(u32),
}

/// When clients do something. Times are planned beforehand: a server that is slow
/// does not make them fewer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rhythm {
    /// It begins.
    pub(crate) from: Nanos,
    /// What is to be sent from then on is measured.
    pub(crate) measured_from: Nanos,
    /// It ends.
    pub(crate) until: Nanos,
    /// How many speak, one after another.
    pub(crate) speakers: u32,
    /// From one message of a speaker to its next; none where it speaks when told.
    pub(crate) speak_every: Option<Nanos>,
    /// How many ask; their first questions are spread over `ask_within`.
    pub(crate) askers: u32,
    pub(crate) ask_within: Nanos,
    /// From a reply to the next question.
    pub(crate) ask_after: Nanos,
    /// Like people: pauses differ, and who speaks types before.
    pub(crate) is_human: bool,
}

impl Rhythm {
    /// Whether what was to be sent at `due` counts.
    pub(crate) fn is_measured(&self, due: Nanos) -> bool {
        (self.measured_from..self.until).contains(&due)
    }

    /// Whether what was to be sent at `sent`, and is heard now, was delivered while it
    /// was measured. Where one is in flight, all of it was by the end.
    pub(crate) fn is_delivery(&self, sent: Nanos, now: Nanos) -> bool {
        self.is_measured(if self.speak_every.is_some() {
            now
        } else {
            sent
        })
    }

    /// When a client's first turn is, if it has one.
    pub(crate) fn first_turn(&self, act: &Act) -> Option<Nanos> {
        let (number, of, within) = match act {
            Act::Listen => return None,
            Act::Speak { sender, .. } => (*sender, self.speakers, self.speak_every?),
            Act::Ask { asker } => (*asker, self.askers, self.ask_within),
        };
        let share = f64::from(number) / f64::from(of.max(1));
        let due = self.from + (within as f64 * share) as Nanos;
        (due < self.until).then_some(due)
    }
}

/// What the AI is expected to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    /// From the question to the first word.
    pub(crate) first_token_delay: Nanos,
    /// From one word to the next.
    pub(crate) token: Nanos,
    /// What it is asked.
    pub(crate) question: String,
    /// The words of its reply.
    pub(crate) words: u32,
}

/// What the echo says before what it was asked.
const ECHOED_WORDS: u32 = 2;

impl Pace {
    /// Of the built-in echo backend, for replies of so many words.
    pub(crate) fn of_echo(first_token_delay: Nanos, tokens_per_second: f64, words: u32) -> Self {
        let asked = words.saturating_sub(ECHOED_WORDS).max(1);
        Self {
            first_token_delay,
            token: seconds(1.0 / tokens_per_second),
            words: asked + ECHOED_WORDS,
            question: payload::words(asked),
        }
    }

    /// When a reply's word of this number, from 0, is said, if its question is
    /// there at `asked`.
    pub(crate) fn word(&self, asked: Nanos, number: u32) -> Nanos {
        asked + self.first_token_delay + self.token * Nanos::from(number)
    }

    /// From a question to the last word of its reply.
    pub(crate) fn whole(&self) -> Nanos {
        self.word(0, self.words.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::clock::SECOND;

    #[test]
    fn speakers_take_turns() {
        let rhythm = Rhythm {
            from: 100,
            until: 1_000,
            speakers: 4,
            speak_every: Some(40),
            ..Rhythm::default()
        };
        let first = |sender| {
            let room = "r".into();
            rhythm.first_turn(&Act::Speak {
                sender,
                room,
                hearers: 1,
            })
        };
        assert_eq!([0, 1, 3].map(first), [Some(100), Some(110), Some(130)]);
        assert_eq!(rhythm.first_turn(&Act::Listen), None);
    }

    #[test]
    fn the_echo_says_two_words_more_than_it_was_asked() {
        let pace = Pace::of_echo(200, 10.0, 5);
        assert_eq!((pace.question.as_str(), pace.words), ("It was on", 5));
        assert_eq!(pace.whole(), 200 + 4 * SECOND / 10);
    }
}
