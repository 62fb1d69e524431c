//! What is kept of who did what: a log for each tenant, and one for what belongs to
//! none.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::ids::TenantId;
use crate::room::Partition;

/// The parts of a log, each with a length and a queue of its own: so what anybody can
/// cause pushes nothing out of what only the trusted can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditPart {
    /// What those who may rule did.
    Acts,
    /// What people did who are known, and what they were refused.
    Sessions,
    /// Refusals of those who are nobody, and limits.
    Strangers,
}

impl AuditPart {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Acts, Self::Sessions, Self::Strangers];

    /// Its name, in places, keys and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::Sessions => "sessions",
            Self::Strangers => "strangers",
        }
    }

    /// The part of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// Entries that are kept together, of one part of one log.
#[derive(Debug, Clone)]
pub struct AuditBatch {
    /// Names it once and for all: kept twice, it is there once.
    pub id: String,
    /// Whose log it is; the installation's own where they are no tenant's.
    pub tenant: Option<TenantId>,
    /// Which part of it.
    pub part: AuditPart,
    /// Each an object in JSON, the oldest first.
    pub entries: Vec<String>,
}

impl AuditBatch {
    /// A new batch.
    pub fn new(tenant: Option<TenantId>, part: AuditPart, entries: Vec<String>) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            tenant,
            part,
            entries,
        }
    }
}

/// The place of an entry in its log; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// When it was kept, in milliseconds since 1970 by the bus's clock.
    pub ms: u64,
    /// Among those of the same millisecond and part.
    pub seq: u64,
    /// The part it is in.
    pub part: AuditPart,
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place is two numbers and a part, with `-` between them")]
pub struct InvalidPlace;

impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.ms, self.seq, self.part.name())
    }
}

impl FromStr for AuditPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let number = |text: &str| text.parse().map_err(|_| InvalidPlace);
        let (ms, rest) = text.split_once('-').ok_or(InvalidPlace)?;
        let (seq, name) = rest.split_once('-').ok_or(InvalidPlace)?;
        Ok(Self {
            ms: number(ms)?,
            seq: number(seq)?,
            part: AuditPart::named(name).ok_or(InvalidPlace)?,
        })
    }
}

/// Which entries of a log are wanted, from the newest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRange {
    /// Only of this part; else of all.
    pub part: Option<AuditPart>,
    /// Only those before this place.
    pub before: Option<AuditPlace>,
    /// At the most so many.
    pub limit: usize,
}

impl AuditRange {
    /// The newest of all parts, at the most so many.
    pub fn newest(limit: usize) -> Self {
        Self {
            part: None,
            before: None,
            limit,
        }
    }

    /// The parts of which entries are wanted.
    pub(super) fn parts(&self) -> impl Iterator<Item = AuditPart> {
        let wanted = self.part;
        let parts = AuditPart::ALL.into_iter();
        parts.filter(move |part| wanted.is_none_or(|wanted| wanted == *part))
    }
}

/// Some of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<(AuditPlace, String)>,
    /// Whether there are older ones.
    pub has_more: bool,
}

impl AuditPage {
    /// The newest `limit` of `found`, which has of each part one more if there are more.
    pub(super) fn newest(mut found: Vec<(AuditPlace, String)>, limit: usize) -> Self {
        found.sort_unstable_by_key(|(place, _)| Reverse(*place));
        let has_more = found.len() > limit;
        found.truncate(limit);
        Self {
            entries: found,
            has_more,
        }
    }
}

/// The name under which a part of the log of `tenant` is kept.
pub(super) fn log_name(tenant: Option<&TenantId>, part: AuditPart) -> String {
    let tenant = tenant.map_or("", TenantId::as_str);
    format!("audit:{}:{tenant}", part.name())
}

/// Where all parts of that log are kept.
pub(super) fn partition_of_log(tenant: Option<&TenantId>) -> Partition {
    Partition::of_name(&format!("audit:{}", tenant.map_or("", TenantId::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown() {
        let (seq, part) = (3, AuditPart::Sessions);
        let place = AuditPlace { ms: 17, seq, part };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert!(place < AuditPlace { ms: 18, ..place });
        for bad in [
            "",
            "-",
            "17",
            "17-",
            "17-x",
            "+",
            "17-3",
            "17-3-1",
            "17-3-acts-",
            "(17-3-acts",
        ] {
            assert_eq!(bad.parse::<AuditPlace>(), Err(InvalidPlace), "{bad}");
        }
    }
}
