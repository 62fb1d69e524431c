//! Which nodes there are and how they fare, what is wrong, and what has been.

use super::args::Args;
use super::script::{AUDITED, NOTE, SHOW_NODE};
use super::{RedisBus, events, millis, nothing};
use crate::bus::BusError;
use crate::bus::chronicle::{ChroniclePage, ChroniclePlace};
use crate::bus::nodes::{
    Change, ENTRY_KNOWN_MS, FORGOTTEN_MS, Nodes, Note, Showing, Shown, WATCH_MS, partition,
};

impl RedisBus {
    pub(super) async fn show_this_node(&self, showing: &Showing) -> Result<Nodes, BusError> {
        let args = Args::default()
            .shown(showing.run)
            .text(showing.card.as_deref().unwrap_or_default())
            .number(u8::from(showing.may_watch))
            .number(WATCH_MS)
            .number(FORGOTTEN_MS);
        let answer = self.pool.run(partition(), &SHOW_NODE, args).await?;
        let mut answer = answer.ok_or_else(|| nothing(SHOW_NODE.verb))?;
        let is_watcher = answer.flag()?;
        let mut alerts = answer.all(|answer| Ok((answer.text()?, answer.text()?)))?;
        alerts.sort();
        let shown = answer.all(|answer| Ok((answer.text()?, answer.text()?)))?;
        let mut nodes: Vec<_> = shown.iter().filter_map(read).collect();
        nodes.sort_by_key(|shown| shown.run);
        Ok(Nodes {
            nodes,
            is_watcher,
            alerts,
        })
    }

    pub(super) async fn keep_note(&self, note: &Note) -> Result<bool, BusError> {
        let (change, alert) = match &note.change {
            Change::None => ("", ""),
            Change::Raise(alert) => ("raise", alert.as_str()),
            Change::Clear(alert) => ("clear", alert.as_str()),
        };
        let args = Args::default()
            .number(ENTRY_KNOWN_MS)
            .number(millis(self.retention.chronicle_age))
            .number(self.retention.chronicle_entries)
            .text(&note.id)
            .text(change)
            .text(alert)
            .text(&note.entry);
        let answer = self.pool.run(partition(), &NOTE, args).await?;
        answer.ok_or_else(|| nothing(NOTE.verb))?.flag()
    }

    pub(super) async fn kept_notes(
        &self,
        before: Option<ChroniclePlace>,
        limit: usize,
    ) -> Result<ChroniclePage, BusError> {
        let before = before.map_or("+".to_owned(), |place| format!("({place}"));
        // One more tells whether there are more.
        let args = Args::default()
            .text("chronicle")
            .number(millis(self.retention.chronicle_age))
            .text(&before)
            .number(limit as u64 + 1);
        let answer = self.pool.run(partition(), &AUDITED, args).await?;
        let answer = answer.ok_or_else(|| nothing("noted"))?;
        let mut entries = answer.rest(|answer| Ok((answer.parsed()?, answer.text()?)))?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok(ChroniclePage { entries, has_more })
    }
}

/// `ms card`, as it is kept under the run.
fn read((run, kept): &(String, String)) -> Option<Shown> {
    let shown = kept.split_once(' ').and_then(|(at_ms, card)| {
        Some(Shown {
            run: run.parse().ok()?,
            at_ms: at_ms.parse().ok()?,
            card: card.to_owned(),
        })
    });
    if shown.is_none() {
        events::entry_unreadable("nodes", run);
    }
    shown
}
