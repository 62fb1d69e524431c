//! Lets people talk at an installation that somebody else runs and strikes, and proves from
//! their ledger that no promise was broken. `deploy/compose/check` is such a somebody.
//!
//! It plays the AI as well: brokers have to ask it, by `ai.openai`. What strikes is told on the
//! standard input, and each line is answered by one:
//!
//! ```text
//! strike gateway-killed gateway-2     answered when people see replies being made: strike now
//! over                                all parts run again
//! ```
//!
//! The end of the input ends the run. Exit code: 0 no promise was broken, 1 one was, 2 there is
//! no verdict.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use causerie_loadtest::chaos::elsewhere::Elsewhere;
use causerie_loadtest::chaos::fault::Kind;
use causerie_loadtest::check::{self, Rules};
use causerie_loadtest::ledger::Round;
use causerie_testkit::ai::{AiOptions, AiServer, Behaviour, Plot, Provider};
use clap::Parser;
use tokio::io::{AsyncBufReadExt, BufReader};

/// What the AI says: so many words at this pace, some three seconds.
const WORDS: usize = 60;
const PACE: Duration = Duration::from_millis(50);

#[derive(Parser)]
#[command(name = "elsewhere")]
struct Args {
    /// Where gateways or their balancer listen, such as http://127.0.0.1:8080
    #[arg(long)]
    door: String,
    /// The address at which brokers reach the AI, which is one of this machine
    #[arg(long, default_value = "127.0.0.1")]
    ai_host: IpAddr,
    /// Its port
    #[arg(long)]
    ai_port: u16,
    /// What will strike, in this order, with commas between
    #[arg(long, value_delimiter = ',', required = true, value_parser = kind)]
    faults: Vec<Kind>,
    /// How many people talk
    #[arg(long, default_value_t = 40)]
    people: usize,
    /// The file to be written
    #[arg(long)]
    ledger: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            say(&format!("No verdict: {error:#}."));
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let ai = AiServer::start(AiOptions {
        host: args.ai_host,
        port: args.ai_port,
        behaviour: Behaviour::new(Plot::Talk(WORDS)).at_pace(PACE),
        ..AiOptions::new(Provider::OpenAi)
    })
    .await?;
    let round = Round {
        seed: 1,
        people: args.people,
        faults: args
            .faults
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        commit: String::new(),
    };
    let mut elsewhere = Elsewhere::enter(&args.door, &round, ai, &args.ledger).await?;
    say("all people are in");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut faults = args.faults.iter();
    while let Some(line) = lines.next_line().await? {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["strike", kind, target] => {
                let kind = self::kind(kind).map_err(anyhow::Error::msg)?;
                ensure!(
                    faults.next() == Some(&kind),
                    "{} was not to come then",
                    kind.name()
                );
                elsewhere.strike(kind, target).await?;
                say("strike");
            }
            ["over"] => {
                elsewhere.over()?;
                say("over");
            }
            _ => bail!("\"{line}\" is neither \"strike KIND TARGET\" nor \"over\""),
        }
    }
    ensure!(faults.next().is_none(), "not all faults have struck");
    elsewhere.leave().await?;
    judge(&args)
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| format!("\"{name}\" is no fault"))
}

fn judge(args: &Args) -> anyhow::Result<ExitCode> {
    let rules = Rules {
        has_fallback: false,
        ..Rules::default()
    };
    let verdict = check::judge(&args.ledger, rules)?;
    for violation in &verdict.violations {
        say(&violation.to_string());
    }
    let broken = verdict.violations.len();
    say(&format!(
        "{} faults; {}",
        args.faults.len(),
        verdict.extent()
    ));
    Ok(if broken == 0 {
        say("No promise was broken.");
        ExitCode::SUCCESS
    } else {
        say(&format!("{broken} promises were broken."));
        ExitCode::FAILURE
    })
}

/// The one place that prints: whoever strikes waits for these lines.
#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
