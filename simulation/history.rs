//! What happened, in the words of the ledger, with names that are the same in
//! each run: what the programs call `1f-0190b7…` is `m7` here.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use causerie_broker::backend::CallId;
use causerie_loadtest::ledger::{
    Call, ClientEvent, ClientNumber, Durable, Entry, Fault, Log, What,
};
use tokio::time::Instant;

/// What happened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    entries: Vec<Entry>,
    calls: Vec<Call>,
    names: Names,
}

/// A call of the AI that goes on until this is dropped.
pub struct OpenCall {
    history: History,
    number: usize,
}

impl History {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            began: Instant::now(),
            entries: Vec::new(),
            calls: Vec::new(),
            names: Names::default(),
        })))
    }

    pub fn client(&self, client: ClientNumber, mut event: ClientEvent) {
        let mut inner = self.lock();
        inner.names.rename_in(&mut event);
        inner.note(What::Client { client, event });
    }

    pub fn fault(&self, kind: &str, target: &str, until: u64) {
        self.lock().note(What::Fault(Fault {
            kind: kind.to_owned(),
            target: target.to_owned(),
            until,
            streaming: 0,
            loses_since: None,
        }));
    }

    pub fn log(&self, mut log: Log) {
        let mut inner = self.lock();
        for event in &mut log.events {
            inner.names.rename(event);
        }
        inner.note(What::Log(log));
    }

    pub fn call_begins(&self, id: &CallId) -> OpenCall {
        let mut inner = self.lock();
        let call = Call {
            question: inner.names.of('m', &id.question),
            attempt: id.attempt.into(),
            r#try: id.try_number.into(),
            fallback: 0,
            began: inner.now(),
            ended: None,
        };
        inner.calls.push(call);
        OpenCall {
            history: self.clone(),
            number: inner.calls.len() - 1,
        }
    }

    /// The whole ledger.
    pub fn entries(&self) -> Vec<Entry> {
        let inner = self.lock();
        let calls = inner.calls.iter().map(|call| Entry {
            at: call.began,
            what: What::Call(call.clone()),
        });
        inner.entries.iter().cloned().chain(calls).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl OpenCall {
    /// What its words are named after.
    pub fn name(&self) -> String {
        let inner = self.history.lock();
        let call = &inner.calls[self.number];
        format!("{}/{}/{}", call.question, call.attempt, call.r#try)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let mut inner = self.history.lock();
        let now = inner.now();
        inner.calls[self.number].ended = Some(now);
    }
}

impl Inner {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap()
    }

    fn note(&mut self, what: What) {
        let at = self.now();
        self.entries.push(Entry { at, what });
    }
}

/// One number for all that happened: another history has another one.
pub fn fingerprint(entries: &[Entry]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in entries {
        hasher.write(&serde_json::to_vec(entry).unwrap());
    }
    hasher.finish()
}

/// Names by the order in which they were first heard.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn of(&mut self, kind: char, name: &str) -> String {
        let next = self.0.len() + 1;
        let name = self.0.entry(name.to_owned());
        name.or_insert_with(|| format!("{kind}{next}")).clone()
    }

    fn rename(&mut self, event: &mut Durable) {
        event.epoch = self.of('e', &event.epoch);
        event.message = self.of('m', &event.message);
        event.in_reply_to = event.in_reply_to.as_ref().map(|id| self.of('m', id));
    }

    fn rename_in(&mut self, event: &mut ClientEvent) {
        match event {
            ClientEvent::Subscribed { epoch, .. } | ClientEvent::GoesOn { epoch, .. } => {
                *epoch = self.of('e', epoch);
            }
            ClientEvent::Acked { message, epoch, .. } => {
                *epoch = self.of('e', epoch);
                *message = self.of('m', message);
            }
            ClientEvent::Durable { event, .. } => self.rename(event),
            ClientEvent::Delta { message, .. }
            | ClientEvent::Snapshot { message, .. }
            | ClientEvent::Restart { message, .. }
            | ClientEvent::Cancelling { message, .. }
            | ClientEvent::Cancelled { reply: message, .. } => *message = self.of('m', message),
            ClientEvent::Named { .. }
            | ClientEvent::NotLetIn { .. }
            | ClientEvent::Leaving { .. }
            | ClientEvent::Opened
            | ClientEvent::Left { .. }
            | ClientEvent::Sent { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Typing { .. }
            | ClientEvent::Unreadable { .. }
            | ClientEvent::StopsReading
            | ClientEvent::ReadsAgain
            | ClientEvent::Closed { .. } => {}
        }
    }
}
