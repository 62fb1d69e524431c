//! Anthropic's Messages.
//!
//! A reply is whole when `message_stop` has come. Only text is the reply: thinking is no more than
//! a sign of life, and tool use is passed over.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::http::{ConfigError, Dialect, Endpoint, error_code};
use super::{
    Backend, BackendError, Chunk, ChunkStream, Done, ErrorKind, Finish, Prompt, Role, Usage,
};

const NAME: &str = "anthropic";

/// The version of the API that is spoken.
const VERSION: &str = "2023-06-01";

/// Settings of [`Anthropic`].
#[derive(Clone, Debug)]
pub struct AnthropicConfig {
    /// Where the API is: `https://api.anthropic.com`. A path is taken as it is; without one
    /// `/v1` is added.
    pub base_url: Url,
    /// Sent as `x-api-key`.
    pub api_key: Option<SecretString>,
    /// The model, by Anthropic's name for it.
    pub model: String,
    /// The longest reply in tokens, where the prompt does not say; the API requires one.
    pub max_tokens: u32,
    /// The longest time for DNS, TCP and TLS.
    pub connect_timeout: Duration,
}

/// Anthropic, or a server that speaks its Messages.
#[derive(Clone, Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
    model: String,
    max_tokens: u32,
}

impl Anthropic {
    /// Checks the settings; connects to nothing yet.
    pub fn new(config: AnthropicConfig) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::new(NAME, &config.base_url, "messages", config.connect_timeout)?
            .with_header("anthropic-version", VERSION)
            .with_key("x-api-key", "", config.api_key.as_ref())?;
        Ok(Self {
            endpoint,
            model: config.model,
            max_tokens: config.max_tokens,
        })
    }
}

impl Backend for Anthropic {
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
        let request = Request {
            model,
            system: prompt.system.as_deref(),
            messages: messages(&prompt),
            max_tokens: prompt.max_tokens.unwrap_or(self.max_tokens),
            temperature: prompt.temperature,
            stream: true,
        };
        self.endpoint.stream(&prompt, &request, Message::new(model))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<Said>,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct Said {
    role: &'static str,
    content: String,
}

/// The conversation as the API wants it: the user begins, roles take turns, nothing is empty.
///
/// So turns of one role in a row (a question whose reply failed, and the next one) become one,
/// and replies whose question fell out of the context go. The question itself always stays: where
/// it is blank the API refuses it, and does not answer an earlier one again.
fn messages(prompt: &Prompt) -> Vec<Said> {
    let Some((question, earlier)) = prompt.turns.split_last() else {
        return Vec::new();
    };
    let spoken = earlier
        .iter()
        .filter(|turn| !turn.text.trim().is_empty())
        .skip_while(|turn| turn.role == Role::Assistant);
    let mut messages: Vec<Said> = Vec::new();
    for turn in spoken.chain([question]) {
        let role = turn.role.as_str();
        match messages.last_mut() {
            Some(last) if last.role == role => {
                last.content.push_str("\n\n");
                last.content.push_str(&turn.text);
            }
            Some(_) | None => messages.push(Said {
                role,
                content: turn.text.clone(),
            }),
        }
    }
    messages
}

/// An event of the stream, named by its `type`. New types may come at any time.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: BlockDelta,
    },
    MessageDelta {
        delta: MessageDelta,
        usage: Option<EventUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    model: Option<String>,
    usage: Option<EventUsage>,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

#[derive(Deserialize)]
struct BlockDelta {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

/// Each event has some of these; the last count of each holds.
#[derive(Deserialize)]
struct EventUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// A reply as far as it has come in.
struct Message {
    model: String,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    finish: Finish,
}

impl Message {
    fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            prompt_tokens: None,
            completion_tokens: None,
            finish: Finish::Stop,
        }
    }

    fn on_usage(&mut self, usage: EventUsage) {
        // Without caches; what came from a cache was part of the prompt too.
        if let Some(uncached) = usage.input_tokens {
            let cached = [
                usage.cache_creation_input_tokens,
                usage.cache_read_input_tokens,
            ];
            self.prompt_tokens = Some(uncached + cached.into_iter().flatten().sum::<u64>());
        }
        self.completion_tokens = usage.output_tokens.or(self.completion_tokens);
    }

    fn done(&self) -> Done {
        let usage = self.prompt_tokens.zip(self.completion_tokens).map(
            |(prompt_tokens, completion_tokens)| Usage {
                prompt_tokens,
                completion_tokens,
            },
        );
        Done {
            finish: self.finish,
            usage,
            model: self.model.clone(),
        }
    }
}

