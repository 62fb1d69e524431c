//! Who is told to use WebSockets.

use super::section::section;
use super::types::Fallback;
use super::value::Scalar;
use crate::ids::TenantId;

section! {
    /// Who is told to use WebSockets, and who another transport. See
    /// [rolling out](rollout.md).
    Rollout {
        /// Whether anybody is. With `false` all are told to use `rollout.fallback`,
        /// `rollout.cohorts` too.
        enabled: bool = true;
        /// Of a hundred users and visitors, how many are; thousandths count. To raise it
        /// only adds people.
        percentage: f64 = 100.0, in 0..=100;
        /// Tenants, by `id`, all of whose people are, whatever the percentage.
        cohorts: Vec<TenantId> = Vec::new();
        /// What the others are told to use.
        fallback: Fallback = Fallback::Streaming;
        /// Names that all clients are given, for what pages switch on by them.
        flags: Vec<Flag> = Vec::new();
    }
}

section! {
    /// What a tenant has otherwise than `[rollout]`.
    TenantRollout {
        /// Whether any of its people are told to use WebSockets, where
        /// `rollout.enabled` allows that.
        enabled: bool = true;
        /// Instead of `rollout.percentage`.
        percentage: Option<f64> = None, in 0..=100;
        /// Instead of `rollout.fallback`.
        fallback: Option<Fallback> = None;
        /// Beside `rollout.flags`.
        flags: Vec<Flag> = Vec::new();
    }
}

/// A name by which pages switch something on: 1–64 of `a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag(String);

impl Flag {
    const MAX_LEN: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Flag {
    const KIND: &'static str = "name";
    fn expected() -> String {
        format!("1–{} of a-z 0-9 . _ -", Self::MAX_LEN)
    }
    fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let is_good = (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed);
        is_good.then(|| Self(text.to_owned()))
    }
    fn show(&self) -> toml::Value {
        self.0.clone().into()
    }
}
