//! From the configuration to what a broker is told.

use std::collections::HashMap;
use std::sync::Arc;

use causerie_shared::config::{self, Secret};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::backend::anthropic::{Anthropic, AnthropicConfig};
use crate::backend::breaker::BreakerConfig;
use crate::backend::call::{CallPolicy, Guarded};
use crate::backend::echo::{Echo, EchoConfig};
use crate::backend::openai::{OpenAi, OpenAiConfig};
use crate::backend::{Backend, ConfigError};
use crate::settings::{Ai, Answering, Settings};

impl From<&config::Settings> for Settings {
    fn from(config: &config::Settings) -> Self {
        Self {
            max_concurrent: config.ai.max_concurrent,
            max_concurrent_per_tenant: config.ai.max_concurrent_per_tenant,
            drain_grace: config.ai.drain_grace,
        }
    }
}

/// Makes the backends of `config` and forgets them.
///
/// # Errors
/// [`ConfigError`] names the key that cannot work.
pub fn check(config: &config::Settings) -> Result<(), ConfigError> {
    Models::new(config).ai(config).map(|_| ())
}

/// The backends of a configuration. They and their breakers outlive a reload.
pub(crate) struct Models {
    ai: config::Ai,
    made: HashMap<config::Backend, Guarded>,
}

impl Models {
    /// None is made before it is named.
    pub(crate) fn new(config: &config::Settings) -> Self {
        Self {
            ai: config.ai.clone(),
            made: HashMap::new(),
        }
    }

    /// Who answers whom, by this configuration.
    pub(crate) fn ai(&mut self, config: &config::Settings) -> Result<Ai, ConfigError> {
        let own = config.tenants.iter().map(|tenant| {
            let answering = self.answering(config, Some(&tenant.ai))?;
            Ok((tenant.id.clone(), answering))
        });
        let tenants = own.collect::<Result<_, ConfigError>>()?;
        Ok(Ai {
            context_tokens: config.ai.context_tokens as usize,
            client_context: config.ai.client_context,
            call: CallPolicy {
                first_token_timeout: config.ai.first_token_timeout,
                stall_timeout: config.ai.stall_timeout,
                timeout: config.ai.timeout,
                tries: config.ai.retries + 1,
                max_reply_bytes: config.ai.max_reply_bytes.bytes(),
                ..CallPolicy::default()
            },
            prices: config.ai.prices.clone(),
            default: self.answering(config, None)?,
            tenants,
        })
    }

    fn answering(
        &mut self,
        config: &config::Settings,
        own: Option<&config::TenantAi>,
    ) -> Result<Answering, ConfigError> {
        let ai = &config.ai;
        let first = own.and_then(|own| own.backend).unwrap_or(ai.backend);
        // A model's name means something to its own backend only.
        let model = own.and_then(|own| own.model.clone());
        let mut backends = vec![self.backend(first)?.with_model(model)];
        for fallback in ai.fallbacks.iter().filter(|fallback| **fallback != first) {
            backends.push(self.backend(*fallback)?);
        }
        let own_prompt = own.and_then(|own| own.system_prompt.clone());
        let temperature = own.and_then(|own| own.temperature);
        let max_tokens = own.and_then(|own| own.max_tokens);
        Ok(Answering {
            backends,
            system_prompt: own_prompt.or_else(|| ai.system_prompt.clone()),
            temperature: temperature.or(ai.temperature).map(|t| t as f32),
            max_tokens: max_tokens.or(ai.max_tokens),
        })
    }

    fn backend(&mut self, named: config::Backend) -> Result<Guarded, ConfigError> {
        if let Some(made) = self.made.get(&named) {
            return Ok(made.clone());
        }
        let breaker = BreakerConfig {
            failures: self.ai.breaker.failures,
            open_for: self.ai.breaker.open_for,
        };
        let made = Guarded::new(self.make(named)?, breaker);
        self.made.insert(named, made.clone());
        Ok(made)
    }

    fn make(&self, named: config::Backend) -> Result<Arc<dyn Backend>, ConfigError> {
        let config::Ai {
            echo,
            openai,
            anthropic,
            connect_timeout,
            ..
        } = &self.ai;
        Ok(match named {
            config::Backend::Echo => Arc::new(Echo::new(EchoConfig {
                tokens_per_second: echo.tokens_per_second,
                first_token_delay: echo.first_token_delay,
            })),
            config::Backend::OpenAi => Arc::new(OpenAi::new(OpenAiConfig {
                base_url: url("openai", openai.base_url.as_str())?,
                api_key: openai.api_key.as_ref().map(secret),
                // Missing only where every tenant names its own.
                model: openai.model.clone().unwrap_or_default(),
                connect_timeout: *connect_timeout,
            })?),
            config::Backend::Anthropic => Arc::new(Anthropic::new(AnthropicConfig {
                base_url: url("anthropic", anthropic.base_url.as_str())?,
                api_key: anthropic.api_key.as_ref().map(secret),
                model: anthropic.model.clone().unwrap_or_default(),
                max_tokens: anthropic.max_tokens,
                connect_timeout: *connect_timeout,
            })?),
        })
    }
}

fn url(backend: &'static str, text: &str) -> Result<Url, ConfigError> {
    Url::parse(text).map_err(|_| ConfigError::BaseUrl { backend })
}

fn secret(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose_secret())
}
