//! Writes ledgers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Entry, What};

/// Writes a ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pen {
    began: Instant,
    page: Arc<Mutex<Page>>,
}

#[derive(Debug)]
struct Page {
    file: BufWriter<File>,
    /// Of the last line, in microseconds since the run began.
    at: u64,
}

impl Pen {
    /// Begins a ledger in a new file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            began: Instant::now(),
            page: Arc::new(Mutex::new(Page {
                file: BufWriter::new(File::create(path)?),
                at: 0,
            })),
        })
    }

    /// Microseconds since the run began.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The same for another time; 0 before it began.
    pub fn at(&self, then: Instant) -> u64 {
        let since = then.saturating_duration_since(self.began);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// How long nothing has been written down.
    pub fn rests_for(&self) -> Duration {
        let at = self.lock().at;
        Duration::from_micros(self.now().saturating_sub(at))
    }

    /// Writes down what happens now.
    ///
    /// # Errors
    /// The disk is full, as a rule: then no verdict can be given.
    pub fn note(&self, what: What) -> io::Result<()> {
        // Under the lock, so that the lines are in the order of time.
        let mut page = self.lock();
        page.write(self.now(), what)
    }

    /// Writes down what happened then.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub fn note_at(&self, at: u64, what: What) -> io::Result<()> {
        self.lock().write(at, what)
    }

    /// Has all that was noted on disk.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub fn flush(&self) -> io::Result<()> {
        self.lock().file.flush()
    }

    fn lock(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn write(&mut self, at: u64, what: What) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Entry { at, what })?;
        line.push(b'\n');
        self.at = at;
        self.file.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Call, ClientEvent, read};

    #[test]
    fn times_are_counted_from_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let before = Instant::now();
        let pen = Pen::new(&folder.path().join("ledger.jsonl")).unwrap();
        assert_eq!(pen.at(before), 0);
        assert!(pen.at(Instant::now() + Duration::from_secs(1)) > 1_000_000);
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let pen = Pen::new(&path).unwrap();
        let opened = What::Client {
            client: 7,
            event: ClientEvent::Opened,
        };
        let call = What::Call(Call {
            question: "00-q".into(),
            attempt: 1,
            r#try: 2,
            fallback: 0,
            began: 5,
            ended: None,
        });
        pen.note_at(1, opened.clone()).unwrap();
        pen.note_at(2, call.clone()).unwrap();
        pen.flush().unwrap();
        let entries: Vec<_> = read(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            entries,
            [
                Entry {
                    at: 1,
                    what: opened
                },
                Entry { at: 2, what: call }
            ]
        );
    }

    #[test]
    fn it_rests_since_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let pen = Pen::new(&folder.path().join("ledger.jsonl")).unwrap();
        let before = pen.now();
        pen.note(What::FaultOver).unwrap();
        let rests_for = u64::try_from(pen.rests_for().as_micros()).unwrap();
        assert!(rests_for <= pen.now() - before);
        pen.note_at(0, What::FaultOver).unwrap();
        assert!(pen.rests_for() >= Duration::from_micros(before));
    }

    #[test]
    fn lines_are_in_the_order_of_time_whoever_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let pen = Pen::new(&path).unwrap();
        let write = |client| {
            let event = ClientEvent::Opened;
            for _ in 0..2_000 {
                let event = event.clone();
                pen.note(What::Client { client, event }).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for client in 0..8 {
                scope.spawn(move || write(client));
            }
        });
        pen.flush().unwrap();
        let times: Vec<_> = read(&path).unwrap().map(|line| line.unwrap().at).collect();
        assert!(times.is_sorted());
    }
}
