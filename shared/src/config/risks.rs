//! Settings that are allowed, and dangerous.

use secrecy::ExposeSecret;

use super::network::Cidr;
use super::sections::Settings;
use super::types::Secret;

/// How many different characters a secret has at least that chance has made: of 32 hexadecimal
/// digits fewer come once in ten million.
const LEAST_DIFFERENT: usize = 7;

/// What is dangerous in `settings`, one sentence each.
pub(super) fn risks(settings: &Settings) -> Vec<String> {
    let mut risks = Vec::new();
    risks.extend(secrets(settings).filter_map(|(key, secret)| guessable(&key, secret)));
    if has_all(&settings.auth.trusted_proxies) {
        risks.push(
            "auth.trusted_proxies (AUTH_TRUSTED_PROXIES) trusts every address: whoever comes says \
             where from, and no limit of an address holds; name the proxies alone"
                .to_owned(),
        );
    }
    if has_all(&settings.limits.exempt) {
        risks.push(
            "limits.exempt (LIMITS_EXEMPT) exempts every address: none of the limits on how often \
             holds for anybody; name those alone that are to be exempt"
                .to_owned(),
        );
    }
    risks
}

/// All that are in use, by their keys.
fn secrets(settings: &Settings) -> impl Iterator<Item = (String, &Secret)> {
    let auth = &settings.auth;
    let own = [
        ("auth.jwt_secret (AUTH_JWT_SECRET)", &auth.jwt.jwt_secret),
        (
            "auth.visitor_secret (AUTH_VISITOR_SECRET)",
            &auth.visitor_secret,
        ),
        (
            "auth.api_key_secret (AUTH_API_KEY_SECRET)",
            &auth.api_key_secret,
        ),
    ];
    let own = own
        .into_iter()
        .map(|(key, secret)| (key.to_owned(), secret));
    let tenants = settings.tenants.iter().enumerate();
    let theirs = tenants.map(|(at, tenant)| {
        let key = format!("tenants[{at}].auth.jwt_secret");
        (key, &tenant.auth.jwt_secret)
    });
    own.chain(theirs)
        .filter_map(|(key, secret)| Some((key, secret.as_ref()?)))
}

fn guessable(key: &str, secret: &Secret) -> Option<String> {
    let text = secret.expose_secret();
    let why = if is_in_docs(text) {
        "stands in Causerie's documentation"
    } else if different(text) < LEAST_DIFFERENT {
        "has hardly any different characters"
    } else {
        return None;
    };
    Some(format!(
        "{key} {why}: whoever guesses it is whom they like; set it to what `openssl rand -hex 32` \
         prints"
    ))
}

/// Those that people copy.
fn is_in_docs(text: &str) -> bool {
    text.starts_with("at least 32 characters")
        || text.starts_with("for-development-only")
        || text == "0123456789abcdef".repeat(2)
}

fn different(text: &str) -> usize {
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len()
}

fn has_all(networks: &[Cidr]) -> bool {
    networks.iter().any(Cidr::is_everything)
}
