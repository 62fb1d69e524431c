//! The configuration: typed settings out of four layers.
//!
//! Defaults < `causerie.toml` < environment < command line. All keys stand in
//! one table (`sections.rs`); types, checks, names of environment variables,
//! what is printed and `docs/configuration.md` all come from it.

mod address;
mod audit;
mod check;
mod error;
mod events;
mod filter;
mod limits;
mod load;
mod network;
mod presence;
mod price;
mod reference;
mod reload;
mod risks;
mod rollout;
mod scalar;
mod section;
mod sections;
mod status;
mod surroundings;
mod tenant;
mod tls;
mod types;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use address::{HttpUrl, InvalidOrigin, Origin, RedisUrl};
pub use audit::Audit;
pub use error::{ConfigError, Source};
pub use filter::{Filter, Words};
pub use limits::Limits;
pub use load::{Loader, Sources};
pub use network::{Cidr, InvalidCidr};
pub use presence::Presence;
pub use price::Price;
pub use reference::reference;
pub use reload::{SettingsHandle, watch};
pub use rollout::{Flag, Rollout, TenantRollout};
pub use section::Program;
pub use sections::{
    Admin, Ai, Anthropic, Auth, Breaker, Echo, History, Jwt, Node, OpenAi, Realtime, Redis,
    Settings, Telemetry, Websocket,
};
pub use status::Status;
pub use tenant::{Tenant, TenantAi};
pub use tls::Tls;
pub use types::{Backend, Fallback, JwtAlgorithm, LogFilter, LogFormat, Secret, Size, TlsVersion};

use section::Section;
pub(crate) use section::environment_name;

/// Reads a duration as the configuration does: `500ms`, `25s`, `5m`, `24h`,
/// `7d` or a number of seconds.
pub fn parse_duration(text: &str) -> Option<std::time::Duration> {
    value::Scalar::parse(text)
}

impl Settings {
    /// The configuration in effect as TOML that can be read again, secrets
    /// hidden.
    pub fn to_toml(&self) -> String {
        let mut keys = BTreeMap::new();
        self.show("", &mut keys);
        nest(keys).to_string()
    }
}

/// Turns full names into nested tables.
fn nest(keys: BTreeMap<String, toml::Value>) -> toml::Table {
    let mut root = toml::Table::new();
    for (name, value) in keys {
        let mut table = &mut root;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value);
                break;
            }
            let next = table
                .entry(part)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match next.as_table_mut() {
                Some(inner) => table = inner,
                None => break,
            }
        }
    }
    root
}
