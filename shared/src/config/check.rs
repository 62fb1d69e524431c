//! Rules across keys, and defaults that follow from other keys.

use std::collections::{BTreeMap, HashSet};

use super::error::ConfigError;
use super::section::{Defaults, Entries, Program, Section};
use super::sections::{Ai, Jwt, Redis, Settings};
use super::tls::Tls;
use super::types::{Backend, JwtAlgorithm};
use super::{tenant, value};
use crate::api_key::KEY_PREFIX;

type Checked = Result<(), ConfigError>;

/// Checks `settings` and fills in what follows from other keys.
pub(super) fn complete(
    mut settings: Settings,
    defaults: &Defaults,
    public_port: Option<u16>,
) -> Result<Settings, ConfigError> {
    let program = defaults.program;
    check_redis(&settings.redis, program)?;
    check_listeners(&settings, defaults)?;
    if program.has_clients() {
        check_tls(&settings.tls)?;
    }
    if program == Program::Standalone && settings.tenants.is_empty() {
        let port = public_port.unwrap_or(settings.websocket.port);
        settings.tenants = tenant::demo(port, settings.tls.is_enabled(), defaults)?;
    }
    for tenant in &mut settings.tenants {
        if tenant.origins.is_empty() {
            tenant.origins.clone_from(&settings.websocket.cors_origins);
        }
    }
    match program {
        Program::Standalone => {
            check_tenants(&settings)?;
            check_ai(&settings, defaults)?;
        }
        Program::Gateway => check_tenants(&settings)?,
        Program::Broker => check_ai(&settings, defaults)?,
    }
    check_unique(&settings)?;
    if program == Program::Gateway && settings.tenants.is_empty() {
        return rule(
            "causerie-gateway has no tenants: add [[tenants]] with id, hash and origins to \
             causerie.toml, or set TENANTS to JSON such as \
             [{\"id\":\"acme\",\"hash\":\"acme\",\"origins\":[\"https://acme.example\"]}]",
        );
    }
    Ok(settings)
}

fn rule<T>(sentence: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::rule(sentence))
}

/// `key` with its value, and whether anybody gave it.
fn with_value(key: &str, settings: &Settings, defaults: &Defaults) -> String {
    let value_in = |settings: &Settings| {
        let mut values = BTreeMap::new();
        settings.show("", &mut values);
        values.remove(key)
    };
    let value = value_in(settings);
    let default = Settings::read("", &Entries::new(), defaults).map(|settings| value_in(&settings));
    let shown = value.as_ref().map(value::plain).unwrap_or_default();
    if default.is_ok_and(|default| default == value) {
        format!("{key} ({shown}, its default)")
    } else {
        format!("{key} ({shown})")
    }
}

fn check_redis(redis: &Redis, program: Program) -> Checked {
    let parts = [
        ("redis.host", redis.host.is_some()),
        ("redis.port", redis.port.is_some()),
        ("redis.password", redis.password.is_some()),
    ];
    let given = parts.iter().find(|(_, given)| *given);
    match (&redis.url, &redis.host, given) {
        (Some(_), _, Some((key, _))) => rule(format!(
            "redis.url and {key} are both set: put everything into redis.url, or leave redis.url out"
        )),
        (None, None, Some((key, _))) => rule(format!(
            "{key} is set without redis.host: set redis.host (REDIS_HOST) too"
        )),
        (None, Some(host), _) if redis.address().is_none() => rule(format!(
            "redis.host is `{host}`, but must be a host name or an IP address"
        )),
        (None, None, None) if program != Program::Standalone => rule(format!(
            "{} needs Redis: set redis.url (REDIS_URL), such as redis://localhost:6379, or run \
             `causerie`, which needs none",
            program.name()
        )),
        (Some(_), _, None) | (None, Some(_) | None, _) => Ok(()),
    }
}

fn check_listeners(settings: &Settings, defaults: &Defaults) -> Checked {
    let program = defaults.program;
    let public = &settings.websocket;
    if program.has_clients() {
        check_ports(settings)?;
    }
    if public.outbox_bytes < public.max_message_bytes {
        let [outbox, message] = ["websocket.outbox_bytes", "websocket.max_message_bytes"]
            .map(|key| with_value(key, settings, defaults));
        return rule(format!(
            "{outbox} is smaller than {message}: one frame must fit into the outbox"
        ));
    }
    Ok(())
}

