//! The replies that one client sees being made in one room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Broken, Finder, LAST_WORDS_WITH_END, SEEN_TO_LAST_WORD, Who};
use crate::ledger::Durable;

/// The replies that one client sees being made in one room.
#[derive(Debug, Default)]
pub(super) struct Replies {
    running: BTreeMap<String, Reply>,
    ended: BTreeSet<String>,
    /// Texts that were shown and replaced.
    pub(super) replaced: Vec<Shown>,
}

/// A reply in the making.
#[derive(Debug, Default)]
struct Reply {
    attempt: u64,
    /// The piece that comes next.
    next: i64,
    text: String,
    /// What is shown is of a former connection: before the next piece comes a
    /// snapshot.
    is_old: bool,
    /// A piece is missing, and that was found: the text does not count.
    has_hole: bool,
}

/// A text that was shown of a reply.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) at: u64,
    pub(super) who: Arc<Who>,
    pub(super) message: String,
    pub(super) attempt: u64,
    pub(super) text: String,
}

/// A piece of a reply, or all up to it.
pub(super) struct Piece {
    pub(super) message: String,
    pub(super) attempt: u64,
    pub(super) index: i64,
    pub(super) text: String,
}

impl Replies {
    /// The room was joined on a new connection.
    pub(super) fn on_joined(&mut self) {
        for reply in self.running.values_mut() {
            reply.is_old = true;
        }
    }

    /// Every running reply that is shown has ended, and one whose end was lost
    /// may go on.
    pub(super) fn on_lost(&mut self, at: u64, who: &Arc<Who>) {
        self.on_left(at, who);
        self.ended.clear();
    }

    /// What was shown is taken away.
    pub(super) fn on_left(&mut self, at: u64, who: &Arc<Who>) {
        for (message, reply) in std::mem::take(&mut self.running) {
            self.replaced.extend(reply.shown(at, who, message));
        }
    }

    pub(super) fn on_delta(&mut self, piece: &Piece, finder: &mut Finder<'_>) {
        let Some(reply) = self.reply(&piece.message, piece.attempt, finder) else {
            return;
        };
        if reply.is_old && piece.index == 0 {
            // At a gateway that is a moment behind it has only begun.
            let begun = Reply {
                attempt: piece.attempt,
                ..Reply::default()
            };
            let before = std::mem::replace(reply, begun);
            self.replaced
                .extend(before.shown(finder.at, &finder.who, piece.message.clone()));
            return self.on_delta(piece, finder);
        }
        let says = || format!("{} {}/{}", piece.message, piece.attempt, piece.index);
        if piece.index < reply.next {
            finder.broken(Broken::PieceTwice, says());
            return;
        }
        let is_next = piece.index == reply.next && (!reply.is_old || piece.index == 0);
        if !is_next && !reply.has_hole {
            finder.broken(Broken::PieceMissing, says());
            reply.has_hole = true;
        }
        reply.is_old = false;
        reply.next = piece.index + 1;
        reply.text.push_str(&piece.text);
    }

    pub(super) fn on_snapshot(&mut self, piece: Piece, finder: &mut Finder<'_>) {
        let Piece {
            message,
            attempt,
            index,
            text,
        } = piece;
        // One comes back to a gateway that is a moment behind the one before.
        self.running
            .retain(|known, reply| *known != message || !reply.is_old || reply.attempt <= attempt);
        let Some(reply) = self.reply(&message, attempt, finder) else {
            return;
        };
        let now = Reply {
            attempt,
            next: index + 1,
            text,
            ..Reply::default()
        };
        let before = std::mem::replace(reply, now);
        if !reply.text.starts_with(&before.text) {
            self.replaced
                .extend(before.shown(finder.at, &finder.who, message));
        }
    }

    pub(super) fn on_restart(&mut self, message: &str, attempt: u64, finder: &mut Finder<'_>) {
        self.reply(message, attempt, finder);
    }

    /// `message`, which ends a reply.
    pub(super) fn on_end(&mut self, event: Durable, finder: &mut Finder<'_>) {
        self.ended.insert(event.message.clone());
        let Some(reply) = self.running.remove(&event.message) else {
            return came_with_end(&event, finder);
        };
        if event.attempt != Some(reply.attempt) {
            came_with_end(&event, finder);
            self.replaced
                .extend(reply.shown(finder.at, &finder.who, event.message));
        } else if reply.has_hole {
            // That was found.
        } else if reply.text == event.content {
            finder.count(SEEN_TO_LAST_WORD);
        } else if event.content.starts_with(&reply.text) {
            finder.count(LAST_WORDS_WITH_END);
        } else {
            let Durable {
                message, content, ..
            } = &event;
            let says = format!("{message} was {:?} and is {content:?}", reply.text);
            finder.broken(Broken::WrongText, says);
        }
    }

    /// Those that go on.
    pub(super) fn running(&self) -> impl Iterator<Item = &String> {
        self.running.keys()
    }

    /// The reply, at this attempt; none where the attempt is a former one, which
    /// is to be dropped, or the reply has ended, which breaks a promise.
    fn reply(
        &mut self,
        message: &str,
        attempt: u64,
        finder: &mut Finder<'_>,
    ) -> Option<&mut Reply> {
        if self.ended.contains(message) {
            finder.broken(Broken::AfterTheEnd, message);
            return None;
        }
        let reply = self.running.entry(message.to_owned()).or_default();
        if attempt > reply.attempt {
            let now = Reply {
                attempt,
                ..Reply::default()
            };
            let before = std::mem::replace(reply, now);
            self.replaced
                .extend(before.shown(finder.at, &finder.who, message.to_owned()));
        }
        (attempt == reply.attempt).then_some(reply)
    }
}

/// Of an attempt of which nothing was heard before its end.
fn came_with_end(event: &Durable, finder: &mut Finder<'_>) {
    if !event.content.is_empty() {
        finder.count(LAST_WORDS_WITH_END);
    }
}

impl Reply {
    /// What was shown of it, if that can be judged.
    fn shown(self, at: u64, who: &Arc<Who>, message: String) -> Option<Shown> {
        let Self { attempt, text, .. } = self;
        (!self.has_hole && !text.is_empty()).then(|| Shown {
            at,
            who: Arc::clone(who),
            message,
            attempt,
            text,
        })
    }
}
