//! A child process whose output is captured, and that never outlives the test.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child as StdChild, Command, ExitStatus, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::DEADLINE;

static KEPT_IN: OnceLock<PathBuf> = OnceLock::new();

/// Writes what each child prints from now on into this folder as well, as
/// `NAME-PID.txt`: for runs so long that what happened is only looked at when they
/// are over. The first folder that is named holds.
pub fn keep_output_in(folder: PathBuf) {
    KEPT_IN.get_or_init(|| folder);
}

/// A running child process. Dropping it kills it; when the test is failing,
/// what it has printed is printed then.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: StdChild,
    output: Arc<Mutex<Vec<String>>>,
    lines: watch::Receiver<usize>,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts `command` with its standard output and error captured, line by line.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(name: &str, command: Command) -> Self {
        let mut process =
            spawn_tied(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::new(Mutex::new(Vec::new()));
        let (counter, lines) = watch::channel(0);
        let counter = Arc::new(counter);
        let stdout = process.stdout.take().expect("stdout is piped");
        let stderr = process.stderr.take().expect("stderr is piped");
        let kept = kept(name, process.id());
        let also_kept = kept
            .as_ref()
            .map(|file| file.try_clone().expect("a file can be shared"));
        capture(stdout, &output, &counter, kept);
        capture(stderr, &output, &counter, also_kept);
        Self {
            name: name.to_owned(),
            process,
            output,
            lines,
            status: None,
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Everything printed so far, standard output and error in the order of arrival.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().join("\n")
    }

    /// The first line after the first `skip` ones for which `pick` gives
    /// something, waiting for it; or why there is none: the process has ended,
    /// or the deadline has passed.
    pub async fn find_line<T>(
        &self,
        skip: usize,
        what: &str,
        pick: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + DEADLINE;
        let mut next = skip;
        let mut counter = self.lines.clone();
        loop {
            // Before the look: a line that comes in between then wakes us.
            counter.borrow_and_update();
            {
                let lines = self.output.lock().unwrap();
                if let Some(found) = lines.iter().skip(next).find_map(|line| pick(line)) {
                    return Ok(found);
                }
                next = next.max(lines.len());
            }
            match timeout_at(deadline, counter.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_closed)) => {
                    return Err(format!(
                        "{} ended before it printed {what}; it printed:\n{}",
                        self.name,
                        self.output()
                    ));
                }
                Err(_elapsed) => {
                    return Err(format!(
                        "{} did not print {what} within {DEADLINE:?}; it printed:\n{}",
                        self.name,
                        self.output()
                    ));
                }
            }
        }
    }

    /// How many lines have been printed so far.
    pub fn line_count(&self) -> usize {
        self.output.lock().unwrap().len()
    }

    /// Sends a signal. A process that has ended already is left alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.try_status().is_some() {
            return;
        }
        let pid = Pid::from_raw(i32::try_from(self.process.id()).expect("a pid fits i32"));
        kill(pid, signal)
            .unwrap_or_else(|error| panic!("cannot send {signal} to {}: {error}", self.name));
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.status = Some(self.process.wait().expect("a child can be waited for"));
    }

    /// Its exit status, if it has ended.
    pub fn try_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.process.try_wait().expect("a child can be waited for");
        }
        self.status
    }

    /// Waits until it has ended by itself, and all its output has been read.
    ///
    /// # Panics
    /// When it is still running after `limit`.
    pub async fn wait_within(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.try_status() {
                // The capturing threads let go of the counter at end of file.
                let drained = async { while self.lines.changed().await.is_ok() {} };
                let _ = timeout_at(deadline, drained).await;
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} still runs after {limit:?}; it printed:\n{}",
                self.name,
                self.output()
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Not through `signal`: a panic inside a drop would end the whole test run.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- output of {} (pid {}) ---\n{}\n---",
                self.name,
                self.pid(),
                self.output()
            );
        }
    }
}

fn kept(name: &str, pid: u32) -> Option<File> {
    let path = KEPT_IN.get()?.join(format!("{name}-{pid}.txt"));
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    Some(opened.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display())))
}

/// Copies lines as they come. The thread ends when the child's pipe closes.
fn capture(
    pipe: impl Read + Send + 'static,
    output: &Arc<Mutex<Vec<String>>>,
    counter: &Arc<watch::Sender<usize>>,
    mut kept: Option<File>,
) {
    let (output, counter) = (Arc::clone(output), Arc::clone(counter));
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if let Some(file) = &mut kept {
                // A full disk is told of by who needs it more.
                let _ = file.write_all(&line);
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            output.lock().unwrap().push(text);
            counter.send_modify(|count| *count += 1);
            line.clear();
        }
    });
}

type Order = (Command, SyncSender<std::io::Result<StdChild>>);

/// Starts `command` so that the kernel kills it when this test process dies,
/// however that happens.
///
/// The kernel ties a child to the *thread* that started it, and the threads of
/// tests come and go. So one thread, which lives as long as the process, starts
/// all children.
fn spawn_tied(command: Command) -> std::io::Result<StdChild> {
    static STARTER: OnceLock<SyncSender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, inbox) = sync_channel::<Order>(16);
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, result) = sync_channel(1);
    starter
        .send((tied(command), answer))
        .expect("the starter thread runs");
    result.recv().expect("the starter thread answers")
}

/// We may have died before the kernel was asked; then nobody would tell it. The
/// first argument is who the parent has to be, the others are the command.
const STILL_OURS: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// The same command behind `setpriv --pdeathsig`, which asks the kernel for it:
/// to ask ourselves between fork and exec would need unsafe code. Where there
/// is no setpriv (it belongs to util-linux), only `Drop` ends the child.
fn tied(command: Command) -> Command {
    let mut tied = if setpriv_works() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "KILL", "--", "sh", "-c", STILL_OURS]);
        setpriv
            .arg(std::process::id().to_string())
            .arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    tied.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(key, value),
            None => tied.env_remove(key),
        };
    }
    tied.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tied
}

fn setpriv_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "true"])
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
    })
}
