//! A circuit breaker: a backend that keeps failing is left alone for a while.
//!
//! Our own rather than recloser, which counts a call only when it returns (a reply streams for
//! a minute), lets any number of calls through while half open, and does not tell its state.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::events;

/// Settings of a [`Breaker`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// The share of failed calls at which it opens, above 0 and up to 1.
    pub error_rate: f64,
    /// How many of the last calls are looked at; at least 1.
    pub calls: usize,
    /// How long it stays open.
    pub open_for: Duration,
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All pass.
    Closed,
    /// One passes, as a probe; the others wait for what it finds.
    HalfOpen,
    /// None passes.
    Open,
}

/// The breaker of one backend.
///
/// It opens as soon as `error_rate` of `calls` have failed among the last `calls`, and half opens
/// after `open_for`. Then one call may pass: its first token closes the breaker, its failure
/// opens it again. Only the end of its reply clears the memory of what failed before, so that a
/// backend whose replies all break off is found out at once.
#[derive(Debug)]
pub struct Breaker {
    backend: &'static str,
    config: BreakerConfig,
    circuit: Mutex<Circuit>,
}

#[derive(Debug)]
struct Circuit {
    switch: Switch,
    /// Of the last calls, the oldest first: did they fail?
    failed: VecDeque<bool>,
}

#[derive(Clone, Copy, Debug)]
enum Switch {
    Closed,
    Open { until: Instant },
    HalfOpen { probing: bool },
}

/// Leave to make one call. Dropped without a word, it counts for nothing.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    role: Role,
}

/// What hangs on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Nothing but its own mark.
    Ordinary,
    /// The breaker's state: all wait for its first token.
    Probe,
    /// The memory of what failed: the probe, once its first token came.
    Proof,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(backend: &'static str, config: BreakerConfig) -> Self {
        events::breaker_is(backend, BreakerState::Closed);
        let circuit = Circuit {
            switch: Switch::Closed,
            failed: VecDeque::new(),
        };
        Self {
            backend,
            config,
            circuit: Mutex::new(circuit),
        }
    }

    /// What it does with calls now.
    pub fn state(&self) -> BreakerState {
        match self.circuit().switch {
            Switch::Closed => BreakerState::Closed,
            Switch::HalfOpen { .. } => BreakerState::HalfOpen,
            Switch::Open { until } if until <= Instant::now() => BreakerState::HalfOpen,
            Switch::Open { .. } => BreakerState::Open,
        }
    }

    /// Leave for one call, unless the backend is to be left alone.
    pub(super) fn try_pass(self: &Arc<Self>) -> Option<Pass> {
        let mut circuit = self.circuit();
        let role = match circuit.switch {
            Switch::Closed => Role::Ordinary,
            Switch::HalfOpen { probing: true } => return None,
            Switch::Open { until } if until > Instant::now() => return None,
            Switch::HalfOpen { probing: false } => Role::Probe,
            Switch::Open { .. } => {
                events::breaker_is(self.backend, BreakerState::HalfOpen);
                Role::Probe
            }
        };
        if role == Role::Probe {
            circuit.switch = Switch::HalfOpen { probing: true };
        }
        Some(Pass {
            breaker: Arc::clone(self),
            role,
        })
    }

    fn on_failure(&self, role: Role) {
        let mut circuit = self.circuit();
        circuit.note(true, self.config.calls);
        let opens = match circuit.switch {
            Switch::Closed => circuit.failures() as f64 >= self.enough(),
            Switch::HalfOpen { .. } => role == Role::Probe,
            Switch::Open { .. } => false,
        };
        if opens {
            let until = Instant::now() + self.config.open_for;
            circuit.switch = Switch::Open { until };
            events::breaker_is(self.backend, BreakerState::Open);
        }
    }

    /// At so many failures it opens.
    fn enough(&self) -> f64 {
        (self.config.error_rate * self.config.calls as f64).max(1.0)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    fn note(&mut self, failed: bool, calls: usize) {
        self.failed.push_back(failed);
        while self.failed.len() > calls.max(1) {
            self.failed.pop_front();
        }
    }

    fn failures(&self) -> usize {
        self.failed.iter().filter(|failed| **failed).count()
    }
}

impl Pass {
    /// The backend began to answer.
    pub(super) fn on_first_token(&mut self) {
        if self.role == Role::Probe {
            self.role = Role::Proof;
            self.breaker.circuit().switch = Switch::Closed;
            events::breaker_is(self.breaker.backend, BreakerState::Closed);
        }
    }

    /// The reply is complete.
    pub(super) fn on_done(mut self) {
        self.on_first_token();
        let mut circuit = self.breaker.circuit();
        if self.role == Role::Proof {
            circuit.failed.clear();
        }
        circuit.note(false, self.breaker.config.calls);
    }

    /// The backend failed.
    pub(super) fn on_failure(mut self) {
        let role = std::mem::replace(&mut self.role, Role::Ordinary);
        self.breaker.on_failure(role);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.role == Role::Probe
            && let Switch::HalfOpen { probing } = &mut self.breaker.circuit().switch
        {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens at two failures of the last four calls, for longer than any test.
    fn breaker() -> Arc<Breaker> {
        let config = BreakerConfig {
            error_rate: 0.5,
            calls: 4,
            open_for: Duration::from_secs(3600),
        };
        Arc::new(Breaker::new("echo", config))
    }

    fn fail(breaker: &Arc<Breaker>) {
        breaker.try_pass().unwrap().on_failure();
    }

    fn succeed(breaker: &Arc<Breaker>) {
        breaker.try_pass().unwrap().on_done();
    }

    fn open_time_is_over(breaker: &Arc<Breaker>) {
        let until = Instant::now();
        breaker.circuit().switch = Switch::Open { until };
    }

    fn half_opened() -> Arc<Breaker> {
        let breaker = breaker();
        fail(&breaker);
        fail(&breaker);
        open_time_is_over(&breaker);
        breaker
    }

    #[test]
    fn opens_at_the_error_rate_of_the_last_calls() {
        let breaker = breaker();
        fail(&breaker);
        for _ in 0..3 {
            succeed(&breaker);
        }
        drop(breaker.try_pass());
        assert_eq!(breaker.state(), BreakerState::Closed);
        succeed(&breaker);
        fail(&breaker);
        assert_eq!(
            breaker.state(),
            BreakerState::Closed,
            "the first is forgotten"
        );
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.try_pass().is_none());
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
        succeed(&breaker);
        fail(&breaker);
        assert_eq!(
            breaker.state(),
            BreakerState::Closed,
            "the past is forgiven"
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
