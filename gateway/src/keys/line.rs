//! The command line of `keys`, and what its help says.

use std::time::Duration;

use causerie_shared::api_key::{KEY_PREFIX, KeyScope, MAX_KEY_NAME, is_key_name};
use causerie_shared::config::{Program, parse_duration};
use causerie_shared::ids::{KeyId, TenantId};
use clap::builder::{PossibleValue, ValueParser};
use clap::{Arg, ArgAction, Command};

/// The command line of `keys`, as `program` has it.
pub fn command(program: Program) -> Command {
    Command::new("keys")
        .about("Make, list and revoke the API keys of a tenant's own servers")
        .long_about(about(program))
        .after_long_help(examples(program))
        .subcommand_required(true)
        .subcommands([create(program), list(), revoke(program)])
}

fn create(program: Program) -> Command {
    let kept = match program {
        Program::Standalone => {
            "Make a key and print it, this once, and below it what to put into causerie.toml"
        }
        Program::Gateway | Program::Broker => {
            "Make a key and print it, this once: only its hash is kept, in Redis"
        }
    };
    let scopes = KeyScope::ALL.map(|scope| PossibleValue::new(scope.as_str()).help(may(scope)));
    Command::new("create").about(kept).args([
        tenant(),
        Arg::new("scope")
            .long("scope")
            .value_name("SCOPE")
            .required(true)
            .action(ArgAction::Append)
            .value_parser(scopes)
            .help("What a server with this key may do; repeat it for more than one"),
        Arg::new("name")
            .long("name")
            .value_name("TEXT")
            .required(true)
            .value_parser(ValueParser::new(name))
            .help("What people call it, such as the server that uses it"),
        Arg::new("expires")
            .long("expires")
            .value_name("DURATION")
            .value_parser(ValueParser::new(lifetime))
            .help("How long it holds, such as 12h or 90d; until it is revoked if left out"),
    ])
}

fn list() -> Command {
    Command::new("list")
        .about("List a tenant's keys: their public parts, scopes and names, never the keys")
        .arg(tenant())
}

fn revoke(program: Program) -> Command {
    let about = match program {
        Program::Standalone => "Say what to take out of causerie.toml, which revokes the key",
        Program::Gateway | Program::Broker => {
            "Revoke a key, for good: a second later no gateway takes it any more"
        }
    };
    Command::new("revoke").about(about).args([
        tenant(),
        Arg::new("key")
            .value_name("KEY")
            .required(true)
            .value_parser(ValueParser::new(id_in))
            .help("The key as `list` shows it: ck_ and twelve characters"),
    ])
}

fn tenant() -> Arg {
    Arg::new("tenant")
        .long("tenant")
        .value_name("ID")
        .required(true)
        .value_parser(|id: &str| TenantId::new(id))
        .help("The tenant whose servers they are for: an `id` of [[tenants]]")
}

fn about(program: Program) -> &'static str {
    match program {
        Program::Standalone => {
            "Make and list the API keys of a tenant's own servers.\n\n\
             With a key a server publishes to the tenant's rooms, reads them, or rules over its \
             users, as the key's scopes say: it sends `Authorization: Bearer ck_…`. `create` \
             prints a key once, and nobody can find it out again. Only its hash is kept, in \
             causerie.toml: the command prints what to put there, and changes nothing itself. Keys \
             are off until auth.api_key_secret (AUTH_API_KEY_SECRET) is set."
        }
        Program::Gateway | Program::Broker => {
            "Make, list and revoke the API keys of a tenant's own servers.\n\n\
             With a key a server publishes to the tenant's rooms, reads them, or rules over its \
             users, as the key's scopes say: it sends `Authorization: Bearer ck_…`. `create` \
             prints a key once, and nobody can find it out again. Only its hash is kept, in the \
             gateways' Redis: the command needs that Redis (redis.url), [[tenants]], and \
             auth.api_key_secret (AUTH_API_KEY_SECRET), all as the gateways have them. It can be \
             run anywhere, beside running gateways, which take a new key within half a second."
        }
    }
}

fn examples(program: Program) -> String {
    let name = program.name();
    format!(
        "Examples:\n  \
         {name} keys create --tenant acme --scope publish --scope read --name shop --expires 90d\n  \
         {name} keys list --tenant acme\n  \
         {name} keys revoke --tenant acme ck_16a1b2c3d4e5\n\n\
         What each scope allows: {name} keys create --help. More: docs/server-api.md"
    )
}

fn may(scope: KeyScope) -> &'static str {
    match scope {
        KeyScope::Publish => "Publish events to every room of the tenant",
        KeyScope::Read => "Read every room of the tenant, and see who is there",
        KeyScope::Admin => "All of that; end connections, revoke tokens, read the audit log",
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_key_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!("a name has 1 to {MAX_KEY_NAME} characters"))
}

fn lifetime(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| duration.as_secs() > 0)
        .ok_or_else(|| "a duration such as 12h or 90d is needed".into())
}

/// The public part of a key, with or without the rest.
pub(super) fn id_in(text: &str) -> Result<KeyId, String> {
    let public = text.strip_prefix(KEY_PREFIX).unwrap_or(text);
    let public = public.split('_').next().unwrap_or(public);
    KeyId::new(public).map_err(|_| {
        "no key is called so: ck_ and twelve hex digits, of which the first two are at the most 7f \
         (`keys list` shows those that there are)"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(program: Program, line: &[&str]) -> String {
        let error = command(program).try_get_matches_from(line).unwrap_err();
        assert!(!error.use_stderr(), "{error}");
        let text = error.to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn help_says_what_a_newcomer_must_know() {
        for (program, kept) in [
            (Program::Gateway, "in the gateways' Redis"),
            (Program::Standalone, "in causerie.toml"),
        ] {
            let help = help(program, &["keys", "--help"]);
            let example = format!("{} keys create --tenant acme", program.name());
            for part in [kept, "once", "AUTH_API_KEY_SECRET", &example] {
                assert!(help.contains(part), "{part}: {help}");
            }
        }
        let help = help(Program::Gateway, &["keys", "create", "--help"]);
        for scope in KeyScope::ALL {
            let line = format!("{}: {}", scope.as_str(), may(scope));
            assert!(help.contains(&line), "{line}: {help}");
        }
    }
}
