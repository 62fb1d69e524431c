//! The customers of an installation.

use super::address::Origin;
use super::error::{ConfigError, Source};
use super::filter::Filter;
use super::load::flatten;
use super::network::Cidr;
use super::rollout::TenantRollout;
use super::section::{Defaults, Entries, Section, section};
use super::sections::Jwt;
use super::types::Backend;
use super::value::{Given, Range, Value};
use crate::api_key::KeyCard;
use crate::ids::{TenantHash, TenantId};

section! {
    /// A customer of the installation. Nothing crosses tenants.
    Tenant {
        /// Its name in tokens.
        id: TenantId;
        /// Its public name, in widgets.
        hash: TenantHash;
        /// Where its pages come from, exactly or such as `https://*.acme.example` for
        /// all subdomains; those of `websocket.cors_origins` if none is named.
        origins: Vec<Origin> = Vec::new();
        /// Whether people without a token may come, from these origins.
        visitors: bool = false;
        /// The only addresses that its people and servers may come in from, beside
        /// `limits.allowed_ips`; all where none is named.
        allowed_ips: Vec<Cidr> = Vec::new();
        /// Addresses that they may not come in from, be they allowed or not.
        blocked_ips: Vec<Cidr> = Vec::new();
        /// API keys of its servers, beside those that Redis keeps: each a line that
        /// `keys create` of `causerie` prints.
        api_keys: Vec<KeyCard> = Vec::new();
    }
    with {
        /// Keys that verify this tenant's tokens, and no other's.
        auth: Jwt = "auth";
        /// What this tenant has otherwise than `[ai]`.
        ai: TenantAi = "ai";
        /// Words of its own, beside those of `[filter]`.
        filter: Filter = "filter";
        /// What this tenant has otherwise than `[rollout]`.
        rollout: TenantRollout = "rollout";
    }
}

section! {
    /// What a tenant has otherwise than `[ai]`.
    TenantAi {
        /// Instead of `ai.backend`.
        backend: Option<Backend> = None;
        /// Instead of the backend's `model`.
        model: Option<String> = None, in 1..=256;
        /// Instead of `ai.system_prompt`.
        system_prompt: Option<String> = None, in 1..=100000;
        /// Instead of `ai.temperature`.
        temperature: Option<f64> = None, in 0..=2;
        /// Instead of `ai.max_tokens`.
        max_tokens: Option<u32> = None, in 1..=1000000;
    }
}

impl Value for Vec<Tenant> {
    const KIND: &'static str = "list of tables";
    // A tenant holds its keys.
    const SECRET: bool = true;

    fn expected(_: Range) -> String {
        r#"a list of tenants, in JSON such as [{"id":"acme","hash":"acme","origins":["https://acme.example"]}]"#.into()
    }

    fn read(given: &Given<'_>) -> Result<Self, ConfigError> {
        let json: Vec<toml::Table>;
        let tenants: Option<Vec<&toml::Table>> = match given.value {
            toml::Value::Array(items) => items.iter().map(toml::Value::as_table).collect(),
            toml::Value::String(text) if text.trim().is_empty() => Some(Vec::new()),
            toml::Value::String(text) => {
                json = serde_json::from_str(text).map_err(|error| bad_json(given, &error))?;
                Some(json.iter().collect())
            }
            toml::Value::Table(_) => {
                return Err(given.refuse_as(
                    "is one section",
                    "a list of them: write [[tenants]], in double brackets, above each tenant",
                ));
            }
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => None,
        };
        let tenants = tenants.ok_or_else(|| given.refuse::<Self>())?;
        let read = |(at, table)| read_tenant(at, table, given);
        tenants.into_iter().enumerate().map(read).collect()
    }

    fn show(&self) -> Option<toml::Value> {
        let show = |tenant: &Tenant| {
            let mut keys = std::collections::BTreeMap::new();
            tenant.show("", &mut keys);
            toml::Value::Table(super::nest(keys))
        };
        Some(toml::Value::Array(self.iter().map(show).collect()))
    }
}

/// The parser's own words might quote a key.
fn bad_json(given: &Given<'_>, error: &serde_json::Error) -> ConfigError {
    let what = if error.is_data() {
        "is JSON of another shape".to_owned()
    } else {
        let (line, column) = (error.line(), error.column());
        format!("is no JSON: it is wrong at line {line}, column {column}")
    };
    given.refuse_as(what, Vec::<Tenant>::expected(given.range))
}

fn read_tenant(at: usize, table: &toml::Table, given: &Given<'_>) -> Result<Tenant, ConfigError> {
    let prefix = format!("{}[{at}]", given.key);
    let mut keys = Vec::new();
    Tenant::describe(&prefix, given.defaults, &mut keys);
    let mut entries = Entries::new();
    flatten(&prefix, table, &keys, given.from, &mut entries)?;
    Tenant::read(&prefix, &entries, given.defaults)
}

/// The tenant that `causerie` has where none is configured.
pub(super) fn demo(
    port: u16,
    has_tls: bool,
    defaults: &Defaults,
) -> Result<Vec<Tenant>, ConfigError> {
    let scheme = if has_tls { "https" } else { "http" };
    let origins = ["localhost", "127.0.0.1"].map(|host| format!("{scheme}://{host}:{port}"));
    let demo = toml::Table::from_iter([
        ("id".to_owned(), toml::Value::from("demo")),
        ("hash".to_owned(), "demo".into()),
        ("visitors".to_owned(), true.into()),
        ("origins".to_owned(), origins.to_vec().into()),
    ]);
    Value::read(&Given {
        key: "tenants",
        value: &vec![demo].into(),
        from: &Source::Default,
        defaults,
        range: None,
    })
}
