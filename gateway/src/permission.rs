//! Who may do what, and where: one table, which everything asks.
//!
//! Nothing crosses tenants but what an operator reads of the audit logs and of the status, so the table has
//! none: whoever asks, asks for what is of their own. What it says is held to a list that
//! is kept by hand, by trying all of it: `tests/edge/permissions`.

use Who::{Admin, AdminKey, Operator, PublishKey, Publisher, ReadKey, User, Visitor};

/// What somebody is. One may be several at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Who came without a token.
    Visitor,
    /// Whoever came with one.
    User,
    /// With the role `publisher` in it.
    Publisher,
    /// With the role `admin`, which ends at its tenant.
    Admin,
    /// With the role `operator`, of the installation.
    Operator,
    /// A server, by a key with the scope `publish`.
    PublishKey,
    /// The same with the scope `read`.
    ReadKey,
    /// The same with the scope `admin`.
    AdminKey,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Hear a room live, from a position on if so wished.
    Hear,
    /// Read a room's history, and its replies.
    ReadHistory,
    /// See more than announcements of what one may hear and read.
    SeeTalk,
    /// Send a message to people or to the AI.
    Say,
    /// Show that one types.
    ShowTyping,
    /// Show how far one has read.
    ShowRead,
    /// Cancel a reply.
    Cancel,
    /// Delete what one has said.
    DeleteOwn,
    /// Delete what others have said, and replies.
    DeleteAny,
    /// Publish as servers do.
    Publish,
    /// See who is in a room, as servers do.
    SeePresence,
    /// Say what one is: `away`, say. In no room: it stands in the column of the tenant's.
    ShowStatus,
    /// See connections of the tenant's, wherever they are; stands there as well.
    SeeConnections,
    /// End one; stands there as well.
    EndConnections,
    /// Disconnect users of the tenant, and revoke their tokens; stands there as well.
    RuleUsers,
    /// Read who did what in the tenant; stands there as well.
    ReadAudit,
    /// The same of any tenant, and of none; stands there as well.
    ReadAnyAudit,
    /// See how the installation fares, which is no tenant's; stands there as well.
    SeeStatus,
}

/// What a room is to the one who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The tenant's.
    Tenant,
    /// Their own.
    OwnRoom,
    /// Another user's. To servers every user is another.
    AnothersRoom,
    /// A project that their token names. Servers take part in all.
    OwnProject,
    /// A project that it does not.
    OtherProject,
}

/// In the order of [`Place`].
type Places = [&'static [Who]; 5];

const NOBODY: &[Who] = &[];
const PEOPLE: &[Who] = &[Visitor, User];
const PUBLISHERS: &[Who] = &[Publisher, Admin];
const ADMINS: &[Who] = &[Admin];

/// May see who is connected.
const LOOKERS: &[Who] = &[Publisher, Admin, ReadKey, AdminKey];

/// May speak, and whatever changes what others see.
const SPEAKERS: Places = [PUBLISHERS, PEOPLE, ADMINS, PEOPLE, NOBODY];

/// May end connections, and rule over users.
const RULERS: Places = [
    &[Publisher, Admin, AdminKey],
    NOBODY,
    NOBODY,
    NOBODY,
    NOBODY,
];

const TABLE: &[(Act, Places)] = &[
    (Act::Hear, [PEOPLE, PEOPLE, ADMINS, PEOPLE, NOBODY]),
    (
        Act::ReadHistory,
        [
            &[Visitor, User, ReadKey, AdminKey],
            PEOPLE,
            &[Admin, ReadKey, AdminKey],
            &[Visitor, User, ReadKey, AdminKey],
            NOBODY,
        ],
    ),
    (
        Act::SeeTalk,
        [
            &[User, ReadKey, AdminKey],
            PEOPLE,
            &[Admin, ReadKey, AdminKey],
            &[Visitor, User, ReadKey, AdminKey],
            NOBODY,
        ],
    ),
    (Act::Say, SPEAKERS),
    (Act::ShowTyping, SPEAKERS),
    (Act::ShowRead, SPEAKERS),
    (Act::Cancel, SPEAKERS),
    (Act::DeleteOwn, SPEAKERS),
    (Act::DeleteAny, [ADMINS, ADMINS, ADMINS, ADMINS, NOBODY]),
    (
        Act::Publish,
        [
            &[Publisher, Admin, PublishKey, AdminKey],
            PUBLISHERS,
            &[Admin, PublishKey, AdminKey],
            &[Publisher, Admin, PublishKey, AdminKey],
            NOBODY,
        ],
    ),
    (
        Act::SeePresence,
        [
            LOOKERS,
            PUBLISHERS,
            &[Admin, ReadKey, AdminKey],
            LOOKERS,
            NOBODY,
        ],
    ),
    (Act::ShowStatus, [PEOPLE, NOBODY, NOBODY, NOBODY, NOBODY]),
    (
        Act::SeeConnections,
        [LOOKERS, NOBODY, NOBODY, NOBODY, NOBODY],
    ),
    (Act::EndConnections, RULERS),
    (Act::RuleUsers, RULERS),
    (
        Act::ReadAudit,
        [&[Admin, AdminKey, Operator], NOBODY, NOBODY, NOBODY, NOBODY],
    ),
    (
        Act::ReadAnyAudit,
        [&[Operator], NOBODY, NOBODY, NOBODY, NOBODY],
    ),
    (
        Act::SeeStatus,
        [&[Operator], NOBODY, NOBODY, NOBODY, NOBODY],
    ),
];

/// Whether one who `is` so may do it at that place.
pub(crate) fn may(is: impl Fn(Who) -> bool, act: Act, place: Place) -> bool {
    let allowed = places(act).and_then(|places| places.get(place as usize));
    allowed.is_some_and(|who| who.iter().any(|who| is(*who)))
}

/// Whether one who `is` so may do it at any place at all.
pub(crate) fn may_somewhere(is: impl Fn(Who) -> bool, act: Act) -> bool {
    let mut allowed = places(act).into_iter().flatten();
    allowed.any(|who| who.iter().any(|who| is(*who)))
}

fn places(act: Act) -> Option<&'static Places> {
    let row = TABLE.iter().find(|(of, _)| *of == act);
    row.map(|(_, places)| places)
}