fn check_ports(settings: &Settings) -> Checked {
    let (public, admin) = (&settings.websocket, &settings.admin);
    let same_address =
        public.bind == admin.bind || public.bind.is_unspecified() || admin.bind.is_unspecified();
    let admin_port = (admin.enabled && same_address).then_some(admin.port);
    let ports = [
        ("websocket.port", Some(public.port)),
        ("tls.plain_port", settings.tls.plain_port),
        ("admin.port", admin_port),
    ];
    for (at, (key, port)) in ports.iter().enumerate() {
        let port = port.filter(|port| *port != 0);
        let mut others = ports.iter().skip(at + 1);
        let other = others.find(|(_, other)| port.is_some() && *other == port);
        if let (Some(port), Some((other, _))) = (port, other) {
            return rule(format!(
                "{key} and {other} are both {port}: each needs a port of its own"
            ));
        }
    }
    Ok(())
}

fn check_tls(tls: &Tls) -> Checked {
    let Tls {
        cert_file,
        key_file,
        key_passphrase,
        client_ca_file,
        min_version: _,
        plain_port,
    } = tls;
    if cert_file.is_some() && key_file.is_none() {
        return rule("tls.cert_file is set without tls.key_file (TLS_KEY_FILE): set both");
    }
    let of_no_use = [
        ("tls.key_file", key_file.is_some()),
        ("tls.key_passphrase", key_passphrase.is_some()),
        ("tls.client_ca_file", client_ca_file.is_some()),
        ("tls.plain_port", plain_port.is_some()),
    ];
    let of_no_use = of_no_use.into_iter().find(|(_, is_set)| *is_set);
    if cert_file.is_none()
        && let Some((key, _)) = of_no_use
    {
        return rule(format!(
            "{key} is set without tls.cert_file (TLS_CERT_FILE), so there is no TLS: set that \
             too, or leave {key} out"
        ));
    }
    Ok(())
}

fn check_unique(settings: &Settings) -> Checked {
    let (mut ids, mut hashes) = (HashSet::new(), HashSet::new());
    let mut keys = HashSet::new();
    for tenant in &settings.tenants {
        if let Some(twice) = tenant.api_keys.iter().find(|card| !keys.insert(&card.id)) {
            return rule(format!(
                "the API key {KEY_PREFIX}{} is there twice: each needs its own",
                twice.id
            ));
        }
        if !ids.insert(&tenant.id) {
            return rule(format!(
                "two tenants have the id `{}`: each needs its own",
                tenant.id
            ));
        }
        if !hashes.insert(&tenant.hash) {
            return rule(format!(
                "two tenants have the hash `{}`: each needs its own",
                tenant.hash
            ));
        }
    }
    Ok(())
}

fn check_tenants(settings: &Settings) -> Checked {
    check_jwt(&settings.auth.jwt, "auth")?;
    check_cohorts(settings)?;
    for (at, tenant) in settings.tenants.iter().enumerate() {
        let id = &tenant.id;
        check_jwt(&tenant.auth, &format!("tenants[{at}].auth"))?;
        if tenant.visitors && tenant.origins.is_empty() {
            return rule(format!(
                "the tenant `{id}` takes visitors, but has no origins that they may come from: \
                 set tenants[{at}].origins or websocket.cors_origins"
            ));
        }
        if tenant.visitors && settings.auth.visitor_secret.is_none() {
            return rule(format!(
                "the tenant `{id}` takes visitors, so auth.visitor_secret (AUTH_VISITOR_SECRET) \
                 must be set, to the same text of at least 32 characters on all gateways"
            ));
        }
        if !tenant.api_keys.is_empty() && settings.auth.api_key_secret.is_none() {
            return rule(format!(
                "the tenant `{id}` has tenants[{at}].api_keys, so auth.api_key_secret \
                 (AUTH_API_KEY_SECRET) must be set, to the text under which they were made"
            ));
        }
    }
    Ok(())
}

fn check_cohorts(settings: &Settings) -> Checked {
    let ids: HashSet<_> = settings.tenants.iter().map(|tenant| &tenant.id).collect();
    let mut cohorts = settings.rollout.cohorts.iter();
    match cohorts.find(|id| !ids.contains(id)) {
        Some(id) => rule(format!(
            "rollout.cohorts names `{id}`, but no tenant has this id: it must name the `id` of \
             tenants"
        )),
        None => Ok(()),
    }
}

