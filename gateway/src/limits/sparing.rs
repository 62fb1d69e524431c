//! Who says little: their messages over WebSockets need not be counted over all gateways.
//!
//! To ask the bus about each message would cost it as much again as a script. So a quarter of
//! what a user may say is given here, by a count of this gateway's own, and what goes beyond
//! that is counted by all together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use causerie_shared::ids::{TenantId, UserId};
use causerie_shared::rate::{Bucket, Rate, us};
use tokio::time::Instant;

use crate::identity::Identity;

/// Which part of what a user may say each gateway gives by itself.
const PART: u32 = 4;
/// Of how many users it is known how much they say; others are counted by all.
const MOST: usize = 100_000;
/// Looking for those who may be forgotten takes time: so often, in microseconds.
const FORGET_EVERY_US: u64 = 1_000_000;

/// How much users say here.
#[derive(Debug)]
pub(crate) struct Sparing {
    began: Instant,
    users: Mutex<Users>,
}

#[derive(Debug, Default)]
struct Users {
    said: HashMap<(TenantId, UserId), Bucket>,
    forgot_at_us: u64,
}

impl Default for Sparing {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            users: Mutex::default(),
        }
    }
}

impl Sparing {
    /// Whether `sender`, who may speak at `rate` over all gateways, says so little here that
    /// one more message need not be counted by all.
    pub(super) fn lets(&self, sender: &Identity, rate: &Rate) -> bool {
        let part = Rate {
            count: rate.count / PART,
            burst: rate.burst / PART,
            per: rate.per,
        };
        if part.count == 0 || part.burst == 0 {
            return false;
        }
        let now_us = us(self.began.elapsed());
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let user = (sender.tenant.clone(), sender.user.clone());
        users.make_room(now_us);
        if users.said.len() >= MOST && !users.said.contains_key(&user) {
            return false;
        }
        let said = users.said.entry(user).or_default();
        said.try_take(&part, now_us).is_ok()
    }
}

impl Users {
    /// Forgets those who have said nothing for so long that they may say all again.
    fn make_room(&mut self, now_us: u64) {
        if self.said.len() < MOST || now_us.saturating_sub(self.forgot_at_us) < FORGET_EVERY_US {
            return;
        }
        self.forgot_at_us = now_us;
        self.said.retain(|_, said| said.full_at_us() > now_us);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quarter_is_given_here() {
        let sparing = Sparing::default();
        let (rate, sender) = (Rate::a_minute(60), Identity::plain("u1"));
        let given = |sparing: &Sparing| (0..100).filter(|_| sparing.lets(&sender, &rate)).count();
        assert_eq!(given(&sparing), 15);
        assert!(sparing.lets(&Identity::plain("u2"), &rate));
        advance(Duration::from_secs(4)).await;
        assert_eq!(given(&sparing), 1);
        // Of less than four there is no quarter.
        assert!(!sparing.lets(&Identity::plain("u3"), &Rate::a_minute(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_known_at_the_most() {
        let sparing = Sparing::default();
        let rate = Rate::a_minute(60);
        let lets = |number: usize| sparing.lets(&Identity::plain(&format!("u{number}")), &rate);
        assert!((0..MOST).all(lets));
        assert!(lets(0) && !lets(MOST));
        advance(Duration::from_secs(60)).await;
        assert!(lets(MOST));
        assert_eq!(sparing.users.lock().unwrap().said.len(), 1);
    }
}
