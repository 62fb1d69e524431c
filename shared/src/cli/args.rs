//! What may be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config::Program;

pub(super) fn parse(
    program: Program,
    own: impl IntoIterator<Item = Command>,
    args: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, clap::Error> {
    Command::new(program.name())
        .version(env!("CARGO_PKG_VERSION"))
        .about(about(program))
        .after_help("All keys, and their names in file and environment: docs/configuration.md")
        .args([
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .global(true)
                .help("Read this file instead of ./causerie.toml [env: CAUSERIE_CONFIG]"),
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .global(true)
                .help("Set one key, over file and environment; may be repeated"),
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help(check_help(program)),
        ])
        .args_conflicts_with_subcommands(false)
        .subcommand(
            Command::new("health")
                .about("Ask the running program whether it is ready; exits with 0 or 1"),
        )
        .subcommands(own)
        .try_get_matches_from(args)
}

fn check_help(program: Program) -> &'static str {
    match program {
        Program::Standalone => {
            "Check the configuration, print it with its secrets hidden, and exit"
        }
        Program::Gateway | Program::Broker => {
            "Check the configuration and the connection to Redis, print it with its secrets \
             hidden, and exit"
        }
    }
}

fn about(program: Program) -> &'static str {
    match program {
        Program::Standalone => {
            "Live AI chat in one process: gateway, broker and in-memory bus. Needs nothing else."
        }
        Program::Gateway => {
            "Takes WebSocket, SSE and HTTP in, and brings rooms to their subscribers. Needs Redis."
        }
        Program::Broker => "Takes questions, calls the AI backend, publishes replies. Needs Redis.",
    }
}

/// What clap says over several lines, as one sentence.
pub(super) fn sentence(program: Program, error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraphs = text.trim_start_matches("error: ").split("\n\n");
    let said: Vec<String> = paragraphs
        .filter(|text| !text.starts_with("Usage") && !text.starts_with("For more"))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    format!("{}; see `{} --help`", said.join("; "), program.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(args: &[&str]) -> String {
        let args = ["causerie"].iter().chain(args).map(OsString::from);
        let error = parse(Program::Standalone, [], args).unwrap_err();
        sentence(Program::Standalone, &error)
    }

    #[test]
    fn a_usage_error_is_one_sentence() {
        for (args, said) in [
            (
                ["--confg", "x"],
                "unexpected argument '--confg' found; tip: a similar argument exists: '--config'; see `causerie --help`",
            ),
            (
                ["serve", "--check"],
                "unrecognized subcommand 'serve'; see `causerie --help`",
            ),
            (
                ["--check", "--set"],
                "a value is required for '--set <KEY=VALUE>' but none was supplied; see `causerie --help`",
            ),
        ] {
            assert_eq!(error(&args), said);
        }
    }

    #[test]
    fn keys_may_be_set_before_and_after_a_command() {
        let args = [
            "causerie",
            "health",
            "--set",
            "admin.port=1",
            "--set",
            "admin.enabled=true",
        ];
        let matches = parse(Program::Standalone, [], args.map(OsString::from)).unwrap();
        let set: Vec<&String> = matches.get_many("set").unwrap().collect();
        assert_eq!(set, ["admin.port=1", "admin.enabled=true"]);
    }
}