/// The tenants that nobody can come in to.
pub(super) fn tenants_out_of_reach(settings: &Settings) -> Vec<String> {
    let has_key = |jwt: &Jwt| {
        jwt.jwt_secret.is_some() || jwt.jwt_public_key_file.is_some() || jwt.jwks_url.is_some()
    };
    if has_key(&settings.auth.jwt) {
        return Vec::new();
    }
    let tenants = settings.tenants.iter().enumerate();
    tenants
        .filter(|(_, tenant)| !tenant.visitors && !has_key(&tenant.auth))
        .map(|(at, tenant)| {
            format!(
                "nobody can come in to the tenant `{}`: there is no key for its tokens, and it \
                 takes no visitors; set auth.jwt_secret (AUTH_JWT_SECRET), a key under \
                 tenants[{at}].auth, or tenants[{at}].visitors",
                tenant.id
            )
        })
        .collect()
}

fn check_jwt(jwt: &Jwt, section: &str) -> Checked {
    if let Some(file) = &jwt.jwt_public_key_file
        && let Err(error) = std::fs::read(file)
    {
        return rule(format!(
            "{section}.jwt_public_key_file is `{}`, which cannot be read: {error}",
            file.display()
        ));
    }
    let symmetric = |algorithm: &JwtAlgorithm| *algorithm == JwtAlgorithm::Hs256;
    let usable_secret = jwt.jwt_secret.is_some() && jwt.jwt_algorithms.iter().any(symmetric);
    let has_public = jwt.jwt_public_key_file.is_some() || jwt.jwks_url.is_some();
    let usable_public = has_public && !jwt.jwt_algorithms.iter().all(symmetric);
    if jwt.jwt_secret.is_some() && !usable_secret {
        return rule(format!(
            "{section}.jwt_secret can verify nothing: {section}.jwt_algorithms lacks HS256"
        ));
    }
    if has_public && !usable_public {
        return rule(format!(
            "the public keys of {section} can verify nothing: {section}.jwt_algorithms lacks \
             RS256, ES256 and EdDSA"
        ));
    }
    Ok(())
}

fn check_ai(settings: &Settings, defaults: &Defaults) -> Checked {
    let ai = &settings.ai;
    for (name, timeout) in [
        ("ai.connect_timeout", ai.connect_timeout),
        ("ai.first_token_timeout", ai.first_token_timeout),
        ("ai.stall_timeout", ai.stall_timeout),
    ] {
        if timeout > ai.timeout {
            let [part, whole] = [name, "ai.timeout"].map(|key| with_value(key, settings, defaults));
            return rule(format!("{part} is longer than {whole}, which includes it"));
        }
    }
    let mut backends = HashSet::from([ai.backend]);
    for fallback in &ai.fallbacks {
        if !backends.insert(*fallback) {
            return rule(format!(
                "ai.fallbacks names `{fallback}` again: each backend is tried once"
            ));
        }
        check_backend(ai, *fallback, true)?;
    }
    for tenant in &settings.tenants {
        // A tenant that names a model needs no common one.
        let backend = tenant.ai.backend.unwrap_or(ai.backend);
        check_backend(ai, backend, tenant.ai.model.is_none())?;
    }
    check_backend(ai, ai.backend, settings.tenants.is_empty())
}

fn check_backend(ai: &Ai, backend: Backend, needs_model: bool) -> Checked {
    let (model, key, needs_key) = match backend {
        Backend::Echo => return Ok(()),
        // A server of one's own often takes no key; OpenAI always needs one.
        Backend::OpenAi => {
            let official = ai.openai.base_url.as_str().contains("://api.openai.com");
            (&ai.openai.model, &ai.openai.api_key, official)
        }
        Backend::Anthropic => (&ai.anthropic.model, &ai.anthropic.api_key, true),
    };
    let name = backend.as_str();
    let variable = name.to_ascii_uppercase();
    if needs_model && model.is_none() {
        return rule(format!(
            "the backend `{name}` is used, so ai.{name}.model (AI_{variable}_MODEL) must name the \
             model that answers"
        ));
    }
    if needs_key && key.is_none() {
        return rule(format!(
            "the backend `{name}` is used, so ai.{name}.api_key (AI_{variable}_API_KEY) must be set"
        ));
    }
    Ok(())
}
