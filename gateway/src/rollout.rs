//! Who is told to use which transport: see `docs/rollout.md`.

use std::collections::HashMap;

use aws_lc_rs::digest;
use causerie_shared::config::{self, Fallback, Flag};
use causerie_shared::ids::TenantId;
use serde::Serialize;

/// In how many parts all people are divided: thousandths of a percent.
const WHOLE: u32 = 100_000;

/// What a client is told to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// WebSockets, and what the client falls back to where these fail.
    Auto,
    /// Server-Sent Events.
    Streaming,
    /// Requests alone.
    Http,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Streaming, Self::Http];

    /// Its name, in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Streaming => "streaming",
            Self::Http => "http",
        }
    }
}

impl From<Fallback> for Mode {
    fn from(fallback: Fallback) -> Self {
        match fallback {
            Fallback::Streaming => Self::Streaming,
            Fallback::Http => Self::Http,
        }
    }
}

/// Who is told to use which transport. Of a tenant that is not configured, or not any
/// more, nobody is told to use WebSockets.
#[derive(Debug, Clone, Default)]
pub struct Rollout {
    of_tenants: HashMap<TenantId, Terms>,
}

/// What holds for the people of one tenant.
#[derive(Debug, Clone)]
struct Terms {
    /// How many are told to use WebSockets, of a [`WHOLE`].
    share: u32,
    fallback: Mode,
    flags: Vec<String>,
}

impl Rollout {
    /// What one of `tenant` is told to use who is known by `id`. One who is known by
    /// none counts among those who come last.
    pub fn mode(&self, tenant: &TenantId, id: Option<&str>) -> Mode {
        let Some(terms) = self.of_tenants.get(tenant) else {
            return Mode::Streaming;
        };
        let place = id.map_or(WHOLE - 1, |id| place(tenant, id));
        if place < terms.share {
            Mode::Auto
        } else {
            terms.fallback
        }
    }

    /// The names that clients of `tenant` are given.
    pub fn flags(&self, tenant: &TenantId) -> &[String] {
        let terms = self.of_tenants.get(tenant);
        terms.map_or(&[], |terms| &terms.flags)
    }
}

impl From<&config::Settings> for Rollout {
    fn from(settings: &config::Settings) -> Self {
        let tenants = settings.tenants.iter();
        let terms = tenants.map(|tenant| (tenant.id.clone(), Terms::new(tenant, settings)));
        Self {
            of_tenants: terms.collect(),
        }
    }
}

impl Terms {
    fn new(tenant: &config::Tenant, settings: &config::Settings) -> Self {
        let (own, common) = (&tenant.rollout, &settings.rollout);
        let is_on = settings.websocket.enabled && common.enabled && own.enabled;
        let percentage = match is_on {
            false => 0.0,
            true if common.cohorts.contains(&tenant.id) => 100.0,
            true => own.percentage.unwrap_or(common.percentage),
        };
        let mut flags: Vec<String> = Vec::new();
        for flag in common.flags.iter().chain(&own.flags).map(Flag::as_str) {
            if !flags.iter().any(|known| known == flag) {
                flags.push(flag.to_owned());
            }
        }
        Self {
            share: (percentage / 100.0 * f64::from(WHOLE)).round() as u32,
            fallback: own.fallback.unwrap_or(common.fallback).into(),
            flags,
        }
    }
}

/// Where one stands among all people, from 0 to below [`WHOLE`]: who is let in by a
/// share is so by every greater one.
///
/// The first eight bytes of SHA-256 (FIPS 180-4) over `{tenant}:{id}` in UTF-8, as a
/// number with the highest byte first, modulo [`WHOLE`]. It stays the same at every
/// gateway, and in every version, or people would change sides.
fn place(tenant: &TenantId, id: &str) -> u32 {
    let name = format!("{tenant}:{id}");
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    (u64::from_be_bytes(first) % u64::from(WHOLE)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by another program: nobody may ever change sides for a new version.
    #[test]
    fn a_place_is_for_ever() {
        for (tenant, id, expected) in [
            ("acme", "u1", 24_986),
            ("acme", "u2", 25_138),
            ("other", "u1", 51_101),
            ("acme", "v~0123456789abcdef0123456789abcdef", 27_594),
            ("acme", "Ünal 🦀", 65_386),
        ] {
            let tenant = TenantId::new(tenant).unwrap();
            assert_eq!(place(&tenant, id), expected, "{tenant}:{id}");
        }
    }
}
