//! The command line that all programs share, and their way from it to a running
//! program and back.
//!
//! ```no_run
//! use causerie_shared::cli::App;
//! use causerie_shared::config::Program;
//!
//! fn main() -> std::process::ExitCode {
//!     App::new(Program::Standalone).run(|running| async move {
//!         running.readiness.ready("start");
//!         running.shutdown.cancelled().await;
//!         Ok(())
//!     })
//! }
//! ```

mod args;
mod health;
mod open_files;
mod process;

use std::ffi::OsString;
use std::future::{Future, ready};
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::ArgMatches;

pub use open_files::raise_open_files;
pub use process::Running;

use crate::config::{ConfigError, Loader, Program, Settings, SettingsHandle, Sources};

/// Tries the connection to Redis for `--check`.
type CheckRedis = Box<
    dyn FnOnce(Arc<Settings>) -> Pin<Box<dyn Future<Output = anyhow::Result<Vec<String>>> + Send>>
        + Send,
>;

/// Looks for what only the start itself would find wrong, and gives what it would
/// warn of.
type CheckSettings = Box<dyn Fn(&Settings) -> anyhow::Result<Vec<String>>>;

/// A command of one program: takes its own arguments and the settings, answers
/// what is to be printed.
type Execute = Box<
    dyn FnOnce(ArgMatches, Arc<Settings>) -> Pin<Box<dyn Future<Output = anyhow::Result<String>>>>,
>;

/// A program: its command line and what it runs.
pub struct App {
    program: Program,
    check_settings: Vec<CheckSettings>,
    check_redis: Option<CheckRedis>,
    commands: Vec<(clap::Command, Execute)>,
}

/// Why a program ends without having run.
enum Refusal {
    /// What was typed makes no sense: exit code 2.
    Usage(String),
    /// It cannot be done: exit code 1.
    Failed(String),
    /// It ran, failed and has logged why: exit code 1.
    Logged,
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl App {
    /// The command line of `program`.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            check_settings: Vec::new(),
            check_redis: None,
            commands: Vec::new(),
        }
    }

    /// What `--check` does besides reading the settings: it must find all that
    /// would end the start. What it gives are warnings, one sentence each.
    pub fn check_settings(
        mut self,
        check: impl Fn(&Settings) -> anyhow::Result<Vec<String>> + 'static,
    ) -> Self {
        self.check_settings.push(Box::new(check));
        self
    }

    /// What `--check` does to try the connection to Redis. What it gives are warnings, one
    /// sentence each.
    pub fn check_redis<F, Fut>(mut self, check: F) -> Self
    where
        F: FnOnce(Arc<Settings>) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<Vec<String>>> + Send + 'static,
    {
        self.check_redis = Some(Box::new(|settings| Box::pin(check(settings))));
        self
    }

    /// Adds a command of this program's own. What `execute` answers is printed.
    pub fn command(
        self,
        command: clap::Command,
        execute: impl FnOnce(&ArgMatches, &Settings) -> anyhow::Result<String> + 'static,
    ) -> Self {
        self.async_command(command, |matches, settings| {
            ready(execute(&matches, &settings))
        })
    }

    /// The same of a command that waits for others, such as Redis.
    pub fn async_command<F, Fut>(mut self, command: clap::Command, execute: F) -> Self
    where
        F: FnOnce(ArgMatches, Arc<Settings>) -> Fut + 'static,
        Fut: Future<Output = anyhow::Result<String>> + 'static,
    {
        let execute: Execute = Box::new(|matches, settings| Box::pin(execute(matches, settings)));
        self.commands.push((command, execute));
        self
    }

    /// Does what this process was started for. `main` gets the settings and a
    /// token that SIGTERM and SIGINT trip; it should return soon after.
    pub fn run<F, Fut>(self, main: F) -> ExitCode
    where
        F: FnOnce(Running) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        self.run_with(std::env::args_os(), main)
    }

    /// As [`run`](Self::run), with these arguments, the program's name first.
    pub fn run_with<F, Fut>(self, args: impl IntoIterator<Item = OsString>, main: F) -> ExitCode
    where
        F: FnOnce(Running) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let name = self.program.name();
        match self.start(args, main) {
            Ok(text) => {
                print(&mut std::io::stdout(), &text);
                ExitCode::SUCCESS
            }
            Err(Refusal::Usage(sentence)) => {
                print(&mut std::io::stderr(), &format!("{name}: {sentence}\n"));
                ExitCode::from(2)
            }
            Err(Refusal::Failed(sentence)) => {
                print(&mut std::io::stderr(), &format!("{name}: {sentence}\n"));
                ExitCode::FAILURE
            }
            Err(Refusal::Logged) => ExitCode::FAILURE,
        }
    }

    fn start<F, Fut>(
        self,
        args: impl IntoIterator<Item = OsString>,
        main: F,
    ) -> Result<String, Refusal>
    where
        F: FnOnce(Running) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let own = self.commands.iter().map(|(command, _)| command.clone());
        let matches = match args::parse(self.program, own, args) {
            Ok(matches) => matches,
            Err(error) if !error.use_stderr() => return Ok(error.to_string()),
            Err(error) => return Err(Refusal::Usage(args::sentence(self.program, &error))),
        };
        let config: Option<PathBuf> = matches.get_one("config").cloned();
        let set = matches.get_many("set").into_iter().flatten().cloned();
        let sources = Sources::of_process(config, set.collect());
        let handle = SettingsHandle::load(Loader::new(self.program, sources)?)?;

        let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
        if matches.get_flag("check") {
            let settings = handle.current().clone();
            let mut warnings = handle.loader().warnings(&settings);
            warnings.extend(open_files::warning(handle.loader(), &settings));
            for check in &self.check_settings {
                warnings.extend(check(&settings)?);
            }
            return runtime.block_on(check(settings, &warnings, self.check_redis));
        }
        match matches.subcommand() {
            None => {
                let ended = runtime.block_on(process::run(handle, main));
                // What still runs has had its time to end.
                runtime.shutdown_background();
                ended.map(|()| String::new())
            }
            Some(("health", _)) => {
                let answer =
                    runtime.block_on(health::ask(self.program, &handle.current().admin))?;
                Ok(format!("{answer}\n"))
            }
            Some((name, matches)) => {
                let mut commands = self.commands.into_iter();
                let command = commands.find(|(command, _)| command.get_name() == name);
                let settings = handle.current().clone();
                command.map_or(Ok(String::new()), |(_, execute)| {
                    let executed = execute(matches.clone(), settings);
                    Ok(format!("{}\n", runtime.block_on(executed)?))
                })
            }
        }
    }
}

/// `--check`: everything that can be found out without running.
async fn check(
    settings: Arc<Settings>,
    warnings: &[String],
    redis: Option<CheckRedis>,
) -> Result<String, Refusal> {
    let mut report = settings.to_toml();
    warn(&mut report, warnings);
    if let Some(check_redis) = redis {
        let says = "the Redis of redis.url (REDIS_URL) cannot be used";
        let warnings = check_redis(settings).await.context(says)?;
        warn(&mut report, &warnings);
        report.push_str("# Redis answers.\n");
    }
    report.push_str("# The configuration is good.\n");
    Ok(report)
}

fn warn(report: &mut String, warnings: &[String]) {
    for warning in warnings {
        report.push_str(&format!("# warning: {warning}\n"));
    }
}

/// The one place that prints. Nobody may be reading any more: that is no error.
fn print(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
