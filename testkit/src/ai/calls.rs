//! The record of calls, which tests wait on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::DEADLINE;

/// Older calls are forgotten, so that a server can run for days.
const KEPT: usize = 100_000;

/// One request, and what became of it. Times are nanoseconds since 1970.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// 1, 2, 3 … in the order of arrival.
    pub number: u64,
    /// The header `x-causerie-call`.
    pub id: Option<String>,
    /// The header `traceparent`.
    pub traceparent: Option<String>,
    /// The body.
    pub body: Value,
    /// When the request was complete.
    pub started_ns: u64,
    /// When the first text of the reply was written.
    pub first_text_ns: Option<u64>,
    /// When it ended.
    pub ended_ns: Option<u64>,
    /// When the request was complete, by a clock that nobody sets.
    #[serde(skip)]
    pub started: Instant,
    /// When it ended, by that clock.
    #[serde(skip)]
    pub ended: Option<Instant>,
    /// How it ended, if it has.
    pub end: Option<End>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The server has said all that it was to say.
    Complete,
    /// The server closed the connection, as it was told to.
    CutByServer,
    /// The client closed the connection before.
    ClosedByClient,
}

impl Call {
    /// Whether its `x-causerie-call` is `id`.
    pub fn is(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }
}

/// All calls of a server.
#[derive(Debug)]
pub(super) struct Calls {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Log {
    arrived: u64,
    calls: Vec<Call>,
}

/// The pen of one call. Dropped before the end was written, it notes that the
/// client went away.
#[derive(Debug)]
pub(super) struct Recording {
    calls: Arc<Calls>,
    number: u64,
    first_text: bool,
    over: bool,
}

/// The wall-clock time in nanoseconds since 1970.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

impl Calls {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            changed: watch::Sender::new(()),
        })
    }

    pub(super) fn arrived(&self) -> u64 {
        self.log().arrived
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.log().calls.clone()
    }

    pub(super) async fn wait_for<T>(&self, mut find: impl FnMut(&[Call]) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let found = timeout(DEADLINE, async {
            loop {
                if let Some(found) = find(&self.log().calls) {
                    return found;
                }
                changed.changed().await.expect("its sender is here");
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("waited {DEADLINE:?} in vain; calls: {:#?}", self.all()),
        }
    }

    pub(super) fn begin(
        self: &Arc<Self>,
        id: Option<String>,
        traceparent: Option<String>,
        body: Value,
    ) -> Recording {
        let mut log = self.log();
        if log.calls.len() == KEPT {
            log.calls.drain(..KEPT / 2);
        }
        log.arrived += 1;
        let number = log.arrived;
        log.calls.push(Call {
            number,
            id,
            traceparent,
            body,
            started_ns: now_ns(),
            first_text_ns: None,
            ended_ns: None,
            started: Instant::now(),
            ended: None,
            end: None,
        });
        drop(log);
        self.changed.send_replace(());
        Recording {
            calls: Arc::clone(self),
            number,
            first_text: false,
            over: false,
        }
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut Call)) {
        let mut log = self.log();
        // The newest are the likeliest.
        if let Some(call) = log.calls.iter_mut().rfind(|call| call.number == number) {
            change(call);
        }
        drop(log);
        self.changed.send_replace(());
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    /// The call's number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Text is being written, now.
    pub(super) fn on_text(&mut self) {
        if !self.first_text {
            self.first_text = true;
            let now = now_ns();
            self.calls
                .update(self.number, |call| call.first_text_ns = Some(now));
        }
    }

    /// It is over.
    pub(super) fn end(&mut self, end: End) {
        if !self.over {
            self.over = true;
            let (now, instant) = (now_ns(), Instant::now());
            self.calls.update(self.number, |call| {
                call.ended_ns = Some(now);
                call.ended = Some(instant);
                call.end = Some(end);
            });
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end(End::ClosedByClient);
    }
}
