//! What is kept of who did what: a log for each tenant, and one for what belongs to
//! none.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::ids::TenantId;
use crate::room::Partition;

/// Entries that are kept together, of one log.
#[derive(Debug, Clone)]
pub struct AuditBatch {
    /// Names it once and for all: kept twice, it is there once.
    pub id: String,
    /// Whose log it is; the installation's own where they are no tenant's.
    pub tenant: Option<TenantId>,
    /// Each an object in JSON, the oldest first.
    pub entries: Vec<String>,
}

impl AuditBatch {
    /// A new batch.
    pub fn new(tenant: Option<TenantId>, entries: Vec<String>) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            tenant,
            entries,
        }
    }
}

/// The place of an entry in its log; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// When it was kept, in milliseconds since 1970 by the bus's clock.
    pub ms: u64,
    /// Among those of the same millisecond.
    pub seq: u64,
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place is two numbers with `-` between them")]
pub struct InvalidPlace;

impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for AuditPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let number = |text: &str| text.parse().map_err(|_| InvalidPlace);
        let (ms, seq) = text.split_once('-').ok_or(InvalidPlace)?;
        Ok(Self {
            ms: number(ms)?,
            seq: number(seq)?,
        })
    }
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<(AuditPlace, String)>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// The name under which the log of `tenant` is kept.
pub(super) fn log_name(tenant: Option<&TenantId>) -> String {
    format!("audit:{}", tenant.map_or("", TenantId::as_str))
}

/// Where that log is kept.
pub(super) fn partition_of_log(tenant: Option<&TenantId>) -> Partition {
    Partition::of_name(&log_name(tenant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown() {
        let place = AuditPlace { ms: 17, seq: 3 };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert!(place < AuditPlace { ms: 18, seq: 0 });
        for bad in ["", "-", "17", "17-", "17-x", "+", "17-3-1", "(17-3"] {
            assert_eq!(bad.parse::<AuditPlace>(), Err(InvalidPlace), "{bad}");
        }
    }
}
