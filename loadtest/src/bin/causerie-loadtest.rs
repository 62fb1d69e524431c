//! Many clients against one or several servers; see `docs/load-testing.md`.

use std::io::Write;
use std::process::ExitCode;

use causerie_loadtest::load::scenario::Scenario;
use clap::Parser;

/// Puts servers under load, and measures how they bear it.
///
/// Clients come in over WebSocket, each a user of its own, and do what the
/// scenario says. What is to be sent is planned beforehand, and times count from
/// when it was due: a server that is slow is not spared by it.
#[derive(Parser)]
#[command(
    version,
    after_help = "First try, with a server from `AUTH_JWT_SECRET=0123456789abcdef0123456789abcdef \
                  cargo run` in the same shell's environment:\n  \
                  causerie-loadtest fanout --subscribers 500 --rate 50"
)]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.scenario.run() {
        Ok(results) => {
            // Nobody reads: nothing is lost.
            let _ = writeln!(std::io::stdout(), "{:#?}", results.counts);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
