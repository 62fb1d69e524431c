//! What a broker is told by its operator.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use causerie_shared::config::Price;
use causerie_shared::ids::TenantId;

use crate::backend::call::{CallPolicy, Guarded};

/// How a broker works. Fixed while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Replies that it makes at once.
    pub max_concurrent: usize,
    /// How many of these one tenant may have; its further questions wait.
    pub max_concurrent_per_tenant: usize,
    /// How long a drain waits for replies that are being made.
    pub drain_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_concurrent: 64,
            max_concurrent_per_tenant: 64,
            drain_grace: Duration::from_secs(30),
        }
    }
}

/// Who answers, and how. May change while a broker runs; replies that have
/// begun keep what they began with.
#[derive(Debug, Clone, Default)]
pub struct Ai {
    /// Most tokens, by [estimate](crate::prompt::estimate_tokens), of earlier
    /// questions and replies that go along with a question.
    pub context_tokens: usize,
    /// Whether a client may send earlier messages along.
    pub client_context: bool,
    /// Time-outs and retries of model calls.
    pub call: CallPolicy,
    /// What models cost.
    pub prices: Vec<Price>,
    /// For tenants that have nothing of their own.
    pub default: Answering,
    /// For tenants that have, whole.
    pub tenants: HashMap<TenantId, Answering>,
}

/// Who answers a tenant, and in what manner.
#[derive(Clone, Default)]
pub struct Answering {
    /// The backends, the preferred first.
    pub backends: Vec<Guarded>,
    /// What the model is told first.
    pub system_prompt: Option<String>,
    /// How freely the model chooses its words.
    pub temperature: Option<f32>,
    /// The longest reply, in the model's tokens.
    pub max_tokens: Option<u32>,
}

impl Ai {
    /// Who answers `tenant`, and in what manner.
    pub(crate) fn answering(&self, tenant: &TenantId) -> &Answering {
        self.tenants.get(tenant).unwrap_or(&self.default)
    }
}

/// Without the system prompt, which may hold what is not for a log.
impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering")
            .field("backends", &self.backends.len())
            .finish_non_exhaustive()
    }
}
