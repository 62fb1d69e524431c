//! A circuit breaker: a backend that keeps failing is left alone for a while.
//!
//! Our own rather than recloser, which counts a call only when it returns (a reply streams for
//! a minute), lets any number of calls through while half open, and does not tell its state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::events;

/// Settings of a [`Breaker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Opens after so many failures in a row; at least 1.
    pub failures: u32,
    /// How long it stays open.
    pub open_for: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(10),
        }
    }
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All pass.
    Closed,
    /// One passes, as a probe; the others are refused until it has found out.
    HalfOpen,
    /// None passes.
    Open,
}

/// The breaker of one backend.
///
/// It opens after `failures` in a row, and half opens after `open_for`. Then one call may pass:
/// its first token closes the breaker, its failure opens it again. Only a complete reply clears
/// the count, so that a backend whose replies all break off is found out, too. Failures of calls
/// that began before one that was answered in full are not counted: connections can die without
/// a word, and what is asked over new ones is answered.
#[derive(Debug)]
pub struct Breaker {
    backend: &'static str,
    config: BreakerConfig,
    circuit: Mutex<Circuit>,
}

#[derive(Clone, Copy, Debug)]
enum Circuit {
    Closed {
        failures: u32,
        /// When the latest call began that was answered in full.
        answered: Option<Instant>,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        probing: bool,
    },
}

/// Leave to make one call. Dropped without a word, it counts for nothing.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    began: Instant,
    probe: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(backend: &'static str, config: BreakerConfig) -> Self {
        events::breaker_made(backend);
        Self {
            backend,
            config,
            circuit: Mutex::new(Circuit::Closed {
                failures: 0,
                answered: None,
            }),
        }
    }

    /// What it does with calls now.
    pub fn state(&self) -> BreakerState {
        match *self.circuit() {
            Circuit::Closed { .. } => BreakerState::Closed,
            Circuit::HalfOpen { .. } => BreakerState::HalfOpen,
            Circuit::Open { until } if until <= Instant::now() => BreakerState::HalfOpen,
            Circuit::Open { .. } => BreakerState::Open,
        }
    }

    /// Leave for one call, unless the backend is to be left alone.
    pub(super) fn try_pass(self: &Arc<Self>) -> Option<Pass> {
        let mut circuit = self.circuit();
        let probe = match *circuit {
            Circuit::Closed { .. } => false,
            Circuit::HalfOpen { probing: false } => true,
            Circuit::HalfOpen { probing: true } => return None,
            Circuit::Open { until } if until > Instant::now() => return None,
            Circuit::Open { .. } => {
                events::breaker_is(self.backend, BreakerState::HalfOpen);
                true
            }
        };
        if probe {
            *circuit = Circuit::HalfOpen { probing: true };
        }
        Some(Pass {
            breaker: Arc::clone(self),
            began: Instant::now(),
            probe,
        })
    }

    fn on_failure(&self, began: Instant, of_probe: bool) {
        let mut circuit = self.circuit();
        let (failures, answered) = match *circuit {
            Circuit::Closed { answered, .. } if answered > Some(began) => return,
            Circuit::Closed { failures, answered } => (failures + 1, answered),
            Circuit::HalfOpen { .. } if of_probe => (self.config.failures, None),
            // A call from before it opened: what it tells is known.
            Circuit::HalfOpen { .. } | Circuit::Open { .. } => return,
        };
        if failures >= self.config.failures {
            *circuit = Circuit::Open {
                until: Instant::now() + self.config.open_for,
            };
            events::breaker_is(self.backend, BreakerState::Open);
        } else {
            *circuit = Circuit::Closed { failures, answered };
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The backend began to answer.
    pub(super) fn on_first_token(&mut self) {
        if std::mem::take(&mut self.probe) {
            // One failure short, so that a reply that breaks off opens it again.
            let failures = self.breaker.config.failures.saturating_sub(1);
            *self.breaker.circuit() = Circuit::Closed {
                failures,
                answered: None,
            };
            events::breaker_is(self.breaker.backend, BreakerState::Closed);
        }
    }

    /// The reply is complete.
    pub(super) fn on_done(mut self) {
        self.on_first_token();
        if let Circuit::Closed { failures, answered } = &mut *self.breaker.circuit() {
            *failures = 0;
            *answered = (*answered).max(Some(self.began));
        }
    }

    /// The backend failed.
    pub(super) fn on_failure(mut self) {
        let of_probe = std::mem::take(&mut self.probe);
        self.breaker.on_failure(self.began, of_probe);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe
            && let Circuit::HalfOpen { probing } = &mut *self.breaker.circuit()
        {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens after two failures, for longer than any test.
    fn breaker() -> Arc<Breaker> {
        let config = BreakerConfig {
            failures: 2,
            open_for: Duration::from_secs(3600),
        };
        Arc::new(Breaker::new("echo", config))
    }

    fn fail(breaker: &Arc<Breaker>) {
        breaker.try_pass().unwrap().on_failure();
    }

    fn open_time_is_over(breaker: &Arc<Breaker>) {
        *breaker.circuit() = Circuit::Open {
            until: Instant::now(),
        };
    }

    fn half_opened() -> Arc<Breaker> {
        let breaker = breaker();
        fail(&breaker);
        fail(&breaker);
        open_time_is_over(&breaker);
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let breaker = breaker();
        fail(&breaker);
        breaker.try_pass().unwrap().on_done();
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Closed);
        drop(breaker.try_pass());
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.try_pass().is_none());
    }

    #[test]
    fn what_others_were_answered_since_is_no_failure_of_the_backend() {
        let breaker = breaker();
        let over_a_dead_connection = [0; 3].map(|_| breaker.try_pass().unwrap());
        breaker.try_pass().unwrap().on_done();
        over_a_dead_connection
            .into_iter()
            .for_each(Pass::on_failure);
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker);
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn one_probe_decides() {
        let breaker = half_opened();
        let probe = breaker.try_pass().unwrap();
        assert!(breaker.try_pass().is_none());
        probe.on_failure();
        assert_eq!(breaker.state(), BreakerState::Open);

        open_time_is_over(&breaker);
        let mut probe = breaker.try_pass().unwrap();
        probe.on_first_token();
        assert_eq!(breaker.state(), BreakerState::Closed);
        probe.on_failure();
        assert_eq!(breaker.state(), BreakerState::Open, "its reply broke off");
    }

    #[test]
    fn a_probe_that_was_cancelled_leaves_the_place_to_the_next() {
        let breaker = half_opened();
        drop(breaker.try_pass().unwrap());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.try_pass().unwrap().on_done();
        fail(&breaker);
        assert_eq!(
            breaker.state(),
            BreakerState::Closed,
            "the count began anew"
        );
    }

    #[test]
    fn a_call_from_before_it_opened_does_not_disturb_the_probe() {
        let breaker = breaker();
        let old = breaker.try_pass().unwrap();
        fail(&breaker);
        fail(&breaker);
        open_time_is_over(&breaker);
        let mut probe = breaker.try_pass().unwrap();
        old.on_failure();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        probe.on_first_token();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
