//! Who did what: kept on the bus, and logged under a target of its own. See
//! `docs/audit.md`.
//!
//! Whoever does something leaves a note in a queue, and waits for nobody: what does
//! not fit is counted. One task for each part of the log takes its notes, those of a
//! tenth of a second together, so that a connection costs the bus no call of its own,
//! and a flood of one part leaves room for the others.

mod events;
mod note;
mod writer;

use std::sync::Arc;

use causerie_shared::bus::Bus;
use causerie_shared::bus::audit::{AuditBatch, AuditPart};
use causerie_shared::config::Settings;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::seldom::Seldom;
use note::Entry;
pub(crate) use note::{Note, What};
use writer::Writer;

/// How many notes of each part may wait: a few MiB.
const QUEUE: usize = 16_384;

/// Where notes are left.
#[derive(Debug)]
pub(crate) struct Audit {
    acts: mpsc::Sender<Noted>,
    sessions: mpsc::Sender<Noted>,
    strangers: mpsc::Sender<Noted>,
    dropped: Seldom,
}

/// A note, and when it was made, in milliseconds since 1970.
#[derive(Debug)]
struct Noted {
    at_ms: u64,
    note: Note,
}

impl Audit {
    /// Begins to keep notes, as those of `node`, until `stop`; then those that wait are
    /// kept.
    pub(crate) fn start(
        bus: Arc<dyn Bus>,
        node: &str,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        events::begin_at_zero();
        let queue = |part| {
            let (notes, waiting) = mpsc::channel(QUEUE);
            let writer = Writer::new(Arc::clone(&bus), node, part, stop.clone());
            tasks.spawn(writer.run(waiting));
            notes
        };
        Self {
            acts: queue(AuditPart::Acts),
            sessions: queue(AuditPart::Sessions),
            strangers: queue(AuditPart::Strangers),
            dropped: Seldom::default(),
        }
    }

    /// Leaves a note. Never waits.
    pub(crate) fn leave(&self, at_ms: u64, note: Note) {
        let part = note.part();
        let notes = match part {
            AuditPart::Acts => &self.acts,
            AuditPart::Sessions => &self.sessions,
            AuditPart::Strangers => &self.strangers,
        };
        if notes.try_send(Noted { at_ms, note }).is_err() {
            events::dropped(part, 1, &self.dropped);
        }
    }
}

/// Keeps a note of a command, which ends when it is done, where notes are kept.
pub(crate) async fn keep_of_command(bus: &dyn Bus, settings: &Settings, note: Note) {
    if !settings.audit.enabled {
        return;
    }
    let entry = Entry::new(bus.clock().now_ms(), &settings.node.name, &note, 1);
    let Ok(text) = serde_json::to_string(&entry) else {
        return;
    };
    events::noted(note.tenant.as_ref(), &entry);
    let batch = AuditBatch::new(note.tenant.clone(), note.part(), vec![text]);
    if let Err(error) = bus.audit(&batch).await {
        events::not_kept(&error, &Seldom::default());
    }
}
