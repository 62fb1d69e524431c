//! One client's question, and the reply that it reads.

use super::role::Pace;
use crate::load::clock::{MILLISECOND, Nanos};
use crate::load::dialect::{Delta, Reply, causerie};

/// What a client asks, one question after another.
#[derive(Debug, Default)]
pub(super) struct Asking {
    asked: u32,
    question: Option<Question>,
}

#[derive(Debug)]
struct Question {
    due: Nanos,
    /// The piece that comes next.
    next: u32,
    /// The words that have come.
    words: u32,
    /// Whether its reply has.
    has_begun: bool,
}

/// Timers of the backend are not finer than that.
const EARLY: Nanos = 5 * MILLISECOND;

/// A piece of a reply, as its reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Whether it is the reply's first.
    pub(super) is_first: bool,
    /// How much later it came than the AI said its first word, if that began as
    /// soon as the question was to be sent: the longest that it can have been on
    /// its way.
    pub(super) lateness: Nanos,
    /// Whether it came before it can have been said.
    pub(super) is_early: bool,
    /// Whether pieces before it are missing, or it came before.
    pub(super) is_astray: bool,
}

/// A reply, as its reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// From the time at which the question was to be sent.
    pub(super) took: Nanos,
    /// Whether it is what was to be answered, and the pieces make up all of it.
    pub(super) is_right: bool,
}

impl Asking {
    /// Asks, as was due then.
    pub(super) fn ask(&mut self, due: Nanos, pace: &Pace, out: &mut Vec<u8>) {
        self.question = Some(Question {
            due,
            next: 0,
            words: 0,
            has_begun: false,
        });
        causerie::ask(self.asked, &pace.question, out);
        self.asked += 1;
    }

    /// When the open question was due.
    pub(super) fn due(&self) -> Option<Nanos> {
        self.question.as_ref().map(|question| question.due)
    }

    /// Whether its reply has begun, and has not ended.
    pub(super) fn is_streaming(&self) -> bool {
        self.question.as_ref().is_some_and(|of| of.has_begun)
    }

    /// A question was refused; whether one was open.
    pub(super) fn on_refused(&mut self) -> bool {
        self.question.take().is_some()
    }

    pub(super) fn on_delta(&mut self, delta: Delta, now: Nanos, pace: &Pace) -> Option<Piece> {
        let question = self.question.as_mut()?;
        let said = pace.word(question.due, question.words);
        let piece = Piece {
            is_first: !question.has_begun,
            lateness: now.saturating_sub(said),
            // One that replaces others may begin with an earlier word.
            is_early: now + EARLY < said && !delta.is_snapshot,
            is_astray: delta.index != question.next && !delta.is_snapshot,
        };
        question.has_begun = true;
        question.next = delta.index.saturating_add(1);
        question.words = if delta.is_snapshot {
            delta.words
        } else {
            question.words + delta.words
        };
        Some(piece)
    }

    pub(super) fn on_reply(&mut self, reply: Reply, now: Nanos, pace: &Pace) -> Option<Answered> {
        let question = self.question.take()?;
        let words = [reply.words, question.words];
        Some(Answered {
            took: now.saturating_sub(question.due),
            is_right: reply.is_whole && words == [pace.words; 2],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::clock::SECOND;

    const ASKED: Nanos = SECOND;

    /// 200 ms to the first of five words, 100 ms to each next.
    fn pace() -> Pace {
        Pace::of_echo(200 * MILLISECOND, 10.0, 5)
    }

    fn asked() -> Asking {
        let mut asking = Asking::default();
        asking.ask(ASKED, &pace(), &mut Vec::new());
        asking
    }

    fn delta(index: u32, words: u32) -> Delta {
        Delta {
            index,
            words,
            is_snapshot: false,
        }
    }

    fn after(ms: u64) -> Nanos {
        ASKED + ms * MILLISECOND
    }

    const WHOLE: Reply = Reply {
        words: 5,
        is_whole: true,
    };

    #[test]
    fn a_piece_is_as_late_as_its_first_word() {
        let mut asking = asked();
        let mut late = |index, words, ms| {
            let piece = asking.on_delta(delta(index, words), after(ms), &pace());
            let piece = piece.unwrap();
            assert!(!piece.is_astray && !piece.is_early);
            (piece.is_first, piece.lateness / MILLISECOND)
        };
        assert_eq!(late(0, 1, 203), (true, 3));
        // Words 1 and 2 were said at 300 and 400 ms.
        assert_eq!(late(1, 2, 405), (false, 105));
        assert_eq!(late(2, 2, 601), (false, 101));
        let answered = asking.on_reply(WHOLE, after(602), &pace());
        let took = 602 * MILLISECOND;
        let is_right = true;
        assert_eq!(answered, Some(Answered { took, is_right }));
        assert_eq!(asking.on_reply(WHOLE, after(603), &pace()), None);
    }

    #[test]
    fn what_comes_before_it_can_have_been_said_is_noticed() {
        // The second word is said at 300 ms.
        for (ms, is_early) in [(290, true), (296, false), (300, false)] {
            let mut asking = asked();
            asking.on_delta(delta(0, 1), after(200), &pace());
            let piece = asking.on_delta(delta(1, 1), after(ms), &pace());
            assert_eq!(piece.unwrap().is_early, is_early, "{ms} ms");
        }
    }

    #[test]
    fn a_reply_streams_from_its_first_piece_to_its_end() {
        let mut asking = asked();
        assert!(!asking.is_streaming());
        asking.on_delta(delta(0, 5), after(600), &pace());
        assert!(asking.is_streaming());
        asking.on_reply(WHOLE, after(600), &pace());
        assert!(!asking.is_streaming());
    }

    #[test]
    fn what_is_lost_or_doubled_is_noticed() {
        for pieces in [[(0, 2), (2, 1)], [(0, 2), (0, 2)]] {
            let mut asking = asked();
            let astray = pieces.map(|(index, words)| {
                let piece = asking.on_delta(delta(index, words), after(300), &pace());
                piece.unwrap().is_astray
            });
            assert_eq!(astray, [false, true], "{pieces:?}");
            let answered = asking.on_reply(WHOLE, after(700), &pace()).unwrap();
            assert!(!answered.is_right, "{pieces:?}");
        }
        let broken = Reply {
            is_whole: false,
            ..WHOLE
        };
        let mut asking = asked();
        asking.on_delta(delta(0, 5), after(700), &pace());
        let answered = asking.on_reply(broken, after(700), &pace()).unwrap();
        assert!(!answered.is_right);
    }

    #[test]
    fn a_snapshot_says_all_so_far() {
        let mut asking = asked();
        asking.on_delta(delta(0, 1), after(200), &pace());
        let snapshot = Delta {
            index: 7,
            words: 4,
            is_snapshot: true,
        };
        let piece = asking.on_delta(snapshot, after(500), &pace()).unwrap();
        assert!(!piece.is_astray);
        asking.on_delta(delta(8, 1), after(600), &pace());
        assert!(
            asking
                .on_reply(WHOLE, after(600), &pace())
                .unwrap()
                .is_right
        );
    }
}
