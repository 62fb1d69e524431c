//! What somebody sees of a room.

use causerie_shared::ids::{MessageId, UserId};
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Header;
use causerie_shared::room::Room;

use crate::identity::{Identity, is_announcement};
use crate::permission::Act;

/// Which kinds of events are sent live. The others are only kept, where they
/// are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Messages and AI events, in rooms of more than one user.
    pub chat: bool,
    /// Events of the group `status`.
    pub status: bool,
    /// Events of the group `memory`.
    pub memory: bool,
}

/// The kinds of events that are switched on and off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    Chat,
    Status,
    Memory,
    /// Always on.
    #[default]
    Other,
}

impl Kind {
    fn of(event: &str) -> Self {
        match Event::named(event).map(Event::group) {
            Some("chat" | "ai") => Self::Chat,
            Some("status") => Self::Status,
            Some("memory") => Self::Memory,
            Some(_) | None => Self::Other,
        }
    }
}

impl Live {
    /// All kinds.
    pub const ALL: Self = Self {
        chat: true,
        status: true,
        memory: true,
    };

    fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Chat => self.chat,
            Kind::Status => self.status,
            Kind::Memory => self.memory,
            Kind::Other => true,
        }
    }
}

/// What of an event decides who sees it: found out once for all viewers.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    kind: Kind,
    is_announcement: bool,
    excluded: Option<UserId>,
    question: Option<MessageId>,
}

impl Sight {
    pub(crate) fn of(header: &Header) -> Self {
        Self {
            kind: Kind::of(&header.event),
            is_announcement: is_announcement(&header.event),
            excluded: header.excluded.clone(),
            question: header.in_reply_to.clone(),
        }
    }

    /// The message that it is, or is about: see [`Header::in_reply_to`].
    pub(crate) fn question(&self) -> Option<&MessageId> {
        self.question.as_ref()
    }

    /// What is part of the reply to `question`.
    pub(crate) fn of_reply_to(question: &MessageId) -> Self {
        Self {
            kind: Kind::Chat,
            question: Some(question.clone()),
            ..Self::default()
        }
    }
}

/// What somebody sees of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Everything that is sent live, but what excludes this user.
    Member(UserId, Live),
    /// Announcements only: a visitor in the tenant's room.
    Announcements(Live),
    /// What concerns this question, without `subscribed`.
    Question(MessageId),
}

impl Viewer {
    /// How `identity`, which may read `room`, sees it. Nobody is kept from
    /// their own conversation.
    pub fn of(identity: &Identity, room: &Room, live: Live) -> Self {
        match room {
            _ if !identity.may(Act::SeeTalk, room) => Self::Announcements(live),
            Room::User(_) => Self::Member(identity.user.clone(), Live { chat: true, ..live }),
            Room::Tenant | Room::Project(_) => Self::Member(identity.user.clone(), live),
        }
    }

    pub(crate) fn sees(&self, sight: &Sight) -> bool {
        match self {
            Self::Member(user, live) => {
                live.has(sight.kind) && sight.excluded.as_ref() != Some(user)
            }
            Self::Announcements(live) => sight.is_announcement && live.has(sight.kind),
            Self::Question(question) => sight.question.as_ref() == Some(question),
        }
    }

    pub(crate) fn sees_reply_to(&self, question: &MessageId) -> bool {
        match self {
            Self::Member(_, live) => live.chat,
            Self::Announcements(..) => false,
            Self::Question(own) => own == question,
        }
    }

    pub(crate) fn is_told_positions(&self) -> bool {
        !matches!(self, Self::Question(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::testing::durable;

    fn sees(live: Live, event: Event) -> bool {
        let viewer = Viewer::Member(UserId::new("u1").unwrap(), live);
        let header = Header {
            event: event.name().into(),
            ..durable("aaaaaaaa", 1).header
        };
        viewer.sees(&Sight::of(&header))
    }

    #[test]
    fn each_switch_is_for_its_own_kinds() {
        let none = Live {
            chat: false,
            status: false,
            memory: false,
        };
        for (event, only) in [
            (Event::NewMessage, Live { chat: true, ..none }),
            (Event::MessageDelta, Live { chat: true, ..none }),
            (Event::AiProcessingStart, Live { chat: true, ..none }),
            (
                Event::SystemStatusUpdate,
                Live {
                    status: true,
                    ..none
                },
            ),
            (
                Event::MemoryStored,
                Live {
                    memory: true,
                    ..none
                },
            ),
        ] {
            assert!(sees(Live::ALL, event) && sees(only, event), "{event:?}");
            assert!(!sees(none, event), "{event:?}");
        }
        assert!(sees(none, Event::BroadcastMessage));
    }
}
