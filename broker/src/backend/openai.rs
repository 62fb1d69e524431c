//! Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp.
//!
//! They differ in what they leave out: usage, the role, an API key, `[DONE]`, the choices of the
//! last event. A reply is whole when `[DONE]` or a `finish_reason` has come.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::http::{ConfigError, Dialect, Endpoint, error_code, kind_of_status};
use super::{Backend, BackendError, Chunk, ChunkStream, Done, ErrorKind, Finish, Prompt, Usage};

const NAME: &str = "openai";

/// Settings of [`OpenAi`].
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// Where the API is: `https://api.openai.com/v1`, `http://localhost:11434`. A path is taken
    /// as it is; without one `/v1` is added.
    pub base_url: Url,
    /// Sent as a bearer token; servers of one's own mostly need none.
    pub api_key: Option<SecretString>,
    /// The model, by the server's name for it.
    pub model: String,
    /// The longest time for DNS, TCP and TLS.
    pub connect_timeout: Duration,
}

/// An OpenAI-compatible server.
#[derive(Clone, Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
    model: String,
}

impl OpenAi {
    /// Checks the settings; connects to nothing yet.
    pub fn new(config: OpenAiConfig) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::new(
            NAME,
            &config.base_url,
            "chat/completions",
            config.connect_timeout,
        )?
        .with_key("authorization", "Bearer ", config.api_key.as_ref())?;
        Ok(Self {
            endpoint,
            model: config.model,
        })
    }
}

impl Backend for OpenAi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn model<'a>(&'a self, prompt: &'a Prompt) -> &'a str {
        prompt.model.as_deref().unwrap_or(&self.model)
    }

    fn place(&self) -> Option<&str> {
        Some(self.endpoint.place())
    }

    fn ask(&self, prompt: Prompt) -> ChunkStream {
        let model = self.model(&prompt);
        // OpenAI's newer models refuse the old name; other servers know only that one.
        let new_name = self.endpoint.host() == "api.openai.com";
        let request = Request {
            model,
            messages: messages(&prompt),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
            temperature: prompt.temperature,
            max_tokens: prompt.max_tokens.filter(|_| !new_name),
            max_completion_tokens: prompt.max_tokens.filter(|_| new_name),
        };
        self.endpoint
            .stream(&prompt, &request, Completion::new(model))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

fn messages(prompt: &Prompt) -> Vec<Message<'_>> {
    let system = prompt.system.iter().map(|content| Message {
        role: "system",
        content,
    });
    let turns = prompt.turns.iter().map(|turn| Message {
        role: turn.role.as_str(),
        content: &turn.text,
    });
    system.chain(turns).collect()
}

/// An event of the stream. All is optional, and what is `null` counts as left out.
#[derive(Deserialize)]
struct Event {
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<EventUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    /// What a model thinks, at llama.cpp and vLLM; newer vLLM and Ollama call it `reasoning`.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

impl Delta {
    fn chunk(self) -> Option<Chunk> {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let text = said(self.content).or(said(self.refusal)).map(Chunk::Text);
        let thought = said(self.reasoning_content).or(said(self.reasoning));
        text.or(thought.map(|_| Chunk::Thinking))
    }
}

#[derive(Deserialize)]
struct EventUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// A reply as far as it has come in.
struct Completion {
    model: String,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl Completion {
    fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            usage: None,
            finish: None,
        }
    }

    fn done(&self, finish: Finish) -> Done {
        Done {
            finish,
            usage: self.usage,
            model: self.model.clone(),
        }
    }

    fn on_usage(&mut self, usage: &EventUsage) {
        if let (Some(prompt_tokens), Some(completion_tokens)) =
            (usage.prompt_tokens, usage.completion_tokens)
        {
            self.usage = Some(Usage {
                prompt_tokens,
                completion_tokens,
            });
        }
    }
}

impl Dialect for Completion {
    fn on_event(&mut self, data: &str) -> Result<Option<Chunk>, BackendError> {
        let data = data.trim();
        if data.is_empty() {
            return Ok(None);
        }
        if data == "[DONE]" {
            return Ok(Some(Chunk::Done(
                self.done(self.finish.unwrap_or(Finish::Stop)),
            )));
        }
        let event: Event = serde_json::from_str(data).map_err(|_| {
            BackendError::new(
                ErrorKind::Malformed,
                NAME,
                "an event that is no completion chunk",
            )
        })?;
        if let Some(error) = event.error {
            return Err(error_in_stream(&error));
        }
        if let Some(model) = event.model.filter(|model| !model.is_empty()) {
            self.model = model;
        }
        if let Some(usage) = &event.usage {
            self.on_usage(usage);
        }
        // One answer is asked for, so there is one choice, or none.
        let Some(choice) = event.choices.into_iter().flatten().next() else {
            return Ok(None);
        };
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(if reason == "length" {
                Finish::Length
            } else {
                Finish::Stop
            });
        }
        Ok(choice.delta.and_then(Delta::chunk))
    }

    fn whole(&self) -> Option<Done> {
        self.finish.map(|finish| self.done(finish))
    }
}

/// vLLM gives a status as the code; OpenAI gives names.
fn error_in_stream(error: &Value) -> BackendError {
    let code = error_code(error);
    let status = code.as_deref().and_then(|code| code.parse::<u16>().ok());
    let kind = match (status, code.as_deref()) {
        (Some(status), _) => kind_of_status(status, None),
        (None, Some("invalid_request_error" | "context_length_exceeded")) => ErrorKind::BadRequest,
        (None, Some("invalid_api_key" | "authentication_error")) => ErrorKind::Unauthorized,
        (None, Some("rate_limit_exceeded" | "rate_limit_error")) => {
            ErrorKind::RateLimited { retry_after: None }
        }
        (None, Some(_) | None) => ErrorKind::Overloaded { retry_after: None },
    };
    BackendError::new(
        kind,
        NAME,
        code.unwrap_or_else(|| "an error in the stream".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Role, Turn};

    #[test]
    fn names_the_error_in_a_stream() {
        let kind = |json: &str| {
            let data = format!(r#"{{"error":{json}}}"#);
            Completion::new("m").on_event(&data).unwrap_err().kind
        };
        assert_eq!(kind(r#"{"message":"x","code":400}"#), ErrorKind::BadRequest);
        assert_eq!(
            kind(r#"{"code":"invalid_api_key"}"#),
            ErrorKind::Unauthorized
        );
        assert_eq!(
            kind(r#"{"code":null,"type":"server_error"}"#),
            ErrorKind::Overloaded { retry_after: None }
        );
        assert_eq!(
            kind(r#""just words""#),
            ErrorKind::Overloaded { retry_after: None }
        );
    }

    #[test]
    fn sends_only_what_is_asked_for() {
        let mut prompt = Prompt::question("m1", "hi");
        prompt.system = Some("Be kind.".into());
        prompt.turns.insert(0, Turn::new(Role::Assistant, "before"));
        let sent: Vec<_> = messages(&prompt)
            .iter()
            .map(|m| (m.role, m.content))
            .collect();
        assert_eq!(
            sent,
            [
                ("system", "Be kind."),
                ("assistant", "before"),
                ("user", "hi")
            ]
        );
    }
}
