//! How fast one connection may go.

use causerie_shared::protocol::action::{ClientFrame, Rejected};
use causerie_shared::protocol::error::{ProtocolError, Scope};
use causerie_shared::rate::{Bucket, us};

use super::counted::{Counted, too_many};
use super::violations::{Line, Refusals};
use super::{Limits, events};

/// How fast one connection has gone. Times are in microseconds of a clock of the
/// caller's.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    requests: Bucket,
    messages: Bucket,
    typing: Bucket,
    /// Made when something is refused: most connections never need it.
    violations: Option<Box<Violations>>,
}

/// Why something is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TooFast {
    /// It may come again.
    Wait(ProtocolError),
    /// It came again too soon too often: the connection is to be closed.
    Abuse(ProtocolError),
}

impl Pace {
    /// Whether what is `asked` for may be done at `now_us`.
    ///
    /// # Errors
    /// What it is refused with.
    pub(crate) fn check(
        &mut self,
        asked: &Result<ClientFrame, Rejected>,
        limits: &Limits,
        now_us: u64,
    ) -> Result<(), TooFast> {
        self.take(Counted::Requests, limits, now_us)?;
        let frame = asked.as_ref().ok();
        match frame.and_then(|frame| Counted::of(&frame.action)) {
            Some(what) => self.take(what, limits, now_us),
            None => Ok(()),
        }
    }

    fn take(&mut self, what: Counted, limits: &Limits, now_us: u64) -> Result<(), TooFast> {
        let bucket = match what {
            Counted::Messages => &mut self.messages,
            Counted::Typing => &mut self.typing,
            // The others are counted elsewhere.
            Counted::Requests
            | Counted::KeyRequests
            | Counted::RulerRequests
            | Counted::Connections
            | Counted::Visitors
            | Counted::VisitorMessages
            | Counted::VisitorQuestions
            | Counted::Revocations => &mut self.requests,
        };
        let Some(rate) = limits.rate(what, Scope::Connection) else {
            return Ok(());
        };
        let Err(wait) = bucket.try_take(&rate, now_us) else {
            return Ok(());
        };
        events::asked_too_often(what, Scope::Connection);
        let violations = self.violations.get_or_insert_default();
        let error = too_many(what, Scope::Connection, &rate, wait);
        if violations.are_too_many(what, now_us, us(wait), limits.violations) {
            Err(TooFast::Abuse(error.fatal()))
        } else {
            Err(TooFast::Wait(error))
        }
    }
}

/// How often one has not waited.
#[derive(Debug, Default)]
struct Violations {
    requests: Refusals,
    messages: Refusals,
    line: Line,
}

impl Violations {
    /// Something was refused for so long. Whether that was one violation too many.
    fn are_too_many(&mut self, what: Counted, now_us: u64, wait_us: u64, a_minute: u32) -> bool {
        let refusals = match what {
            Counted::Messages => &mut self.messages,
            Counted::Requests
            | Counted::KeyRequests
            | Counted::RulerRequests
            | Counted::Connections
            | Counted::Visitors
            | Counted::VisitorMessages
            | Counted::VisitorQuestions
            | Counted::Revocations => &mut self.requests,
            // Sent by itself while somebody writes: to be refused is enough.
            Counted::Typing => return false,
        };
        if !refusals.is_violation(now_us, wait_us) {
            return false;
        }
        events::did_not_wait();
        self.line.is_too_long(a_minute, now_us)
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::protocol::action::read_frame;
    use causerie_shared::rate::Rate;

    use super::*;

    fn message() -> Result<ClientFrame, Rejected> {
        read_frame(br#"{"action":"sendMessage","user_input":"x"}"#, 8)
    }

    fn typing(is_typing: bool) -> Result<ClientFrame, Rejected> {
        let frame = format!(r#"{{"action":"typing","is_typing":{is_typing}}}"#);
        read_frame(frame.as_bytes(), 8)
    }

    fn ms(error: Result<(), TooFast>) -> u64 {
        match error {
            Ok(()) => 0,
            Err(TooFast::Wait(error) | TooFast::Abuse(error)) => error.retry_after_ms.unwrap(),
        }
    }

    #[test]
    fn each_kind_has_a_limit_of_its_own() {
        let (limits, mut pace) = (Limits::default(), Pace::default());
        let now = 1_000_000_000;
        for _ in 0..60 {
            assert_eq!(pace.check(&message(), &limits, now), Ok(()));
        }
        let Err(TooFast::Wait(error)) = pace.check(&message(), &limits, now) else {
            panic!("the 61st of a minute is one too many");
        };
        assert_eq!(error.content, "Too many messages: 60 a minute are allowed.");
        assert_eq!((error.limit, error.retry_after_ms), (Some(60), Some(1_000)));
        for frame in [typing(true), typing(false), read_frame(b"{}", 8)] {
            assert_eq!(pace.check(&frame, &limits, now), Ok(()));
        }
        for _ in 64..100 {
            assert_eq!(pace.check(&typing(false), &limits, now), Ok(()));
        }
        assert_eq!(ms(pace.check(&typing(false), &limits, now)), 20);
    }

    #[test]
    fn who_waits_as_they_are_told_is_never_sent_away() {
        let (limits, mut pace) = (Limits::default(), Pace::default());
        let mut now = 0;
        let mut taken = 0;
        while taken < 1_000 {
            match pace.check(&message(), &limits, now) {
                Ok(()) => taken += 1,
                Err(TooFast::Wait(error)) => now += error.retry_after_ms.unwrap() * 1_000,
                Err(TooFast::Abuse(_)) => panic!("sent away after {taken}"),
            }
        }
        let is_empty = |violations: Box<Violations>| violations.line.is_empty(0);
        assert_eq!(pace.violations.map(is_empty), Some(true));
    }

    /// One who sends much at once and then reads what became of it.
    #[test]
    fn what_was_on_its_way_is_no_violation() {
        let (limits, mut pace) = (Limits::default(), Pace::default());
        for at in 0..2_000 {
            let refused = pace.check(&message(), &limits, at * 400);
            assert!(!matches!(refused, Err(TooFast::Abuse(_))), "at {at}");
        }
    }

    #[test]
    fn who_goes_on_is_sent_away() {
        for (every_us, frame) in [(100_000, message()), (100, message()), (100, typing(false))] {
            let (limits, mut pace) = (Limits::default(), Pace::default());
            let abuse = (0..100_000).find(|at| {
                let checked = pace.check(&frame, &limits, at * every_us);
                matches!(checked, Err(TooFast::Abuse(error)) if error.fatal)
            });
            let seconds = abuse.unwrap() * every_us / 1_000_000;
            assert!((1..12).contains(&seconds), "after {seconds} s");
        }
    }

    /// However slowly: a message every two seconds, where one a minute is allowed.
    #[test]
    fn who_never_waits_is_sent_away() {
        let limits = Limits {
            messages: Rate::a_minute(1),
            ..Limits::default()
        };
        let mut pace = Pace::default();
        let abuse = (0..120).find(|at| {
            let checked = pace.check(&message(), &limits, at * 2_000_000);
            matches!(checked, Err(TooFast::Abuse(_)))
        });
        assert!(abuse.is_some_and(|at| at > 40), "{abuse:?}");
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let (limits, mut pace) = (Limits::default(), Pace::default());
        // A few too many each few minutes.
        for round in 1..20 {
            for at in 0..75 {
                let now = round * 300_000_000 + at * 100_000;
                let checked = pace.check(&message(), &limits, now);
                assert!(!matches!(checked, Err(TooFast::Abuse(_))), "{round} {at}");
            }
        }
    }
}
