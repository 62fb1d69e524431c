//! What is kept of who did what.

use super::args::Args;
use super::script::{AUDIT, AUDITED};
use super::{RedisBus, millis, nothing};
use crate::bus::BusError;
use crate::bus::audit::{AuditBatch, AuditPage, AuditPlace, log_name, partition_of_log};
use crate::ids::TenantId;

impl RedisBus {
    pub(super) async fn keep_audit(&self, batch: &AuditBatch) -> Result<(), BusError> {
        let tenant = batch.tenant.as_ref();
        let args = self
            .audit_args(tenant)
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
        before: Option<AuditPlace>,
        limit: usize,
    ) -> Result<AuditPage, BusError> {
        let before = before.map_or("+".to_owned(), |place| format!("({place}"));
        // One more tells whether there are more.
        let args = self
            .audit_args(tenant)
            .text(&before)
            .number(limit as u64 + 1);
        let partition = partition_of_log(tenant);
        let answer = self.pool.run(partition, &AUDITED, args).await?;
        let answer = answer.ok_or_else(|| nothing("audited"))?;
        let mut entries = answer.rest(|answer| Ok((answer.parsed()?, answer.text()?)))?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok(AuditPage { entries, has_more })
    }

    /// What both scripts take first.
    fn audit_args(&self, tenant: Option<&TenantId>) -> Args {
        Args::default()
            .text(&log_name(tenant))
            .number(millis(self.retention.audit_age))
    }
}
