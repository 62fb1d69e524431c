//! Who floods a gateway with requests, or with messages over several connections.
//!
//! A WebSocket's own pace is its own matter ([`Pace`](super::Pace)). What is counted over
//! all gateways is refused by whichever is asked, so each remembers whom it has refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use causerie_shared::protocol::error::Scope;
use causerie_shared::rate::us;
use tokio::time::Instant;

use super::events;
use super::violations::{Line, Refusals};

/// Of how many it is remembered that they were refused.
const MOST: usize = 10_000;
/// How much longer the line of an address may be: many people may share it, who
/// know nothing of what the others were told.
const CROWD: u32 = 10;
/// Looking for those who may be forgotten takes time: so often, in microseconds.
const FORGET_EVERY_US: u64 = 1_000_000;

/// How somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over a WebSocket, or for one.
    WebSocket,
    /// For an event stream.
    Sse,
    /// In a request that is answered at once.
    Http,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::WebSocket, Self::Sse, Self::Http];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::Http => "http",
        }
    }
}

/// Those who were refused.
#[derive(Debug)]
pub(crate) struct Floods {
    began: Instant,
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    /// By whom and what they asked for.
    by_name: BTreeMap<String, Asking>,
    forgot_at_us: u64,
}

#[derive(Debug, Default)]
struct Asking {
    refusals: Refusals,
    line: Line,
    wait_until_us: u64,
}

impl Default for Floods {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            refused: Mutex::default(),
        }
    }
}

impl Floods {
    /// `name` was refused, and told to wait for so long. Whether this is a flood, where
    /// `violations` at once are one.
    pub(super) fn is_flood(&self, name: &str, scope: Scope, wait_us: u64, violations: u32) -> bool {
        let now_us = us(self.began.elapsed());
        let a_minute = match scope {
            Scope::Ip => violations.saturating_mul(CROWD),
            Scope::Connection | Scope::User | Scope::Tenant | Scope::Node => violations,
        };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asking) = refused.asking(name, now_us) else {
            return false;
        };
        asking.wait_until_us = now_us.saturating_add(wait_us);
        if !asking.refusals.is_violation(now_us, wait_us) {
            return false;
        }
        events::did_not_wait();
        let is_flood = asking.line.is_too_long(a_minute, now_us);
        if is_flood {
            refused.by_name.remove(name);
        }
        is_flood
    }
}

impl Refused {
    /// `None` where there are too many: they are refused all the same.
    fn asking(&mut self, name: &str, now_us: u64) -> Option<&mut Asking> {
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= MOST {
                self.forget(now_us);
            }
            if self.by_name.len() >= MOST {
                return None;
            }
            self.by_name.insert(name.to_owned(), Asking::default());
        }
        self.by_name.get_mut(name)
    }

    /// Forgets those who have waited, and have no violations.
    fn forget(&mut self, now_us: u64) {
        if now_us.saturating_sub(self.forgot_at_us) < FORGET_EVERY_US {
            return;
        }
        self.forgot_at_us = now_us;
        self.by_name
            .retain(|_, asking| asking.wait_until_us > now_us || !asking.line.is_empty(now_us));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    const SECOND_US: u64 = 1_000_000;

    /// After how many refusals, one each 10 ms, it is a flood.
    async fn taken(scope: Scope) -> usize {
        let floods = Floods::default();
        for refused in 1..1_000 {
            if floods.is_flood("user:acme:u1", scope, SECOND_US, 20) {
                return refused;
            }
            advance(Duration::from_millis(10)).await;
        }
        usize::MAX
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_may_be_that_of_many() {
        // A second of the first ones counts for nothing.
        assert_eq!(taken(Scope::User).await, 120);
        let of_address = taken(Scope::Ip).await;
        assert!((300..310).contains(&of_address), "{of_address}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_floods_nobody() {
        let floods = Floods::default();
        for _ in 0..1_000 {
            assert!(!floods.is_flood("user:acme:u1", Scope::User, SECOND_US, 1));
            advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_remembered_at_the_most() {
        let floods = Floods::default();
        let refuse = |from: usize| {
            for number in from..from + MOST + 10 {
                floods.is_flood(&format!("user:acme:u{number}"), Scope::User, SECOND_US, 20);
            }
            floods.refused.lock().unwrap().by_name.len()
        };
        assert_eq!(refuse(0), MOST);
        advance(Duration::from_secs(2)).await;
        // Who has waited makes room for others.
        assert_eq!(refuse(MOST + 10), MOST);
        let is_known = |number: usize| {
            let name = format!("user:acme:u{number}");
            floods.refused.lock().unwrap().by_name.contains_key(&name)
        };
        assert!(!is_known(0) && is_known(MOST + 10));
    }
}
