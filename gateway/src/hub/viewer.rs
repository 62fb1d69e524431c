//! What somebody sees of a room.

use std::sync::Arc;

use causerie_shared::ids::{MessageId, UserId};
use causerie_shared::protocol::event::Event;
use causerie_shared::record::Header;
use causerie_shared::room::Room;

use crate::identity::Identity;

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

impl Live {
    /// All kinds.
    pub const ALL: Self = Self {
        chat: true,
        status: true,
        memory: true,
    };

    fn has(self, event: &str) -> bool {
        match Event::named(event).map(Event::group) {
            Some("chat" | "ai") => self.chat,
            Some("status") => self.status,
            Some("memory") => self.memory,
            Some(_) | None => true,
        }
    }
}

/// What somebody sees of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Everything that is sent live, but what excludes this user.
    Member(UserId, Live),
    /// Announcements only: a visitor in the tenant's room.
    Announcements(Arc<Identity>, Live),
    /// What concerns this question, without `subscribed`.
    Question(MessageId),
}

impl Viewer {
    /// How `identity`, which may read `room`, sees it. Nobody is kept from
    /// their own conversation.
    pub fn of(identity: &Arc<Identity>, room: &Room, live: Live) -> Self {
        match room {
            Room::Tenant if identity.is_visitor() => {
                Self::Announcements(Arc::clone(identity), live)
            }
            Room::User(_) => Self::Member(identity.user.clone(), Live { chat: true, ..live }),
            Room::Tenant | Room::Project(_) => Self::Member(identity.user.clone(), live),
        }
    }

    pub(crate) fn sees(&self, header: &Header) -> bool {
        match self {
            Self::Member(user, live) => {
                header.excluded.as_ref() != Some(user) && live.has(&header.event)
            }
            Self::Announcements(identity, live) => {
                identity.sees(&Room::Tenant, &header.event) && live.has(&header.event)
            }
            Self::Question(question) => header.in_reply_to.as_ref() == Some(question),
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
        viewer.sees(&header)
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
