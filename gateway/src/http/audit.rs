//! `GET /api/audit`: who did what.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use causerie_shared::bus::audit::{AuditPage, AuditPart, AuditPlace, AuditRange};
use causerie_shared::ids::TenantId;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use url::form_urlencoded;

use super::Edge;
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::audit::What;
use crate::permission::Act;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// An empty log would say that nobody did anything.
const OFF: &str = "The audit log is off here: whoever runs this service can switch it on with \
                   `audit.enabled` (`AUDIT_ENABLED`).";

pub(super) async fn read(State(edge): State<Edge>, parts: Parts) -> Result<Response, Refusal> {
    let wanted = Wanted::read(parts.uri.query().unwrap_or(""))?;
    let asked = Asked::read(&parts)?;
    let reader = edge.admission.identify_server(&asked).await?;
    let log = log_for(&reader, wanted.tenant)
        .map_err(|refusal| edge.admission.not_allowed(&asked, &reader, refusal))?;
    if !edge.gateway.settings().audit {
        return Err(Refusal::not_found(OFF).because("audit_off"));
    }
    if log.as_ref() != Some(reader.tenant()) {
        let whose = log.as_ref().map_or("", TenantId::as_str);
        let note = || reader.note(What::ReadAudit).from(asked.client);
        edge.gateway.note(|| note().on(format!("tenant:{whose}")));
    }
    let page = edge.gateway.bus.audited(log.as_ref(), &wanted.range).await;
    let page = page.map_err(|error| bus_failed(&error))?;
    Ok(([(CONTENT_TYPE, "application/json")], encode(&page)).into_response())
}

/// What of which log is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// `Some(None)` is what is no tenant's.
    tenant: Option<Option<TenantId>>,
    range: AuditRange,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self {
            tenant: None,
            range: AuditRange::newest(DEFAULT_LIMIT),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "tenant" if value.is_empty() => wanted.tenant = Some(None),
                "tenant" => wanted.tenant = Some(Some(tenant(&value)?)),
                "part" => wanted.range.part = Some(part(&value)?),
                "before" => wanted.range.before = Some(place(&value)?),
                "limit" => wanted.range.limit = limit(&value)?,
                // Of all paths: they say who asks.
                "t" | "token" => {}
                name => {
                    return Err(Refusal::bad_request(format!(
                        "`{name}` is no parameter of `/api/audit`: there are `tenant`, \
                         `part`, `before` and `limit`."
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

fn tenant(value: &str) -> Result<TenantId, Refusal> {
    TenantId::new(value).map_err(|error| Refusal::bad_request(format!("`tenant`: {error}.")))
}

fn part(value: &str) -> Result<AuditPart, Refusal> {
    let names = || AuditPart::ALL.map(AuditPart::name).join("`, `");
    AuditPart::named(value)
        .ok_or_else(|| Refusal::bad_request(format!("`part` must be one of `{}`.", names())))
}

fn place(value: &str) -> Result<AuditPlace, Refusal> {
    let bad = |_| Refusal::bad_request("`before` must be the `id` of an entry.");
    value.parse().map_err(bad)
}

fn limit(value: &str) -> Result<usize, Refusal> {
    value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Refusal::bad_request(format!("`limit` must be 1 to {MAX_LIMIT}.")))
}

/// The log that `reader` may read: their tenant's unless they want another.
fn log_for(reader: &Asker, wanted: Option<Option<TenantId>>) -> Result<Option<TenantId>, Refusal> {
    let own = Some(reader.tenant().clone());
    reader.check_somewhere(Act::ReadAudit)?;
    let wanted = wanted.unwrap_or_else(|| own.clone());
    if wanted != own {
        reader.check_somewhere(Act::ReadAnyAudit)?;
    }
    Ok(wanted)
}

/// Puts the place of each before what stands in it, which is JSON already.
fn encode(page: &AuditPage) -> String {
    let entries = page.entries.iter().filter_map(|(place, entry)| {
        let rest = entry.strip_prefix('{')?;
        Some(format!(r#"{{"id":"{place}",{rest}"#))
    });
    let entries: Vec<_> = entries.collect();
    let (entries, has_more) = (entries.join(","), page.has_more);
    format!(r#"{{"entries":[{entries}],"has_more":{has_more}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_part_has_limits() {
        let wanted = Wanted::read("tenant=acme&part=acts&before=17-3-acts&limit=500").unwrap();
        let expected = Wanted {
            tenant: Some(Some(tenant("acme").unwrap())),
            range: AuditRange {
                part: Some(AuditPart::Acts),
                before: Some(AuditPlace {
                    ms: 17,
                    seq: 3,
                    part: AuditPart::Acts,
                }),
                limit: 500,
            },
        };
        assert_eq!(wanted, expected);
        assert_eq!(Wanted::read("tenant=").unwrap().tenant, Some(None));
        let none = Wanted::read("").unwrap();
        assert_eq!((none.tenant, none.range), (None, AuditRange::newest(100)));
        for bad in [
            "limit=0",
            "limit=501",
            "before=17",
            "befor=17-3-acts",
            "before=",
            "part=",
            "part=act",
            "tenant=a%20b",
        ] {
            assert!(Wanted::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        let place = AuditPlace {
            ms: 17,
            seq: 0,
            part: AuditPart::Acts,
        };
        let page = AuditPage {
            entries: vec![
                (place, r#"{"at":1}"#.to_owned()),
                (place, "damaged".to_owned()),
            ],
            has_more: true,
        };
        let json: serde_json::Value = serde_json::from_str(&encode(&page)).unwrap();
        let expected = serde_json::json!({
            "entries": [{"id": "17-0-acts", "at": 1}], "has_more": true,
        });
        assert_eq!(json, expected);
    }
}
