//! Who asks for what takes no connection: a person, or a server.

use std::sync::Arc;

use causerie_shared::api_key::{ApiKey, KeyScope};
use causerie_shared::ids::TenantId;
use causerie_shared::room::{Room, RoomName};

use super::refusal::Refusal;
use super::rooms;
use crate::audit::{Note, What};
use crate::identity::{Identity, is_announcement};
use crate::permission::{self, Act, Place, Who};

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

    /// That they did `what`.
    pub(crate) fn note(&self, what: What) -> Note {
        match self {
            Self::Person(identity) => Note::of_user(what, identity),
            Self::Server(key) => Note::of_key(what, key),
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

    /// Checks that they may do it in `room`.
    ///
    /// # Errors
    /// 403, be the room there or not.
    pub(crate) fn check(&self, act: Act, room: &Room) -> Result<(), Refusal> {
        match self {
            Self::Person(identity) => rooms::check(identity, act, room),
            Self::Server(key) if permission::may(|who| is(key, who), act, place(room)) => Ok(()),
            Self::Server(_) => Err(no_scope(act)),
        }
    }

    /// Checks that they may do it in some room, before anybody looks at which.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_somewhere(&self, act: Act) -> Result<(), Refusal> {
        let may = match self {
            Self::Person(identity) => identity.may_somewhere(act),
            Self::Server(key) => permission::may_somewhere(|who| is(key, who), act),
        };
        match self {
            _ if may => Ok(()),
            Self::Person(_) => Err(no_role(act)),
            Self::Server(_) => Err(no_scope(act)),
        }
    }

    /// Whether one who may read `room` sees events called `event` there.
    pub(crate) fn sees(&self, room: &Room, event: &str) -> bool {
        match self {
            Self::Person(identity) => identity.sees(room, event),
            Self::Server(key) => {
                is_announcement(event)
                    || permission::may(|who| is(key, who), Act::SeeTalk, place(room))
            }
        }
    }
}

fn is(key: &ApiKey, who: Who) -> bool {
    let scope = match who {
        Who::PublishKey => KeyScope::Publish,
        Who::ReadKey => KeyScope::Read,
        Who::AdminKey => KeyScope::Admin,
        Who::Visitor | Who::User | Who::Publisher | Who::Admin | Who::Operator => return false,
    };
    key.card.scopes.contains(&scope)
}

/// What `room` is to a server: it is nobody, and takes part in every project.
fn place(room: &Room) -> Place {
    match room {
        Room::Tenant => Place::Tenant,
        Room::User(_) => Place::AnothersRoom,
        Room::Project(_) => Place::OwnProject,
    }
}

/// 403 for a key.
fn no_scope(act: Act) -> Refusal {
    let scope = match act {
        Act::Publish => KeyScope::Publish,
        Act::EndConnections | Act::RuleUsers | Act::ReadAudit => KeyScope::Admin,
        // No scope would do.
        Act::ReadAnyAudit | Act::SeeStatus => return no_role(act),
        Act::Hear
        | Act::ReadHistory
        | Act::SeeTalk
        | Act::Say
        | Act::ShowTyping
        | Act::ShowRead
        | Act::Cancel
        | Act::DeleteOwn
        | Act::DeleteAny
        | Act::SeePresence
        | Act::ShowStatus
        | Act::SeeConnections => KeyScope::Read,
    };
    let scope = scope.as_str();
    let content = format!("The API key lacks the scope `{scope}`: use another key.");
    Refusal::forbidden(content).because("key_scope")
}

/// 403 for a person.
fn no_role(act: Act) -> Refusal {
    let content = match act {
        Act::Publish => {
            "Only servers may publish: the role `publisher` or `admin` is needed in your token, \
             or an API key."
        }
        Act::SeePresence | Act::SeeConnections => {
            "Only servers may look at who is connected: the role `publisher` or `admin` is needed \
             in your token, or an API key."
        }
        Act::EndConnections | Act::RuleUsers => {
            "Only servers may end connections and revoke tokens: the role `publisher` or `admin` \
             is needed in your token, or an API key with the scope `admin`."
        }
        Act::ReadAnyAudit => {
            "This audit log is not your tenant's: the role `operator` is needed for others."
        }
        Act::SeeStatus => {
            "The status is of the whole installation: the role `operator` is needed in your token, \
             under the installation's own key."
        }
        Act::ReadAudit
        | Act::Hear
        | Act::ReadHistory
        | Act::SeeTalk
        | Act::Say
        | Act::ShowTyping
        | Act::ShowRead
        | Act::Cancel
        | Act::DeleteOwn
        | Act::DeleteAny
        | Act::ShowStatus => {
            "The role `admin` is needed in your token, or an API key with that scope."
        }
    };
    Refusal::forbidden(content).because("role")
}
