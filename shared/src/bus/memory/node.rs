//! Which nodes there are and how they fare, what is wrong, and what has been.

use std::collections::{BTreeMap, VecDeque};

use super::part::{Part, millis};
use crate::bus::chronicle::{ChroniclePage, ChroniclePlace};
use crate::bus::nodes::{
    Change, ENTRY_KNOWN_MS, FORGOTTEN_MS, Nodes, Note, Showing, Shown, WATCH_MS,
};
use crate::ids::RunId;

/// What is known of all nodes.
#[derive(Default)]
pub(super) struct AllNodes {
    shown: BTreeMap<RunId, Shown>,
    /// Who watches, and until when nobody else does.
    watcher: Option<(RunId, u64)>,
    alerts: BTreeMap<String, String>,
    chronicle: VecDeque<(ChroniclePlace, String)>,
    /// When each entry came, and whether it is kept.
    noted: BTreeMap<String, (u64, bool)>,
}

impl AllNodes {
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.noted.len() + self.chronicle.len()
    }
}

impl Part {
    pub(super) fn show_node(&mut self, showing: &Showing) -> Nodes {
        let now_ms = self.now_ms;
        let (all, run) = (&mut self.nodes, showing.run);
        let watcher = all.watcher.filter(|(_, until_ms)| now_ms < *until_ms);
        let watcher = watcher.map(|(watcher, _)| watcher);
        let mut is_watcher = false;
        match &showing.card {
            Some(card) => {
                let shown = Shown {
                    run,
                    at_ms: now_ms,
                    card: card.clone(),
                };
                all.shown.insert(run, shown);
                is_watcher = watcher == Some(run) || showing.may_watch && watcher.is_none();
                if is_watcher && showing.may_watch {
                    all.watcher = Some((run, now_ms + WATCH_MS));
                }
            }
            None => {
                all.shown.remove(&run);
                all.watcher.take_if(|(watcher, _)| *watcher == run);
            }
        }
        all.shown
            .retain(|_, shown| shown.at_ms + FORGOTTEN_MS >= now_ms);
        Nodes {
            nodes: all.shown.values().cloned().collect(),
            is_watcher,
            alerts: all.alerts.clone().into_iter().collect(),
        }
    }

    pub(super) fn note(&mut self, note: &Note) -> bool {
        let now_ms = self.now_ms;
        let all = &mut self.nodes;
        if let Some((_, is_kept)) = all.noted.get(&note.id) {
            return *is_kept;
        }
        let is_new = match &note.change {
            Change::None => true,
            Change::Raise(alert) if all.alerts.contains_key(alert) => false,
            Change::Raise(alert) => {
                all.alerts.insert(alert.clone(), note.entry.clone());
                true
            }
            Change::Clear(alert) => all.alerts.remove(alert).is_some(),
        };
        all.noted.insert(note.id.clone(), (now_ms, is_new));
        if is_new {
            let place = match all.chronicle.back() {
                Some((last, _)) if last.ms >= now_ms => ChroniclePlace {
                    seq: last.seq + 1,
                    ..*last
                },
                Some(_) | None => ChroniclePlace { ms: now_ms, seq: 0 },
            };
            all.chronicle.push_back((place, note.entry.clone()));
        }
        self.sweep_nodes();
        is_new
    }

    pub(super) fn noted(&self, before: Option<ChroniclePlace>, limit: usize) -> ChroniclePage {
        let oldest_ms = self.oldest_note_ms();
        let mut older = self
            .nodes
            .chronicle
            .iter()
            .rev()
            .filter(|(place, _)| before.is_none_or(|before| *place < before))
            .take_while(|(place, _)| place.ms >= oldest_ms);
        let entries = older.by_ref().take(limit).cloned().collect();
        ChroniclePage {
            entries,
            has_more: older.next().is_some(),
        }
    }

    pub(super) fn sweep_nodes(&mut self) {
        let oldest_ms = self.oldest_note_ms();
        let most = usize::try_from(self.retention.chronicle_entries).unwrap_or(usize::MAX);
        let chronicle = &mut self.nodes.chronicle;
        let too_many = chronicle.len().saturating_sub(most);
        let too_old = chronicle.partition_point(|(place, _)| place.ms < oldest_ms);
        chronicle.drain(..too_many.max(too_old));
        let known_ms = self.now_ms.saturating_sub(ENTRY_KNOWN_MS);
        self.nodes.noted.retain(|_, (at_ms, _)| *at_ms >= known_ms);
    }

    fn oldest_note_ms(&self) -> u64 {
        let age_ms = millis(self.retention.chronicle_age);
        self.now_ms.saturating_sub(age_ms)
    }
}
