//! What is noted of somebody who did something, or was not let.

use std::net::IpAddr;

use causerie_shared::api_key::{ApiKey, KEY_PREFIX};
use causerie_shared::bus::audit::AuditPart;
use causerie_shared::ids::{KeyId, TenantId, UserId};
use causerie_shared::telemetry::mask;
use serde::Serialize;

use crate::connection::Connection;
use crate::identity::Identity;

/// The result of what was done.
const OK: &str = "ok";

/// One of whom nothing is believed.
const NOBODY: &str = "nobody";

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// A socket or a stream was opened.
    Connect,
    /// Somebody was not let in, or not believed.
    Refuse,
    /// A room was joined on a live connection.
    Join,
    /// A server published.
    Publish,
    /// A limit was met.
    Limit,
    /// A connection was closed since it went on against limits.
    Abuse,
    /// A message holds words of a list.
    Filter,
    /// What somebody else had said was deleted.
    Delete,
    /// A user's connections were ended.
    DisconnectUser,
    /// One connection was ended.
    EndConnection,
    /// A user's tokens were revoked.
    RevokeUser,
    /// The audit log of another tenant was read, or that of none.
    ReadAudit,
    /// An API key was made.
    MakeKey,
    /// An API key was revoked.
    RevokeKey,
}

impl What {
    /// All there are.
    pub(super) const ALL: [Self; 14] = [
        Self::Connect,
        Self::Refuse,
        Self::Join,
        Self::Publish,
        Self::Limit,
        Self::Abuse,
        Self::Filter,
        Self::Delete,
        Self::DisconnectUser,
        Self::EndConnection,
        Self::RevokeUser,
        Self::ReadAudit,
        Self::MakeKey,
        Self::RevokeKey,
    ];

    /// Its name, in the log and in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refuse => "refuse",
            Self::Join => "join",
            Self::Publish => "publish",
            Self::Limit => "limit",
            Self::Abuse => "abuse",
            Self::Filter => "filter",
            Self::Delete => "delete",
            Self::DisconnectUser => "disconnect_user",
            Self::EndConnection => "end_connection",
            Self::RevokeUser => "revoke_user",
            Self::ReadAudit => "read_audit",
            Self::MakeKey => "make_key",
            Self::RevokeKey => "revoke_key",
        }
    }

    /// Whether one and the same may happen so often that it is counted instead of told
    /// each time.
    pub(super) const fn is_counted(self) -> bool {
        match self {
            Self::Refuse
            | Self::Join
            | Self::Publish
            | Self::Limit
            | Self::Filter
            | Self::Delete
            | Self::ReadAudit => true,
            Self::Connect
            | Self::Abuse
            | Self::DisconnectUser
            | Self::EndConnection
            | Self::RevokeUser
            | Self::MakeKey
            | Self::RevokeKey => false,
        }
    }
}

/// Who did it, from where, on what, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    /// Whose log it belongs to; the installation's where it is no tenant's.
    pub(super) tenant: Option<TenantId>,
    pub(super) what: What,
    /// `user:…`, `key:…`, `command` or `nobody`.
    pub(super) who: String,
    pub(super) address: Option<IpAddr>,
    pub(super) connection: Option<String>,
    pub(super) transport: Option<&'static str>,
    /// Rooms, a message, a user, a connection, a key, or a limit.
    pub(super) on: Option<String>,
    pub(super) result: &'static str,
}

impl Note {
    /// That `who` of `tenant` did `what`.
    fn new(what: What, tenant: Option<&TenantId>, who: String) -> Self {
        Self {
            tenant: tenant.cloned(),
            what,
            who,
            address: None,
            connection: None,
            transport: None,
            on: None,
            result: OK,
        }
    }

    /// That somebody of whom nothing is believed did it.
    pub(crate) fn of_nobody(what: What, tenant: Option<&TenantId>) -> Self {
        Self::new(what, tenant, NOBODY.to_owned())
    }

    /// That a user did it.
    pub(crate) fn of_user(what: What, identity: &Identity) -> Self {
        Self::by(what, &identity.tenant, &identity.user)
    }

    /// That `user` of `tenant` did it.
    pub(crate) fn by(what: What, tenant: &TenantId, user: &UserId) -> Self {
        Self::new(what, Some(tenant), format!("user:{user}"))
    }

