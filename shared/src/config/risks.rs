//! Settings that are allowed, and dangerous.

use std::net::IpAddr;

use secrecy::ExposeSecret;
use url::Url;

use super::network::{Cidr, is_private};
use super::section::Program;
use super::sections::Settings;
use super::types::Secret;

/// How many different characters a secret has at least that chance has made: of 32 hexadecimal
/// digits fewer come once in ten million.
const LEAST_DIFFERENT: usize = 7;

/// So many new visitors a minute, or questions of theirs an hour, are no limit.
const NO_LIMIT: u32 = 1_000_000;

/// What is dangerous in `settings` of `program`, one sentence each.
pub(super) fn risks(settings: &Settings, program: Program) -> Vec<String> {
    let mut risks = Vec::new();
    if program.has_clients() {
        risks.extend(plain_in_public(settings));
        risks.extend(visitors_without_limits(settings));
    }
    if program != Program::Standalone {
        risks.extend(open_redis(settings));
    }
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

/// What is named in `auth.trusted_proxies` is taken to encrypt.
fn plain_in_public(settings: &Settings) -> Option<String> {
    let bind = settings.websocket.bind;
    let is_seen =
        !is_private(bind) && !settings.tls.is_enabled() && settings.auth.trusted_proxies.is_empty();
    is_seen.then(|| {
        format!(
            "websocket.bind (WEBSOCKET_BIND) is {bind} and nothing encrypts: tokens and what is said \
             can be read on their way; set tls.cert_file and tls.key_file, or name the proxy that \
             has TLS in auth.trusted_proxies, or listen on a private address"
        )
    })
}

fn visitors_without_limits(settings: &Settings) -> Option<String> {
    let limits = &settings.limits;
    let tenant = settings.tenants.iter().find(|tenant| tenant.visitors)?;
    let keys = [
        (
            "limits.visitors_per_minute_per_ip (LIMITS_VISITORS_PER_MINUTE_PER_IP)",
            limits.visitors_per_minute_per_ip,
        ),
        (
            "limits.visitor_questions_per_hour (LIMITS_VISITOR_QUESTIONS_PER_HOUR)",
            limits.visitor_questions_per_hour,
        ),
    ];
    let (key, number) = keys.into_iter().find(|(_, number)| *number >= NO_LIMIT)?;
    Some(format!(
        "{key} is {number}, and tenant {} takes visitors: anybody may have the AI asked without end; \
         set what real visitors need",
        tenant.id
    ))
}

/// Where Redis has a name that may be private, a password is enough.
fn open_redis(settings: &Settings) -> Option<String> {
    let address = settings.redis.address()?;
    let url = Url::parse(address.expose_secret()).ok()?;
    let nodes = url.query_pairs().filter(|(name, _)| name == "node");
    let nodes = nodes.map(|(_, node)| match node.rsplit_once(':') {
        Some((host, _)) => host.to_owned(),
        None => node.into_owned(),
    });
    let hosts: Vec<_> = url
        .host_str()
        .map(str::to_owned)
        .into_iter()
        .chain(nodes)
        .collect();
    let is_open = url.password().is_none_or(str::is_empty);
    if let Some(host) = hosts.iter().find(|host| is_open && !is_this_machine(host)) {
        return Some(format!(
            "redis.url (REDIS_URL) has no password for {host}: whoever reaches that Redis owns the \
             installation; set `requirepass` or an ACL there, and redis.url to \
             rediss://user:password@{host}"
        ));
    }
    let is_plain = !url.scheme().starts_with("rediss");
    let is_public = |host: &str| address_of(host).is_some_and(|address| !is_private(address));
    let host = hosts.iter().find(|host| is_plain && is_public(host))?;
    Some(format!(
        "redis.url (REDIS_URL) has no TLS for {host}, which is no private address: its password, and \
         what is said, can be read on their way; set it to one that begins with rediss://"
    ))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || address_of(host).is_some_and(|address| address.is_loopback())
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
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
