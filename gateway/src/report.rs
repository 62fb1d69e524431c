//! What a client tells of its way here when it connects: so that those who never
//! got in at the first try, or came another way, are counted at all.

use std::time::Duration;

/// Above this a client's clock was set meanwhile, or its value is made up.
const LONGEST_AWAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client tells of its way here. Nothing of it is relied on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Which try this was, since its connection was last up or its page opened.
    pub attempt: Attempt,
    /// The transport that it had before.
    pub last: LastTransport,
    /// Since when it had none, where it had one before.
    pub away: Option<Duration>,
}

/// Which try it was that succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attempt {
    /// The client does not tell.
    #[default]
    Unknown,
    /// The first.
    First,
    /// The second to the fourth.
    Few,
    /// The fifth or a later one.
    Many,
    /// Something that is no number from 1 on.
    Other,
}

/// The transport that a client had before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastTransport {
    /// None, or the client does not tell.
    #[default]
    None,
    /// A WebSocket.
    WebSocket,
    /// Server-Sent Events.
    Streaming,
    /// Requests alone.
    Http,
    /// Something else.
    Other,
}

impl Report {
    /// Takes in a parameter of the query, if it is one of these. One that is wrong
    /// refuses nobody.
    pub(crate) fn take(&mut self, name: &str, value: &str) {
        match name {
            "attempt" => self.attempt = Attempt::read(value),
            "last" => self.last = LastTransport::read(value),
            "away_ms" => {
                let away = value.parse().ok().map(Duration::from_millis);
                self.away = away.filter(|away| *away <= LONGEST_AWAY);
            }
            _ => {}
        }
    }
}

impl Attempt {
    fn read(value: &str) -> Self {
        match value.parse::<u32>() {
            Ok(0) | Err(_) => Self::Other,
            Ok(1) => Self::First,
            Ok(2..=4) => Self::Few,
            Ok(5..) => Self::Many,
        }
    }

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::First => "1",
            Self::Few => "2-4",
            Self::Many => "5+",
            Self::Other => "other",
        }
    }
}

impl LastTransport {
    fn read(value: &str) -> Self {
        match value {
            "websocket" => Self::WebSocket,
            "streaming" => Self::Streaming,
            "http" => Self::Http,
            _ => Self::Other,
        }
    }

    /// Its name in metrics, which is its name in the query.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WebSocket => "websocket",
            Self::Streaming => "streaming",
            Self::Http => "http",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_in_few_classes() {
        for (value, name) in [
            ("1", "1"),
            ("2", "2-4"),
            ("4", "2-4"),
            ("5", "5+"),
            ("4294967295", "5+"),
            ("0", "other"),
            ("-1", "other"),
            ("99999999999", "other"),
            ("", "other"),
        ] {
            assert_eq!(Attempt::read(value).name(), name, "{value}");
        }
        assert_eq!(Attempt::default().name(), "unknown");
    }

    #[test]
    fn a_time_that_cannot_be_is_passed_over() {
        for (value, away) in [
            ("0", Some(Duration::ZERO)),
            ("86400000", Some(LONGEST_AWAY)),
            ("86400001", None),
            ("-5", None),
            ("1.5", None),
            ("NaN", None),
        ] {
            let mut report = Report::default();
            report.take("away_ms", value);
            assert_eq!(report.away, away, "{value}");
        }
    }
}
