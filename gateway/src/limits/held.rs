//! Addresses of which this gateway knows that they are held off: who comes from there is
//! refused before anything is done for them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Of how many it is known. That others are held off the bus tells.
const MOST: usize = 10_000;

/// What is held off, and until when.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<BTreeMap<IpAddr, Instant>>);

impl Held {
    /// Remembers that `network` is held off for so long.
    pub(super) fn hold(&self, network: IpAddr, time: Duration) {
        let now = Instant::now();
        let mut until = self.lock();
        if until.len() >= MOST && !until.contains_key(&network) {
            until.retain(|_, until| *until > now);
        }
        if until.len() < MOST || until.contains_key(&network) {
            until.insert(network, now + time);
        }
    }

    /// For how long `network` is held off yet.
    pub(super) fn time_left(&self, network: IpAddr) -> Option<Duration> {
        let until = self.lock().get(&network).copied()?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;

    fn address(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_held_off_is_let_in_again() {
        let held = Held::default();
        held.hold(address(1), Duration::from_secs(60));
        advance(Duration::from_secs(59)).await;
        assert_eq!(held.time_left(address(1)), Some(Duration::from_secs(1)));
        assert_eq!(held.time_left(address(2)), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(held.time_left(address(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_remembered_at_the_most() {
        let held = Held::default();
        for number in 0..MOST + 10 {
            held.hold(address(number), Duration::from_secs(60));
        }
        assert_eq!(held.lock().len(), MOST);
        advance(Duration::from_secs(61)).await;
        held.hold(address(MOST + 1), Duration::from_secs(60));
        assert_eq!(held.lock().len(), 1);
    }
}