impl Dialect for Message {
    fn on_event(&mut self, data: &str) -> Result<Option<Chunk>, BackendError> {
        let event: Event = serde_json::from_str(data).map_err(|_| {
            BackendError::new(
                ErrorKind::Malformed,
                NAME,
                "an event that is none of Messages'",
            )
        })?;
        let text = match event {
            Event::MessageStart { message } => {
                self.model = message
                    .model
                    .unwrap_or_else(|| std::mem::take(&mut self.model));
                message
                    .usage
                    .into_iter()
                    .for_each(|usage| self.on_usage(usage));
                None
            }
            Event::ContentBlockStart { content_block } => content_block.text,
            Event::ContentBlockDelta { delta } if delta.kind == "thinking_delta" => {
                return Ok(Some(Chunk::Thinking));
            }
            Event::ContentBlockDelta { delta } => delta.text.filter(|_| delta.kind == "text_delta"),
            Event::MessageDelta { delta, usage } => {
                usage.into_iter().for_each(|usage| self.on_usage(usage));
                if let Some(reason) = delta.stop_reason {
                    self.finish = finish_of(&reason);
                }
                None
            }
            Event::MessageStop => return Ok(Some(Chunk::Done(self.done()))),
            Event::Error { error } => return Err(error_in_stream(&error)),
            Event::Other => None,
        };
        Ok(text.filter(|text| !text.is_empty()).map(Chunk::Text))
    }

    fn whole(&self) -> Option<Done> {
        None
    }
}

fn finish_of(stop_reason: &str) -> Finish {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        _ => Finish::Stop,
    }
}

fn error_in_stream(error: &Value) -> BackendError {
    let code = error_code(error);
    let kind = match code.as_deref() {
        Some("authentication_error" | "permission_error") => ErrorKind::Unauthorized,
        Some("rate_limit_error") => ErrorKind::RateLimited { retry_after: None },
        Some("invalid_request_error" | "not_found_error" | "request_too_large") => {
            ErrorKind::BadRequest
        }
        Some(_) | None => ErrorKind::Overloaded { retry_after: None },
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
    use crate::backend::Turn;

    #[test]
    fn roles_take_turns_and_the_user_begins() {
        let mut prompt = Prompt::question("m1", "and now?");
        let turns = [
            (Role::Assistant, "lost its question"),
            (Role::User, "one"),
            (Role::User, "two"),
            (Role::Assistant, " "),
            (Role::User, "three"),
            (Role::Assistant, "reply"),
        ];
        prompt
            .turns
            .splice(0..0, turns.map(|(role, text)| Turn::new(role, text)));
        let sent: Vec<_> = messages(&prompt)
            .into_iter()
            .map(|said| (said.role, said.content))
            .collect();
        assert_eq!(
            sent,
            [
                ("user", "one\n\ntwo\n\nthree".to_owned()),
                ("assistant", "reply".to_owned()),
                ("user", "and now?".to_owned())
            ]
        );
    }

    #[test]
    fn passes_over_what_is_new() {
        let mut message = Message::new("m");
        for data in [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"something_new","text":"x"}"#,
            r#"{"type":"ping"}"#,
        ] {
            assert_eq!(message.on_event(data).unwrap(), None, "{data}");
        }
        assert_eq!(message.whole(), None);
    }

    #[test]
    fn counts_what_came_from_the_cache() {
        let mut message = Message::new("m");
        let start = r#"{"type":"message_start","message":{"model":"m-1","usage":
            {"input_tokens":3,"cache_read_input_tokens":40,"output_tokens":1}}}"#;
        message.on_event(start).unwrap();
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},
            "usage":{"output_tokens":9}}"#;
        message.on_event(delta).unwrap();
        let done = message.on_event(r#"{"type":"message_stop"}"#).unwrap();
        let usage = Usage {
            prompt_tokens: 43,
            completion_tokens: 9,
        };
        let expected = Done {
            finish: Finish::Length,
            usage: Some(usage),
            model: "m-1".to_owned(),
        };
        assert_eq!(done, Some(Chunk::Done(expected)));
    }

    #[test]
    fn names_the_error_in_a_stream() {
        let kind = |code: &str| {
            let data = format!(r#"{{"type":"error","error":{{"type":"{code}","message":"x"}}}}"#);
            Message::new("m").on_event(&data).unwrap_err().kind
        };
        assert_eq!(
            kind("overloaded_error"),
            ErrorKind::Overloaded { retry_after: None }
        );
        assert_eq!(
            kind("rate_limit_error"),
            ErrorKind::RateLimited { retry_after: None }
        );
        assert_eq!(kind("authentication_error"), ErrorKind::Unauthorized);
        assert_eq!(kind("invalid_request_error"), ErrorKind::BadRequest);
    }
}
