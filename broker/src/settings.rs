//! What a broker is told by its operator.

use std::collections::HashMap;
use std::time::Duration;

use causerie_shared::ids::TenantId;

use crate::backend::call::{CallPolicy, Guarded};

/// How a broker works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Replies that it makes at once.
    pub max_concurrent: usize,
    /// How many of these one tenant may have; its further questions wait.
    pub max_concurrent_per_tenant: usize,
    /// Most tokens, by [estimate](crate::prompt::estimate_tokens), of all that
    /// goes to the model with a question.
    pub context_tokens: usize,
    /// Whether a client may send earlier messages along.
    pub client_context: bool,
    /// Time-outs and retries of model calls.
    pub call: CallPolicy,
    /// What models are asked for.
    pub manner: Manner,
    /// What models are asked for otherwise for some tenants.
    pub tenants: HashMap<TenantId, Manner>,
    /// How long a drain waits for replies that are being made.
    pub drain_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_concurrent: 64,
            max_concurrent_per_tenant: 64,
            context_tokens: 8_000,
            client_context: true,
            call: CallPolicy::default(),
            manner: Manner::default(),
            tenants: HashMap::new(),
            drain_grace: Duration::from_secs(30),
        }
    }
}

/// What a model is asked for; what is `None` is left to the next wider
/// setting, and in the end to the backend.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manner {
    /// What the model is told first.
    pub system_prompt: Option<String>,
    /// Which model answers.
    pub model: Option<String>,
    /// How freely it chooses its words.
    pub temperature: Option<f32>,
    /// Its longest reply, in tokens.
    pub max_tokens: Option<u32>,
}

impl Settings {
    /// What models are asked for on behalf of `tenant`.
    pub(crate) fn manner_of(&self, tenant: &TenantId) -> Manner {
        let wide = self.manner.clone();
        match self.tenants.get(tenant).cloned() {
            None => wide,
            Some(own) => Manner {
                system_prompt: own.system_prompt.or(wide.system_prompt),
                model: own.model.or(wide.model),
                temperature: own.temperature.or(wide.temperature),
                max_tokens: own.max_tokens.or(wide.max_tokens),
            },
        }
    }
}

/// Which backends answer, the preferred first.
#[derive(Clone, Default)]
pub struct Backends {
    /// For everybody.
    pub default: Vec<Guarded>,
    /// For some tenants, instead.
    pub tenants: HashMap<TenantId, Vec<Guarded>>,
}

impl Backends {
    /// Which backends answer for `tenant`.
    pub(crate) fn of(&self, tenant: &TenantId) -> Vec<Guarded> {
        let own = self.tenants.get(tenant);
        own.unwrap_or(&self.default).clone()
    }
}

impl std::fmt::Debug for Backends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}
