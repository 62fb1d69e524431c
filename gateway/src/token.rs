//! `causerie token`: prints a token under the configured secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use causerie_shared::config::{Jwt, JwtAlgorithm, Secret, Settings, Tenant, parse_duration};
use causerie_shared::ids::{ProjectId, TenantId, UserId};
use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::identity::Role;

/// The command line of `token`.
pub fn command() -> Command {
    let id = |name: &'static str| Arg::new(name).long(name).value_name("ID");
    Command::new("token")
        .about("Print a token under the configured auth.jwt_secret, for trying things out")
        .args([
            id("tenant")
                .required(true)
                .value_parser(|id: &str| TenantId::new(id))
                .help("The tenant that it is for"),
            id("sub")
                .required(true)
                .value_parser(user)
                .help("The user that it speaks for"),
            id("project")
                .action(ArgAction::Append)
                .value_parser(project)
                .help("A project that the user takes part in, or * for all; may be repeated"),
            Arg::new("role")
                .long("role")
                .action(ArgAction::Append)
                .value_parser(["publisher", "admin", "operator"])
                .help("A role of the user; may be repeated"),
            Arg::new("name")
                .long("name")
                .help("The user's name, shown to people"),
            Arg::new("expires")
                .long("expires")
                .value_name("DURATION")
                .default_value("1h")
                .value_parser(ValueParser::new(lifetime))
                .help("How long it holds, such as 30m, 1h or 7d"),
        ])
}

fn user(id: &str) -> Result<UserId, String> {
    let user = UserId::new(id).map_err(|error| error.to_string())?;
    if user.is_visitor() {
        return Err(
            "ids that begin with v~ are visitors', who get their tokens by themselves".into(),
        );
    }
    Ok(user)
}

fn project(id: &str) -> Result<String, String> {
    match id {
        "*" => Ok(id.to_owned()),
        _ => ProjectId::new(id)
            .map(String::from)
            .map_err(|error| error.to_string()),
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| duration.as_secs() > 0)
        .ok_or_else(|| "a duration such as 30m, 1h or 7d is needed".into())
}

#[derive(Serialize)]
struct Claims<'a> {
    tenant: &'a TenantId,
    sub: &'a UserId,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    projects: Option<Projects>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Projects {
    All(&'static str),
    Some(Vec<String>),
}

/// Makes the token that `arguments` ask for.
///
/// # Errors
/// One sentence, where no secret is configured or the tenant is not.
pub fn execute(arguments: &ArgMatches, settings: &Settings) -> anyhow::Result<String> {
    let tenant: &TenantId = arguments.get_one("tenant").context("--tenant is missing")?;
    let user: &UserId = arguments.get_one("sub").context("--sub is missing")?;
    let lifetime: &Duration = arguments
        .get_one("expires")
        .context("--expires is missing")?;
    let roles: Vec<&str> = arguments
        .get_many::<String>("role")
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let tenant = configured(tenant, settings)?;
    let (jwt, secret) = signing_secret(tenant, settings)?;
    ensure!(
        !roles
            .iter()
            .any(|role| Role::named(role) == Some(Role::Operator))
            || settings.auth.jwt.jwt_secret.is_some(),
        "the role operator is only believed under the installation's own key: set \
         auth.jwt_secret (AUTH_JWT_SECRET)"
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = Claims {
        tenant: &tenant.id,
        sub: user,
        iat: now,
        exp: now.saturating_add(lifetime.as_secs()),
        projects: projects(arguments),
        roles,
        name: arguments.get_one("name"),
        iss: jwt.jwt_issuer.as_ref(),
        aud: jwt.jwt_audience.as_ref(),
    };
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &key,
    )?)
}

fn projects(arguments: &ArgMatches) -> Option<Projects> {
    let projects: Vec<String> = arguments.get_many("project")?.cloned().collect();
    if projects.iter().any(|project| project == "*") {
        Some(Projects::All("*"))
    } else {
        Some(Projects::Some(projects))
    }
}

