//! What is counted, and what one is told who asks for too much of it.

use std::time::Duration;

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
    /// `sendMessage`.
    Messages,
    /// `typing` that says yes, and `status`.
    Typing,
}

impl Counted {
    /// Its name, in metrics and where it is counted.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Visitors => "visitors",
            Self::Requests => "requests",
            Self::Messages => "messages",
            Self::Typing => "typing",
        }
    }
}

/// What is told where there was one too many.
pub(super) fn too_many(what: Counted, scope: Scope, rate: &Rate, wait: Duration) -> ProtocolError {
    let what = match what {
        Counted::Connections => "connections",
        Counted::Visitors => "new visitors",
        Counted::Requests => "requests",
        Counted::Messages => "messages",
        Counted::Typing => "signs of typing, or of a status",
    };
    let from = match scope {
        Scope::Ip => " from your address",
        Scope::Connection | Scope::User | Scope::Tenant | Scope::Node => "",
    };
    let (count, per) = (rate.count, period(rate.per));
    let content = format!("Too many {what}{from}: {count} {per} are allowed.");
    ProtocolError::new(ErrorCode::RateLimited, content)
        .with_limit(scope, count.into())
        .with_retry_after_ms(us(wait).div_ceil(1_000))
}

fn period(per: Duration) -> &'static str {
    if per > Duration::from_secs(1) {
        "a minute"
    } else {
        "a second"
    }
}
