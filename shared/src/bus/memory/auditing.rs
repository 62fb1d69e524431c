//! What is kept of who did what.

use std::collections::{BTreeMap, VecDeque};

use super::part::{Part, millis};
use crate::bus::audit::{AuditBatch, AuditPage, AuditPart, AuditPlace, AuditRange};
use crate::ids::TenantId;

/// How long it is remembered that a batch is kept.
const BATCHES_KNOWN_MS: u64 = 600_000;

/// One part of one log, its oldest entry first.
type Entries = VecDeque<(AuditPlace, String)>;

/// The audit logs of one partition.
#[derive(Default)]
pub(super) struct Audits {
    logs: BTreeMap<(Option<TenantId>, AuditPart), Entries>,
    /// When each batch was kept.
    batches: BTreeMap<String, u64>,
}

impl Audits {
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.batches.len() + self.logs.values().map(VecDeque::len).sum::<usize>()
    }
}

impl Part {
    pub(super) fn keep_audit(&mut self, batch: &AuditBatch) {
        let now_ms = self.now_ms;
        let batches = &mut self.audits.batches;
        if batches.insert(batch.id.clone(), now_ms).is_some() {
            return;
        }
        let name = (batch.tenant.clone(), batch.part);
        let log = self.audits.logs.entry(name).or_default();
        for entry in &batch.entries {
            let place = match log.back() {
                Some((last, _)) if last.ms >= now_ms => AuditPlace {
                    seq: last.seq + 1,
                    ..*last
                },
                Some(_) | None => AuditPlace {
                    ms: now_ms,
                    seq: 0,
                    part: batch.part,
                },
            };
            log.push_back((place, entry.clone()));
        }
        self.sweep_audits();
    }

    pub(super) fn audited(&self, tenant: Option<&TenantId>, range: &AuditRange) -> AuditPage {
        let oldest_ms = self.oldest_audit_ms();
        let mut found = Vec::new();
        for part in range.parts() {
            let log = self.audits.logs.get(&(tenant.cloned(), part));
            let older = log
                .into_iter()
                .flatten()
                .rev()
                .filter(|(place, _)| range.before.is_none_or(|before| *place < before))
                .take_while(|(place, _)| place.ms >= oldest_ms);
            // One more tells whether there are more.
            found.extend(older.take(range.limit + 1).cloned());
        }
        AuditPage::newest(found, range.limit)
    }

    pub(super) fn sweep_audits(&mut self) {
        let oldest_ms = self.oldest_audit_ms();
        let most = usize::try_from(self.retention.audit_events).unwrap_or(usize::MAX);
        for log in self.audits.logs.values_mut() {
            let too_many = log.len().saturating_sub(most);
            let too_old = log.partition_point(|(place, _)| place.ms < oldest_ms);
            log.drain(..too_many.max(too_old));
        }
        self.audits.logs.retain(|_, log| !log.is_empty());
        let known_ms = self.now_ms.saturating_sub(BATCHES_KNOWN_MS);
        self.audits.batches.retain(|_, at_ms| *at_ms >= known_ms);
    }

    fn oldest_audit_ms(&self) -> u64 {
        let age_ms = millis(self.retention.audit_age);
        self.now_ms.saturating_sub(age_ms)
    }
}