/// The tenant of that id.
pub(crate) fn configured<'a>(id: &TenantId, settings: &'a Settings) -> anyhow::Result<&'a Tenant> {
    let known = &settings.tenants;
    known
        .iter()
        .find(|tenant| tenant.id == *id)
        .with_context(|| {
            let ids: Vec<&str> = known.iter().map(|tenant| tenant.id.as_str()).collect();
            format!("the tenant {id} is not configured, only {}", ids.join(", "))
        })
}

/// The operator's secret, or the tenant's own where the operator has none.
fn signing_secret<'a>(
    tenant: &'a Tenant,
    settings: &'a Settings,
) -> anyhow::Result<(&'a Jwt, &'a Secret)> {
    let usable = |jwt: &&Jwt| jwt.jwt_algorithms.contains(&JwtAlgorithm::Hs256);
    let found = [&settings.auth.jwt, &tenant.auth]
        .into_iter()
        .filter(usable)
        .find_map(|jwt| Some((jwt, jwt.jwt_secret.as_ref()?)));
    match found {
        Some(found) => Ok(found),
        None => bail!(
            "no secret is configured to sign with: set auth.jwt_secret (AUTH_JWT_SECRET) to a \
             text of 32 characters or more, here and for the running program"
        ),
    }
}

#[cfg(test)]
mod tests {
    use causerie_shared::config::{Loader, Program, Sources};

    use super::*;

    fn token(line: &str, set: &[&str]) -> anyhow::Result<String> {
        let arguments = command().try_get_matches_from(line.split(' '))?;
        let sources = Sources {
            set: set.iter().map(|&text| text.to_owned()).collect(),
            ..Sources::default()
        };
        let settings = Loader::new(Program::Standalone, sources)?.load()?;
        execute(&arguments, &settings)
    }

    const SECRET: &str = "auth.jwt_secret=0123456789abcdef0123456789abcdef";

    fn claims(token: &str) -> serde_json::Value {
        jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap()
    }

    #[test]
    fn says_what_it_was_told() {
        let line = "token --tenant demo --sub u1 --project p1 --project p2 --role admin \
                    --role operator --name Ann --expires 30m";
        let claims = claims(&token(line, &[SECRET, "auth.jwt_issuer=us"]).unwrap());
        assert_eq!(claims["tenant"], "demo");
        assert_eq!(claims["sub"], "u1");
        assert_eq!(claims["projects"], serde_json::json!(["p1", "p2"]));
        assert_eq!(claims["roles"], serde_json::json!(["admin", "operator"]));
        assert_eq!(claims["name"], "Ann");
        assert_eq!(claims["iss"], "us");
        let (from, to) = (
            claims["iat"].as_u64().unwrap(),
            claims["exp"].as_u64().unwrap(),
        );
        assert_eq!(to - from, 1_800);
    }

    #[test]
    fn all_projects_are_a_star() {
        let line = "token --tenant demo --sub u1 --project *";
        assert_eq!(claims(&token(line, &[SECRET]).unwrap())["projects"], "*");
    }

    #[test]
    fn what_cannot_be_is_one_sentence() {
        for (line, set, why) in [
            (
                "token --tenant demo --sub u1",
                vec![],
                "set auth.jwt_secret",
            ),
            ("token --tenant nobody --sub u1", vec![SECRET], "only demo"),
            ("token --tenant demo --sub v~1", vec![SECRET], "visitors"),
            ("token --tenant demo --sub me", vec![SECRET], "the caller"),
            (
                "token --tenant demo --sub u1 --project a:b",
                vec![SECRET],
                "an id is",
            ),
            (
                "token --tenant demo --sub u1 --expires soon",
                vec![SECRET],
                "30m",
            ),
            (
                "token --tenant demo --sub u1 --role king",
                vec![SECRET],
                "publisher",
            ),
        ] {
            let error = token(line, &set).unwrap_err().to_string();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
