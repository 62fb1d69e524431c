//! What is counted, and what one is told who asks for too much of it.

use std::time::Duration;

use causerie_shared::protocol::action::Action;
use causerie_shared::protocol::error::{ErrorCode, ProtocolError, Scope};
use causerie_shared::rate::{Rate, us};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Sockets and streams that are opened, or tried.
    Connections,
    /// People who become visitors.
    Visitors,
    /// All that is asked for: over HTTP, or in a frame.
    Requests,
    /// The same with an API key.
    KeyRequests,
    /// The same of all servers of a tenant, and of those whose token has a role: they have a
    /// share of their own, so that they can send away who takes all of the others'.
    RulerRequests,
    /// `sendMessage`.
    Messages,
    /// `sendMessage` by a visitor.
    VisitorMessages,
    /// `sendMessage` to the AI by visitors.
    VisitorQuestions,
    /// `typing` that says yes, `read` and `status`.
    Typing,
    /// Users whose tokens are revoked, each of whom all gateways remember.
    Revocations,
}

impl Counted {
    /// As what an action counts, beside a request.
    pub(crate) fn of(action: &Action) -> Option<Self> {
        match action {
            Action::SendMessage(_) => Some(Self::Messages),
            Action::Typing(sign) if sign.is_typing => Some(Self::Typing),
            // Each is told to as many people.
            Action::Read(_) | Action::Status(_) => Some(Self::Typing),
            Action::Typing(_)
            | Action::Cancel(_)
            | Action::Subscribe(_)
            | Action::Unsubscribe(_)
            | Action::Delete(_)
            | Action::Authenticate(_)
            | Action::Ping(_) => None,
        }
    }

    /// Its name, in metrics and where it is counted.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Visitors => "visitors",
            Self::Requests => "requests",
            Self::KeyRequests => "key_requests",
            Self::RulerRequests => "ruler_requests",
            Self::Messages => "messages",
            Self::VisitorMessages => "visitor_messages",
            Self::VisitorQuestions => "visitor_questions",
            Self::Typing => "typing",
            Self::Revocations => "revocations",
        }
    }
}

/// What is told where there was one too many.
pub(super) fn too_many(what: Counted, scope: Scope, rate: &Rate, wait: Duration) -> ProtocolError {
    let code = match what {
        Counted::VisitorQuestions => ErrorCode::BudgetExceeded,
        Counted::Connections
        | Counted::Visitors
        | Counted::Requests
        | Counted::KeyRequests
        | Counted::RulerRequests
        | Counted::Messages
        | Counted::VisitorMessages
        | Counted::Typing
        | Counted::Revocations => ErrorCode::RateLimited,
    };
    let what = match what {
        Counted::Connections => "connections",
        Counted::Visitors => "new visitors",
        Counted::Requests => "requests",
        Counted::KeyRequests => "requests with this API key",
        Counted::RulerRequests => "requests of servers and admins",
        Counted::Messages | Counted::VisitorMessages => "messages",
        Counted::VisitorQuestions => "questions",
        Counted::Typing => "signs of typing, or of a status",
        Counted::Revocations => "revocations",
    };
    let from = match scope {
        Scope::Ip => " from your address",
        Scope::Tenant => " of everybody here together",
        Scope::Connection | Scope::User | Scope::Node => "",
    };
    let (count, per) = (rate.count, period(rate.per));
    let content = format!("Too many {what}{from}: {count} {per} are allowed.");
    let error = ProtocolError {
        // In time, which is told.
        can_retry: true,
        ..ProtocolError::new(code, content)
    };
    error
        .with_limit(scope, count.into())
        .with_retry_after_ms(us(wait).div_ceil(1_000))
}

fn period(per: Duration) -> &'static str {
    match per.as_secs() {
        0..=1 => "a second",
        2..=60 => "a minute",
        _ => "an hour",
    }
}
