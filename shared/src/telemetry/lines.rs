//! Log lines on their way to stderr. Who logs waits for nobody: where stderr is a
//! pipe that is not read, each worker would stand still that has something to say.

use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use metrics::counter;

use super::mask;

/// How many bytes of lines may wait to be written. What comes beyond is dropped.
const WAITING: usize = 1 << 20;

/// How long it takes until a pipe that is full is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// How long the end of a process waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The process's own.
pub(super) static LINES: Lines = Lines::new();

/// Lines that wait to be written.
#[derive(Debug)]
pub(super) struct Lines {
    state: Mutex<State>,
    /// Lines wait, or all are written.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
}

/// Begins to write lines to stderr, for as long as the process runs.
pub(super) fn begin() -> io::Result<()> {
    count_dropped(0);
    let writing = || LINES.write_to(io::stderr());
    thread::Builder::new().name("log".into()).spawn(writing)?;
    Ok(())
}

/// Waits until the lines that were logged are written, but not for one who does
/// not read them.
pub(crate) fn flush() {
    LINES.wait_until_written(LAST_LINES);
}

impl Lines {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                is_writing: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Lets a line wait to be written; whether there was room for it.
    fn push(&self, line: &[u8]) -> bool {
        let mut state = self.lock();
        let fits = state.waiting.len() + line.len() <= WAITING;
        if fits {
            state.waiting.extend_from_slice(line);
            drop(state);
            self.changed.notify_all();
        }
        fits
    }

    /// Writes lines to `out` as they come, for ever.
    fn write_to(&self, out: impl Write) {
        let mut output = Output::new(out);
        loop {
            let lines = self.next();
            // Of an error nobody could be told here.
            count_dropped(output.write(&lines));
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and takes all that are there.
    fn next(&self) -> Vec<u8> {
        let waiting = self
            .changed
            .wait_while(self.lock(), |state| state.waiting.is_empty());
        let mut state = waiting.unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        std::mem::take(&mut state.waiting)
    }

    fn wait_until_written(&self, patience: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        drop(
            self.changed
                .wait_timeout_while(self.lock(), patience, is_busy),
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where lines are written.
struct Output<W> {
    out: W,
    /// Whether the last line was begun, and could not be ended.
    is_torn: bool,
}

impl<W: Write> Output<W> {
    const fn new(out: W) -> Self {
        Self {
            out,
            is_torn: false,
        }
    }

    /// Writes lines; how many could not be written. After half a line they begin a new
    /// one: else the first would be lost with it.
    fn write(&mut self, lines: &[u8]) -> usize {
        if self.is_torn {
            self.is_torn = self.write_some(b"\n") == 0;
        }
        let written = if self.is_torn {
            0
        } else {
            self.write_some(lines)
        };
        let (written, rest) = lines.split_at_checked(written).unwrap_or((lines, &[]));
        self.is_torn |= written.last().is_some_and(|byte| *byte != b'\n');
        rest.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Writes as many of these bytes as can be, and waits as long as there is no room for
    /// them; how many these were.
    fn write_some(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever has the other end can make it so for all who write there.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
                Err(_) => break,
            }
        }
        bytes.len() - rest.len()
    }
}

fn count_dropped(lines: usize) {
    counter!("causerie_log_lines_dropped_total").increment(lines as u64);
}

/// What is written at once is a line, and never refused. Here all lines come by,
/// whoever logs and in whatever format, so here they are masked.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if !self.push(mask(&text).as_bytes()) {
            count_dropped(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use causerie_testkit::recorded::Recorded;

    use super::*;

    /// Lines, and the other end of the pipe to which they are written.
    fn piped() -> (&'static Lines, UnixStream) {
        let lines: &Lines = Box::leak(Box::new(Lines::new()));
        let (out, end) = UnixStream::pair().unwrap();
        thread::spawn(move || lines.write_to(out));
        (lines, end)
    }

    #[test]
    fn a_pipe_that_is_full_loses_no_line_where_who_writes_is_not_to_wait() {
        let lines: &Lines = Box::leak(Box::new(Lines::new()));
        let (mut out, mut end) = UnixStream::pair().unwrap();
        out.set_nonblocking(true).unwrap();
        let mut before = 0;
        while let Ok(written) = out.write(&[b'x'; 1_000]) {
            before += written;
        }
        thread::spawn(move || lines.write_to(out));
        lines.push(b"one\n");
        let began = Instant::now();
        lines.wait_until_written(10 * TRY_AGAIN);
        assert!(began.elapsed() >= 10 * TRY_AGAIN);
        end.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut read = vec![0; before + 4];
        end.read_exact(&mut read).unwrap();
        assert_eq!(read.split_off(before), b"one\n");
    }

    #[test]
    fn lines_that_nobody_can_read_any_more_are_counted() {
        let (out, end) = UnixStream::pair().unwrap();
        let mut output = Output::new(out);
        assert_eq!(output.write(b"one\ntwo\n"), 0);
        drop(end);
        assert_eq!(output.write(b"three\nfour\n"), 2);
    }

    /// As on a disk that is full, and then has room again.
    #[test]
    fn after_half_a_line_the_next_one_begins_a_new_line() {
        let (mut full, mut room) = ([0; 6], [0; 16]);
        let mut output = Output::new(&mut full[..]);
        assert_eq!(output.write(b"one\ntwo\n"), 1);
        assert_eq!(output.write(b"three\n"), 1);
        output.out = &mut room[..];
        assert_eq!(output.write(b"four\n"), 0);
        assert_eq!(output.write(b"five\n"), 0);
        assert_eq!(&full, b"one\ntw");
        assert_eq!(&room, b"\nfour\nfive\n\0\0\0\0\0");
    }

    #[test]
    fn after_whole_lines_nothing_comes_between() {
        let (mut full, mut room) = ([0; 4], [0; 6]);
        let mut output = Output::new(&mut full[..]);
        assert_eq!(output.write(b"one\ntwo\n"), 1);
        output.out = &mut room[..];
        assert_eq!(output.write(b"three\n"), 0);
        assert_eq!(&room, b"three\n");
    }

    #[test]
    fn lines_come_in_order_and_the_last_ones_too() {
        let (mut lines, mut end) = piped();
        let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
        for line in expected.split_inclusive('\n') {
            lines.write_all(line.as_bytes()).unwrap();
        }
        lines.wait_until_written(Duration::from_secs(60));
        end.set_nonblocking(true).unwrap();
        let mut read = vec![0; expected.len()];
        end.read_exact(&mut read).unwrap();
        assert_eq!(read, expected.into_bytes());
    }

    #[test]
    fn who_logs_does_not_wait_for_one_who_does_not_read() {
        let recorded = Recorded::here();
        let (mut lines, _end) = piped();
        let line = [b'x'; 1_000];
        let all = 4 * WAITING / line.len();
        let taken = (0..all).filter(|_| lines.push(&line)).count();
        // What waits, what is being written, and what the pipe holds.
        assert!(taken >= WAITING / line.len() && taken < all, "{taken}");
        for _ in 0..all {
            lines.write_all(&line).unwrap();
        }
        recorded.metric_rises("causerie_log_lines_dropped_total");
        let began = Instant::now();
        lines.wait_until_written(Duration::from_millis(10));
        assert!(began.elapsed() >= Duration::from_millis(10));
    }
}