    /// That a server did it.
    pub(crate) fn of_key(what: What, key: &ApiKey) -> Self {
        Self::new(what, Some(&key.tenant), key_name(&key.card.id))
    }

    /// That whoever has a shell did it, to a key.
    pub(crate) fn of_command(what: What, tenant: &TenantId, key: &KeyId) -> Self {
        Self::new(what, Some(tenant), "command".to_owned()).on(key_name(key))
    }

    /// That it was done over a connection.
    pub(crate) fn over(what: What, connection: &Connection) -> Self {
        Self {
            connection: Some(connection.id.to_string()),
            transport: Some(connection.transport.name()),
            address: Some(connection.client),
            ..Self::of_user(what, &connection.identity())
        }
    }

    /// From there.
    #[must_use]
    pub(crate) fn from(self, address: IpAddr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// On that.
    #[must_use]
    pub(crate) fn on(self, on: impl ToString) -> Self {
        Self {
            on: Some(on.to_string()),
            ..self
        }
    }

    /// The part of the log it belongs to. What is tried in vain is no act: anybody can try,
    /// and so can a server whose key is for little.
    pub(super) fn part(&self) -> AuditPart {
        if self.who == NOBODY {
            return AuditPart::Strangers;
        }
        match self.what {
            What::Limit => AuditPart::Strangers,
            What::Connect | What::Refuse | What::Join | What::Abuse | What::Filter => {
                AuditPart::Sessions
            }
            What::Publish
            | What::Delete
            | What::DisconnectUser
            | What::EndConnection
            | What::RevokeUser
            | What::ReadAudit
            | What::MakeKey
            | What::RevokeKey => {
                if self.result == OK {
                    AuditPart::Acts
                } else {
                    AuditPart::Sessions
                }
            }
        }
    }

    /// From where they came, as it is kept: the network of a public address.
    fn shown_address(&self) -> Option<String> {
        self.address
            .map(|address| mask(&address.to_string()).into_owned())
    }

    /// The note, but for from where in a network they came: what is told once, with how
    /// often it happened.
    pub(super) fn kind(&self) -> (Option<String>, Self) {
        let anywhere = Self {
            address: None,
            ..self.clone()
        };
        (self.shown_address(), anywhere)
    }

    /// It came to nothing.
    #[must_use]
    pub(crate) fn failed(self, result: &'static str) -> Self {
        Self { result, ..self }
    }
}

fn key_name(key: &KeyId) -> String {
    format!("key:{KEY_PREFIX}{key}")
}

/// A note as it is kept and logged, without what is personal in it.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    /// When it happened, in milliseconds since 1970 by the bus's clock.
    pub(super) at: u64,
    pub(super) node: &'a str,
    pub(super) what: What,
    pub(super) who: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<String>,
    pub(super) result: &'a str,
    /// How often, where that was more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(at: u64, node: &'a str, note: &'a Note, count: u64) -> Self {
        let masked = |text: &str| mask(text).into_owned();
        Self {
            at,
            node,
            what: note.what,
            who: masked(&note.who),
            address: note.shown_address(),
            connection: note.connection.as_deref(),
            transport: note.transport,
            on: note.on.as_deref().map(masked),
            result: note.result,
            count: (count > 1).then_some(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_masked() {
        let identity = Identity::plain("4111111111111111");
        let note = Note::of_user(What::Join, &identity)
            .from("198.51.100.7".parse().unwrap())
            .on("project:+15551234567");
        let entry = Entry::new(17, "gw-1", &note, 1);
        assert_eq!(
            serde_json::to_value(entry).unwrap(),
            serde_json::json!({
                "at": 17, "node": "gw-1", "what": "join", "who": "user:[card]",
                "address": "198.51.100.x", "on": "project:[phone]", "result": "ok",
            })
        );
    }

    #[test]
    fn what_anybody_can_cause_is_no_act() {
        let of = |what| Note::of_user(what, &Identity::plain("u1"));
        for (note, part) in [
            (of(What::RevokeUser), AuditPart::Acts),
            (of(What::RevokeUser).failed("role"), AuditPart::Sessions),
            (of(What::Join), AuditPart::Sessions),
            (of(What::Limit), AuditPart::Strangers),
            (Note::of_nobody(What::Refuse, None), AuditPart::Strangers),
        ] {
            assert_eq!(note.part(), part, "{note:?}");
        }
    }

    #[test]
    fn names_are_those_that_are_kept() {
        for what in What::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.name());
        }
    }
}
