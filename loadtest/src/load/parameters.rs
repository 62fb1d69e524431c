//! How a scenario was set, as a report tells it.

use std::collections::BTreeMap;

use clap::{ArgMatches, Command};

/// What is no setting of the scenario: where results go, what is looked at, and what
/// nobody is to read.
const UNTOLD: [&str; 8] = [
    "jwt-secret",
    "json",
    "report",
    "markdown",
    "command",
    "server",
    "storage",
    "redis",
];

/// The values of all flags of `command`, given or not, by the flags' names.
pub fn of(command: &Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let flags = command.get_arguments().filter_map(|argument| {
        let name = argument.get_long().filter(|name| !UNTOLD.contains(name))?;
        let values = matches.try_get_raw(argument.get_id().as_str()).ok()??;
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        Some((name.to_owned(), values.join(", ")))
    });
    flags.collect()
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn flags_are_told_by_their_names_and_secrets_are_not() {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let command = Command::new("fanout")
            .arg(flag("rate").default_value("50"))
            .arg(flag("target").value_delimiter(','))
            .arg(flag("search").action(clap::ArgAction::SetTrue))
            .arg(flag("jwt-secret"));
        let given = ["fanout", "--target", "a,b", "--jwt-secret", "hush"];
        let matches = command.clone().get_matches_from(given);
        let told = of(&command, &matches);
        let expected = [("rate", "50"), ("search", "false"), ("target", "a, b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told, BTreeMap::from(expected));
    }
}
