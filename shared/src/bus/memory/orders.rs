//! Orders to gateways, and the revocations among them.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::part::{Part, millis};
use crate::bus::order::{Order, OrderHeard, Revocation};

/// All who hear orders, each with whether something did not fit.
#[derive(Default)]
pub(super) struct Orders(Mutex<Vec<(mpsc::Sender<OrderHeard>, bool)>>);

impl Orders {
    pub(super) fn open(&self, buffer: usize) -> mpsc::Receiver<OrderHeard> {
        let (sender, receiver) = mpsc::channel(buffer.max(1));
        let mut hearers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearers.push((sender, false));
        receiver
    }

    /// How many hear orders.
    pub(super) fn count(&self) -> usize {
        let hearers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = hearers.iter().filter(|(sender, _)| !sender.is_closed());
        open.count()
    }

    pub(super) fn give(&self, order: &Order) {
        let mut hearers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearers.retain_mut(|(sender, has_gap)| {
            if *has_gap && sender.try_send(OrderHeard::Gap).is_ok() {
                *has_gap = false;
            }
            match sender.try_send(OrderHeard::Order(order.clone())) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    *has_gap = true;
                    true
                }
                Err(TrySendError::Closed(_)) => false,
            }
        });
    }
}

impl Part {
    pub(super) fn revoke(&mut self, revocation: &Revocation) {
        let user = (revocation.tenant.clone(), revocation.user.clone());
        let until_ms = self.revocations.entry(user).or_default();
        *until_ms = revocation.until_ms.max(*until_ms);
        let kept_ms = millis(self.retention.revocations);
        let oldest_ms = self.now_ms.saturating_sub(kept_ms);
        self.revocations.retain(|_, until_ms| *until_ms > oldest_ms);
    }

    pub(super) fn revoked(&self, since_ms: u64) -> Vec<Revocation> {
        let kept = self.revocations.iter();
        kept.filter(|(_, until_ms)| **until_ms >= since_ms)
            .map(|((tenant, user), until_ms)| Revocation {
                tenant: tenant.clone(),
                user: user.clone(),
                until_ms: *until_ms,
            })
            .collect()
    }
}
