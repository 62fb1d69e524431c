//! From the model's texts to the deltas in the room.

use std::pin::pin;

use causerie_shared::bus::Bus;
use causerie_shared::bus::reply::{Appended, Beat};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::Span;

use crate::events;
use crate::listening::Said;
use crate::pace::{MAX_GATHERED, Pace};
use crate::patience::{Lost, until_answered};
use crate::records::Records;
use crate::running::{Running, Signals};

/// Announces a reply and sends its texts, in order.
pub(crate) struct Writer<'a> {
    bus: &'a dyn Bus,
    records: &'a Records<'a>,
    signals: &'a Signals,
    running: &'a Running,
    /// In which is told what fails.
    span: &'a Span,
    pace: Pace,
    /// All of the reply so far, and where in it each delta ends: what the bus
    /// has lost is sent again from here.
    text: String,
    ends: Vec<usize>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        bus: &'a dyn Bus,
        records: &'a Records<'a>,
        signals: &'a Signals,
        running: &'a Running,
        span: &'a Span,
    ) -> Self {
        Self {
            bus,
            records,
            signals,
            running,
            span,
            pace: Pace::default(),
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Writes until `texts` ends; returns the whole text.
    pub(crate) async fn run(mut self, mut texts: mpsc::Receiver<Said>) -> Result<String, Lost> {
        self.announce().await?;
        while let Some(piece) = self.next_piece(&mut texts).await {
            self.text.push_str(&piece);
            self.ends.push(self.text.len());
            self.send_last().await?;
        }
        Ok(self.text)
    }

    async fn announce(&self) -> Result<(), Lost> {
        let records = self.records.start();
        let announce = || self.bus.announce(self.records.lease, &records);
        match until_answered(self.span, "announce", announce).await? {
            Beat::Held { cancelled } => self.on_cancelled(cancelled),
            Beat::Fenced => return Err(Lost::Fenced),
        }
        Ok(())
    }

    /// The next text, with what else comes until the next delta is due.
    async fn next_piece(&self, texts: &mut mpsc::Receiver<Said>) -> Option<String> {
        let Said {
            text: mut piece,
            since,
        } = texts.recv().await?;
        let Some(due) = self.pace.due(since, self.running.len()) else {
            return Some(piece);
        };
        let mut due = pin!(sleep_until(due));
        while piece.len() < MAX_GATHERED {
            let more = tokio::select! {
                biased;
                more = texts.recv() => more,
                () = &mut due => None,
            };
            match more {
                Some(more) => piece.push_str(&more.text),
                None => break,
            }
        }
        Some(piece)
    }

    /// Sends the last delta, after those that the bus has lost meanwhile.
    async fn send_last(&mut self) -> Result<(), Lost> {
        let began = Instant::now();
        let mut index = self.ends.len().saturating_sub(1);
        while let Some(piece) = self.piece(index) {
            let delta = self.records.delta(index as u64, piece);
            let append = || self.bus.append(self.records.lease, &delta);
            match until_answered(self.span, "append", append).await? {
                Appended::Done { cancelled } => {
                    self.on_cancelled(cancelled);
                    index += 1;
                }
                Appended::Behind { next } if next < index as u64 => {
                    let _told_in = self.span.enter();
                    events::sending_again(self.records.lease, next, index);
                    index = usize::try_from(next).unwrap_or(index);
                }
                Appended::Behind { next } => {
                    let what = format!("delta {index} refused, though {next} is the next");
                    return Err(Lost::Unreadable(what));
                }
                Appended::Fenced => return Err(Lost::Fenced),
            }
        }
        let now = Instant::now();
        events::delta_sent(now - began);
        self.pace.on_sent(began, now);
        Ok(())
    }

    fn piece(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let before = index.checked_sub(1);
        let start = before.and_then(|before| self.ends.get(before));
        self.text.get(start.copied().unwrap_or(0)..end)
    }

    fn on_cancelled(&self, cancelled: bool) {
        if cancelled {
            self.signals.cancelled.cancel();
        }
    }
}
