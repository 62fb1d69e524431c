//! What is kept of who did what.

use super::args::Args;
use super::script::{AUDIT, AUDITED};
use super::{RedisBus, millis, nothing};
use crate::bus::BusError;
use crate::bus::audit::{
    AuditBatch, AuditPage, AuditPart, AuditPlace, AuditRange, log_name, partition_of_log,
};
use crate::ids::TenantId;

impl RedisBus {
    pub(super) async fn keep_audit(&self, batch: &AuditBatch) -> Result<(), BusError> {
        let tenant = batch.tenant.as_ref();
        let args = self
            .audit_args(tenant, batch.part)
            .number(self.retention.audit_events)
            .text(&batch.id)
            .list(batch.entries.iter().map(String::as_bytes));
        let answer = self
            .pool
            .run(partition_of_log(tenant), &AUDIT, args)
            .await?;
        answer.map(|_| ()).ok_or_else(|| nothing("audit"))
    }

    pub(super) async fn kept_audit(
        &self,
        tenant: Option<&TenantId>,
        range: &AuditRange,
    ) -> Result<AuditPage, BusError> {
        let mut found = Vec::new();
        for part in range.parts() {
            // One more tells whether there are more.
            let args = self
                .audit_args(tenant, part)
                .text(&last_of(part, range.before))
                .number(range.limit as u64 + 1);
            let partition = partition_of_log(tenant);
            let answer = self.pool.run(partition, &AUDITED, args).await?;
            let answer = answer.ok_or_else(|| nothing("audited"))?;
            let place = |id: String| format!("{id}-{}", part.name()).parse();
            let entries = answer.rest(|answer| Ok((answer.text()?, answer.text()?)))?;
            for (id, entry) in entries {
                let place = place(id).map_err(|_| nothing("audited"))?;
                found.push((place, entry));
            }
        }
        Ok(AuditPage::newest(found, range.limit))
    }

    /// What both scripts take first.
    fn audit_args(&self, tenant: Option<&TenantId>, part: AuditPart) -> Args {
        Args::default()
            .text(&log_name(tenant, part))
            .number(millis(self.retention.audit_age))
    }
}

/// The last of `part` that comes before that place, as `XREVRANGE` takes it.
fn last_of(part: AuditPart, before: Option<AuditPlace>) -> String {
    match before {
        None => "+".to_owned(),
        // Those of one millisecond and number stand in the order of their parts.
        Some(place) if part < place.part => format!("{}-{}", place.ms, place.seq),
        Some(place) => format!("({}-{}", place.ms, place.seq),
    }
}
