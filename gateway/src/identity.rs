//! Who a caller is.

use causerie_shared::ids::{ProjectId, TenantId, UserId};
use causerie_shared::protocol::error::{ErrorCode, ProtocolError};
use causerie_shared::protocol::event::Event;
use causerie_shared::room::Room;

use crate::permission::{self, Act, Place, Who};

/// The caller of a connection or a request, as its token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant; nothing of another is ever shown or touched.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// A name to show to people.
    pub name: Option<Box<str>>,
    /// The projects they take part in.
    pub projects: Projects,
    /// What else they may.
    pub roles: Box<[Role]>,
    /// When the token ends, by the bus's clock, in milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// When the token was made, by its maker's clock, in milliseconds since 1970; 0
    /// where it does not say.
    pub issued_ms: u64,
}

/// The projects that somebody takes part in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projects {
    /// All of the tenant's.
    All,
    /// These. They are few, and every connection keeps its own.
    Some(Box<[ProjectId]>),
}

/// A role in a token. Others are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// May write to everybody of the tenant.
    Publisher,
    /// Rules the tenant.
    Admin,
    /// Rules the installation; only in tokens under its own key.
    Operator,
}

impl Role {
    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "publisher" => Some(Self::Publisher),
            "admin" => Some(Self::Admin),
            "operator" => Some(Self::Operator),
            _ => None,
        }
    }
}

impl Identity {
    /// Whether the caller came without a token.
    pub fn is_visitor(&self) -> bool {
        self.user.is_visitor()
    }

    /// Whether the caller has any role, and so may rule over others.
    pub fn has_role(&self) -> bool {
        !self.roles.is_empty()
    }

    /// Whether the caller may do it in `room`.
    pub fn may(&self, act: Act, room: &Room) -> bool {
        permission::may(|who| self.is(who), act, self.place(room))
    }

    /// The same where the caller is to be told.
    ///
    /// # Errors
    /// `forbidden`, be the room there or not.
    pub fn check(&self, act: Act, room: &Room) -> Result<(), ProtocolError> {
        if self.may(act, room) {
            Ok(())
        } else {
            Err(Self::refused(room))
        }
    }

    /// Whether the caller may do it in any room at all.
    pub fn may_somewhere(&self, act: Act) -> bool {
        permission::may_somewhere(|who| self.is(who), act)
    }

    fn is(&self, who: Who) -> bool {
        match who {
            Who::Visitor => self.is_visitor(),
            Who::User => !self.is_visitor(),
            Who::Publisher => self.has(Role::Publisher),
            Who::Admin => self.has(Role::Admin),
            Who::Operator => self.has(Role::Operator),
            Who::PublishKey | Who::ReadKey | Who::AdminKey => false,
        }
    }

    /// What `room` is to the caller.
    fn place(&self, room: &Room) -> Place {
        let takes_part = |project| match &self.projects {
            Projects::All => true,
            Projects::Some(projects) => projects.contains(project),
        };
        match room {
            Room::Tenant => Place::Tenant,
            Room::User(user) if *user == self.user => Place::OwnRoom,
            Room::User(_) => Place::AnothersRoom,
            Room::Project(project) if takes_part(project) => Place::OwnProject,
            Room::Project(_) => Place::OtherProject,
        }
    }

    /// Whether the caller, who may read `room`, sees events called `event`
    /// there.
    pub fn sees(&self, room: &Room, event: &str) -> bool {
        is_announcement(event) || self.may(Act::SeeTalk, room)
    }

    /// Why a room is refused in which the caller may not do what was asked for.
    fn refused(room: &Room) -> ProtocolError {
        let content = match room {
            Room::Project(project) => format!(
                "The room `{room}` is not allowed to you: the `projects` of your token must name \
                 `{project}`."
            ),
            Room::User(_) => format!(
                "The room `{room}` is not allowed to you: it is another user's, for whom the role \
                 `admin` is needed in your token."
            ),
            Room::Tenant => "You may not write to `tenant`: the role `publisher` or `admin` is \
                             needed in your token."
                .to_owned(),
        };
        ProtocolError::new(ErrorCode::Forbidden, content)
    }

    /// Whether the connection may stay without ever acting.
    pub fn is_never_idle(&self) -> bool {
        [Role::Publisher, Role::Admin, Role::Operator]
            .into_iter()
            .any(|role| self.has(role))
    }

    fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Whether events called `event` are for all who may read a room: see [`Act::SeeTalk`].
pub(crate) fn is_announcement(event: &str) -> bool {
    matches!(
        Event::named(event),
        Some(Event::BroadcastMessage | Event::SystemNotification | Event::MaintenanceMode)
    )
}

#[cfg(test)]
impl Identity {
    /// A user of `acme` with nothing special, who may go into all projects.
    pub(crate) fn plain(user: &str) -> Self {
        Self {
            tenant: TenantId::new("acme").unwrap(),
            user: UserId::new(user).unwrap(),
            name: None,
            projects: Projects::All,
            roles: Box::default(),
            expires_ms: None,
            issued_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user: &str, projects: Projects, roles: &[Role]) -> Identity {
        Identity {
            projects,
            roles: roles.iter().copied().collect(),
            ..Identity::plain(user)
        }
    }

    fn room(text: &str) -> Room {
        text.parse().unwrap()
    }

    #[test]
    fn everybody_hears_the_tenant_and_few_may_speak_there() {
        let plain = identity("u1", Projects::All, &[]);
        let tenant = &Room::Tenant;
        assert!(plain.may(Act::Hear, tenant) && !plain.may(Act::Say, tenant));
        for role in [Role::Publisher, Role::Admin] {
            assert!(identity("u1", Projects::All, &[role]).may(Act::Say, tenant));
        }
        assert!(!identity("u1", Projects::All, &[Role::Operator]).may(Act::Say, tenant));
    }

    #[test]
    fn a_users_room_is_theirs_and_the_admins() {
        let own = identity("u1", Projects::All, &[]);
        assert!(own.may(Act::Say, &room("user:u1")) && !own.may(Act::Hear, &room("user:u2")));
        assert!(identity("u1", Projects::All, &[Role::Admin]).may(Act::Say, &room("user:u2")));
    }

    #[test]
    fn projects_are_those_of_the_token() {
        let some = Projects::Some([ProjectId::new("p1").unwrap()].into());
        let one = identity("u1", some, &[Role::Admin]);
        assert!(one.may(Act::Say, &room("project:p1")) && !one.may(Act::Hear, &room("project:p2")));
        assert!(identity("u1", Projects::All, &[]).may(Act::Hear, &room("project:p2")));
    }

    #[test]
    fn visitors_see_announcements_only_in_the_tenants_room() {
        let visitor = identity("v~1", Projects::Some([].into()), &[]);
        assert!(visitor.sees(&Room::Tenant, "broadcast_message"));
        assert!(!visitor.sees(&Room::Tenant, "new_message"));
        assert!(visitor.sees(&room("user:v~1"), "new_message"));
    }
}
