//! Many clients against one or several servers; see `docs/load-testing.md`.

use std::io::Write;
use std::process::ExitCode;

use causerie_loadtest::load::goal::Verdict;
use causerie_loadtest::load::reporting::Reporting;
use causerie_loadtest::load::results::Results;
use causerie_loadtest::load::scenario::Scenario;
use causerie_loadtest::load::{parameters, report};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Puts servers under load, and measures how they bear it.
///
/// Clients come in over WebSocket, each a user of its own, and do what the
/// scenario says. What is to be sent is planned beforehand, and times count from
/// when it was due: a server that is slow is not spared by it. Only who asks the AI
/// waits for the reply before the next question.
///
/// Exit code: 0 all went well, 1 it could not be done, 2 wrong usage, 3 something
/// was lost, duplicated, out of order, wrong or refused, 4 a goal was missed or not
/// measured.
#[derive(Parser)]
#[command(
    version,
    after_help = "First try, with a server from `AUTH_JWT_SECRET=0123456789abcdef0123456789abcdef \
                  cargo run` in the same shell's environment:\n  \
                  causerie-loadtest fanout --subscribers 500 --rate 50"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    #[command(flatten)]
    Run(Box<Scenario>),
    #[command(flatten)]
    Show(Reporting),
}

/// Something was lost, duplicated, out of order, wrong or refused.
const FAULTY: u8 = 3;

/// A goal was missed, or not measured.
const MISSED: u8 = 4;

fn main() -> ExitCode {
    let command = Args::command();
    let matches = command.clone().get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match &args.task {
        Task::Run(scenario) => {
            let (name, matches) = matches.subcommand().unwrap_or(("", &matches));
            let command = command.find_subcommand(name).unwrap_or(&command);
            scenario.run(name, parameters::of(command, matches))
        }
        Task::Show(reporting) => reporting.run(),
    };
    match done {
        Ok(results) => {
            // Nobody reads: nothing is lost.
            let _ = write!(std::io::stdout(), "{}", report::text(&results));
            code_of(&results)
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn code_of(results: &Results) -> ExitCode {
    let mut goals = results.goals.iter();
    if !results.counts.faults().is_empty() {
        ExitCode::from(FAULTY)
    } else if goals.any(|judged| judged.verdict() != Verdict::Met) {
        ExitCode::from(MISSED)
    } else {
        ExitCode::SUCCESS
    }
}
