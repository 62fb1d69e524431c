//! Takes the notes that were left, and keeps them.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::audit::{AuditBatch, AuditPart};
use causerie_shared::bus::{Bus, BusError};
use causerie_shared::ids::TenantId;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::note::{Entry, Note};
use super::{Noted, QUEUE, events};
use crate::seldom::Seldom;

/// How long notes wait for more, so that they are kept together.
const GATHER: Duration = Duration::from_millis(100);

/// How many the bus is given at once: it does nothing else meanwhile.
const TOGETHER: usize = 256;

/// How long to wait before the bus is asked again where it does not answer. Notes
/// wait meanwhile, as far as there is room.
const RETRY: Duration = Duration::from_secs(1);

/// How long the end of a node waits for its last notes to be kept.
const LAST: Duration = Duration::from_secs(2);

/// Keeps what is noted on one node, of one part.
pub(super) struct Writer {
    bus: Arc<dyn Bus>,
    node: String,
    part: AuditPart,
    stop: CancellationToken,
    /// When it was said last that the bus does not answer, and that some are lost.
    unanswered: Seldom,
    lost: Seldom,
}

impl Writer {
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        node: &str,
        part: AuditPart,
        stop: CancellationToken,
    ) -> Self {
        Self {
            bus,
            node: node.to_owned(),
            part,
            stop,
            unanswered: Seldom::default(),
            lost: Seldom::default(),
        }
    }

    /// Keeps what is `waiting`, until the node stops.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Noted>) {
        let mut noted = Vec::new();
        while let Some(count) = self
            .stop
            .run_until_cancelled(waiting.recv_many(&mut noted, QUEUE))
            .await
        {
            if count == 0 {
                return;
            }
            if self.stop.run_until_cancelled(sleep(GATHER)).await.is_none() {
                break;
            }
            take_all(&mut waiting, &mut noted);
            self.keep_in_time(mem::take(&mut noted)).await;
        }
        take_all(&mut waiting, &mut noted);
        self.keep_in_time(noted).await;
    }

    /// However long that takes, unless the node stops.
    async fn keep_in_time(&self, noted: Vec<Noted>) {
        let count = noted.len();
        let too_late = async {
            self.stop.cancelled().await;
            sleep(LAST).await;
        };
        tokio::select! {
            biased;
            () = self.keep(noted) => {}
            () = too_late => events::dropped(self.part, count, &self.lost),
        }
    }

    async fn keep(&self, noted: Vec<Noted>) {
        let mut by_tenant: BTreeMap<Option<TenantId>, Vec<String>> = BTreeMap::new();
        for Counted { at_ms, note, count } in counted(noted) {
            let entry = Entry::new(at_ms, &self.node, &note, count);
            events::noted(note.tenant.as_ref(), &entry);
            // It has nothing that JSON could not have.
            if let Ok(text) = serde_json::to_string(&entry) {
                by_tenant.entry(note.tenant.clone()).or_default().push(text);
            }
        }
        for (tenant, entries) in by_tenant {
            for some in entries.chunks(TOGETHER) {
                let batch = AuditBatch::new(tenant.clone(), self.part, some.to_vec());
                self.keep_batch(&batch).await;
            }
        }
    }

    /// Until the bus takes it: what is noted meanwhile waits, or is dropped.
    async fn keep_batch(&self, batch: &AuditBatch) {
        loop {
            match self.bus.audit(batch).await {
                Ok(()) => return,
                Err(error @ BusError::Unreadable(_)) => {
                    events::not_kept(&error, &self.unanswered);
                    events::dropped(self.part, batch.entries.len(), &self.lost);
                    return;
                }
                Err(error @ BusError::Unavailable(_)) => {
                    events::not_kept(&error, &self.unanswered);
                    sleep(RETRY).await;
                }
            }
        }
    }
}

fn take_all(waiting: &mut mpsc::Receiver<Noted>, noted: &mut Vec<Noted>) {
    while noted.len() < QUEUE
        && let Ok(one) = waiting.try_recv()
    {
        noted.push(one);
    }
}

/// A note, and how often such were made; first at that time.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    at_ms: u64,
    note: Note,
    count: u64,
}

/// The same in their order, those that are counted once for each network: so nobody fills
/// the log with one thing, however many addresses they have.
fn counted(noted: Vec<Noted>) -> Vec<Counted> {
    let mut all: Vec<Counted> = Vec::new();
    let mut places = BTreeMap::new();
    for Noted { at_ms, note } in noted {
        if note.what.is_counted() {
            let place = *places.entry(note.kind()).or_insert(all.len());
            if let Some(before) = all.get_mut(place) {
                before.count += 1;
                continue;
            }
        }
        let count = 1;
        all.push(Counted { at_ms, note, count });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::What;
    use crate::identity::Identity;

    #[test]
    fn what_happens_again_and_again_is_counted() {
        let note = |what| Note::of_user(what, &Identity::plain("u1"));
        let (refused, connected) = (note(What::Refuse), note(What::Connect));
        let other = refused.clone().failed("origin");
        let from = |address: &str| refused.clone().from(address.parse().unwrap());
        let (here, next_door, far) = (
            from("203.0.113.7"),
            from("203.0.113.8"),
            from("198.51.100.7"),
        );
        let notes = [
            &refused, &connected, &refused, &other, &connected, &refused, &here, &far, &next_door,
        ];
        let noted = notes.iter().zip(10..).map(|(note, at_ms)| Noted {
            at_ms,
            note: (*note).clone(),
        });
        let counted: Vec<_> = counted(noted.collect())
            .into_iter()
            .map(|Counted { at_ms, note, count }| (at_ms, note, count))
            .collect();
        let expected = [
            (10, refused, 3),
            (11, connected.clone(), 1),
            (13, other, 1),
            (14, connected, 1),
            (16, here, 2),
            (17, far, 1),
        ];
        assert_eq!(counted, expected);
    }
}
