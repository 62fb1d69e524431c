//! How far a run is, for who waits for it: a bar at a terminal, and elsewhere a
//! line now and then.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// From one line to the next, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

const BAR: &str = "{elapsed_precise} {msg} {wide_bar} {human_pos} of {human_len}{prefix}";

/// How far a run is. Dropping it takes the bar away.
pub struct Display {
    to: To,
    stage: String,
    of: u64,
}

enum To {
    Bar(ProgressBar),
    Lines {
        out: Box<dyn Write + Send>,
        every: Duration,
        /// When the last line was written of this stage.
        last: Option<Instant>,
    },
}

impl Default for Display {
    /// On stderr.
    fn default() -> Self {
        if !stderr().is_terminal() {
            return Self::of_lines(Box::new(stderr()), LINE_EVERY);
        }
        let bar = ProgressBar::new(0);
        // A template that is wrong leaves the usual one.
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self::new(To::Bar(bar))
    }
}

impl Display {
    fn of_lines(out: Box<dyn Write + Send>, every: Duration) -> Self {
        let last = None;
        Self::new(To::Lines { out, every, last })
    }

    fn new(to: To) -> Self {
        let (stage, of) = (String::new(), 0);
        Self { to, stage, of }
    }

    /// A stage begins that is done when so much is.
    pub fn begin(&mut self, stage: &str, of: u64) {
        stage.clone_into(&mut self.stage);
        self.of = of;
        match &mut self.to {
            To::Bar(bar) => {
                bar.reset();
                bar.set_length(of);
                bar.set_message(self.stage.clone());
            }
            To::Lines { last, .. } => *last = None,
        }
        self.show(0, "");
    }

    /// So much of the stage is done; `note` says what else is to be known. May be
    /// called as often as one likes, and for longer than was thought.
    pub fn show(&mut self, done: u64, note: &str) {
        let done = done.min(self.of);
        let comma = if note.is_empty() { "" } else { ", " };
        match &mut self.to {
            To::Bar(bar) => {
                bar.set_prefix(format!("{comma}{note}"));
                bar.set_position(done);
            }
            To::Lines { out, every, last } => {
                if last.is_some_and(|last| last.elapsed() < *every) {
                    return;
                }
                *last = Some(Instant::now());
                let Self { stage, of, .. } = self;
                // Who does not want to know need not.
                let _ = writeln!(out, "{stage}: {done} of {of}{comma}{note}");
            }
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        match &self.to {
            To::Bar(bar) => bar.finish_and_clear(),
            To::Lines { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(every: Duration) -> String {
        let page = Page::default();
        let mut display = Display::of_lines(Box::new(page.clone()), every);
        display.begin("clients in", 1_000);
        display.show(500, "");
        display.begin("seconds measured", 10);
        display.show(5, "900 deliveries a second");
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_come_now_and_then_and_whenever_a_stage_begins() {
        assert_eq!(
            lines(Duration::from_secs(600)),
            "clients in: 0 of 1000\nseconds measured: 0 of 10\n"
        );
        assert_eq!(
            lines(Duration::ZERO),
            "clients in: 0 of 1000\nclients in: 500 of 1000\nseconds measured: 0 of 10\n\
             seconds measured: 5 of 10, 900 deliveries a second\n"
        );
    }
}
