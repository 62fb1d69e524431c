//! Who asks for what takes no connection: a person, or a server.

use std::sync::Arc;

use causerie_shared::api_key::{ApiKey, KeyScope};
use causerie_shared::ids::TenantId;
use causerie_shared::room::{Room, RoomName};

use super::refusal::Refusal;
use super::rooms::room_refused;
use crate::identity::Identity;

/// One who asks for what takes no connection.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// A person, or a visitor.
    Person(Identity),
    /// A server of the tenant's, by its API key.
    Server(Arc<ApiKey>),
}

impl Asker {
    /// Whose person or server it is.
    pub(crate) fn tenant(&self) -> &TenantId {
        match self {
            Self::Person(identity) => &identity.tenant,
            Self::Server(key) => &key.tenant,
        }
    }

    /// The room that is meant by `room`.
    ///
    /// # Errors
    /// 400 for `user:me`, where nobody is.
    pub(crate) fn resolve(&self, room: RoomName) -> Result<Room, Refusal> {
        match (self, room) {
            (_, RoomName::Of(room)) => Ok(room),
            (Self::Person(identity), RoomName::Me) => Ok(RoomName::Me.resolve(&identity.user)),
            (Self::Server(_), RoomName::Me) => Err(Refusal::bad_request(
                "`user:me` is the caller's own room, and an API key is nobody's: name the user.",
            )),
        }
    }

    /// Checks that a server's key has `scope`; a person needs none.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_scope(&self, scope: KeyScope) -> Result<(), Refusal> {
        match self {
            Self::Server(key) if !key.card.allows(scope) => {
                let scope = scope.as_str();
                let content = format!("The API key lacks the scope `{scope}`: use another key.");
                Err(Refusal::forbidden(content).because("key_scope"))
            }
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Whether `room` may be read; a server with the scope for it may read all.
    ///
    /// # Errors
    /// 403, be the room there or not.
    pub(crate) fn check_may_read(&self, room: &Room) -> Result<(), Refusal> {
        self.check_scope(KeyScope::Read)?;
        match self {
            Self::Person(identity) if !identity.may_read(room) => Err(room_refused(room)),
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Checks that they may publish as servers do.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_is_publisher(&self) -> Result<(), Refusal> {
        self.check_scope(KeyScope::Publish)?;
        match self {
            Self::Person(identity) if !identity.is_publisher() => Err(Refusal::forbidden(
                "Only servers may publish: the role `publisher` or `admin` is needed in your \
                 token, or an API key.",
            )
            .because("role")),
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Checks that one who may publish may do so to `room`; a server may to all.
    ///
    /// # Errors
    /// 403, be the room there or not.
    pub(crate) fn check_may_publish_to(&self, room: &Room) -> Result<(), Refusal> {
        match self {
            Self::Person(identity) if !identity.may_write(room) => Err(room_refused(room)),
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Checks that they may look at who is connected, as servers do.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_may_look(&self) -> Result<(), Refusal> {
        self.check_scope(KeyScope::Read)?;
        match self {
            Self::Person(identity) if !identity.is_publisher() => Err(Refusal::forbidden(
                "Only servers may look at who is connected: the role `publisher` or `admin` is \
                 needed in your token, or an API key.",
            )
            .because("role")),
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Checks that they may rule over the tenant's users.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_is_admin(&self) -> Result<(), Refusal> {
        self.check_scope(KeyScope::Admin)?;
        match self {
            Self::Person(identity) if !identity.is_admin() => Err(Refusal::forbidden(
                "The role `admin` is needed in your token, or an API key with that scope.",
            )
            .because("role")),
            Self::Person(_) | Self::Server(_) => Ok(()),
        }
    }

    /// Whether one who may read `room` sees events called `event` there.
    pub(crate) fn sees(&self, room: &Room, event: &str) -> bool {
        match self {
            Self::Person(identity) => identity.sees(room, event),
            Self::Server(_) => true,
        }
    }
}
