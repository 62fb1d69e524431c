//! What a provider's format must be able to say.

use serde_json::Value;

use super::Provider;
use super::anthropic::Messages;
use super::openai::Completions;

/// One reply in a provider's format.
pub(super) trait Wire: Send {
    /// The events before the first text.
    fn opening(&self) -> Vec<Event>;
    /// The events by which a model that thinks does so once more.
    fn thought(&self) -> Vec<Event>;
    /// The events between its thoughts and its first text.
    fn thought_over(&self) -> Vec<Event>;
    /// The events that add `text`.
    fn delta(&self, text: &str) -> Vec<Event>;
    /// The events that end a reply of so many tokens.
    fn closing(&self, tokens: usize, finish: Finish) -> Vec<Event>;
    /// The event that says that the server is overloaded.
    fn overloaded(&self) -> Event;
    /// The whole reply, for a client that wants no stream.
    fn whole(&self, text: &str, tokens: usize, finish: Finish) -> Value;
}

/// One server-sent event.
pub(super) struct Event {
    pub(super) name: Option<&'static str>,
    pub(super) data: String,
}

/// Why a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
}

/// What a request asks for, as far as the server cares.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) max_tokens: Option<usize>,
    /// What the user said last.
    pub(super) question: String,
    /// The header `x-causerie-call`, empty where there is none.
    pub(super) call: String,
    /// Words of all messages and the system prompt.
    pub(super) prompt_tokens: usize,
    /// See [`Plot::Quirks`](super::Plot::Quirks).
    pub(super) quirks: bool,
    /// See [`Plot::Thinking`](super::Plot::Thinking).
    pub(super) thinks: bool,
}

impl Provider {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "/v1/chat/completions",
            Self::Anthropic => "/v1/messages",
        }
    }

    pub(super) fn wire(self, asked: Asked) -> Box<dyn Wire> {
        match self {
            Self::OpenAi => Box::new(Completions::new(asked)),
            Self::Anthropic => Box::new(Messages::new(asked)),
        }
    }

    /// The error of a status, as the provider words it.
    pub(super) fn refusal(self, status: u16, message: &str) -> Value {
        match self {
            Self::OpenAi => super::openai::error(status, message),
            Self::Anthropic => super::anthropic::error(status, message),
        }
    }
}

impl Event {
    /// An event named like the `type` of its data.
    pub(super) fn named(name: &'static str, data: &Value) -> Self {
        Self {
            name: Some(name),
            data: data.to_string(),
        }
    }

    /// An event without a name.
    pub(super) fn bare(data: impl ToString) -> Self {
        Self {
            name: None,
            data: data.to_string(),
        }
    }

    /// The event as it is written.
    pub(super) fn text(&self, quirks: bool) -> String {
        let (line, space, comment) = if quirks {
            ("\r\n", "", ": keep-alive\r\n\r\n")
        } else {
            ("\n", " ", "")
        };
        let name = self
            .name
            .map_or_else(String::new, |name| format!("event:{space}{name}{line}"));
        format!("{comment}{name}data:{space}{}{line}{line}", self.data)
    }
}

/// The words of a message's content, which is a text or a list of parts.
pub(super) fn text_of(content: &Value) -> String {
    let part = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(part).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// What is wrong with a request, in the words of a provider.
pub(super) type Refused = (u16, String);

/// Reads the parts of a request that both formats share.
pub(super) fn asked(body: &Value, number: u64) -> Result<Asked, Refused> {
    let bad = |message: &str| (400, message.to_owned());
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let model = text("model").ok_or_else(|| bad("model: required"))?;
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .filter(|messages| !messages.is_empty())
        .ok_or_else(|| bad("messages: a list of at least one is required"))?;

    let mut question = String::new();
    let mut prompt_tokens = body
        .get("system")
        .map_or(0, |system| count(&text_of(system)));
    for message in messages {
        let role = message.get("role").and_then(Value::as_str);
        let content = message.get("content").map(text_of).unwrap_or_default();
        if !matches!(role, Some("system" | "developer" | "user" | "assistant")) {
            return Err(bad("messages: unknown role"));
        }
        prompt_tokens += count(&content);
        if role == Some("user") {
            question = content;
        }
    }
    let number_of = |key: &str| body.get(key).and_then(Value::as_u64);
    Ok(Asked {
        number,
        model: model.to_owned(),
        stream: body.get("stream").and_then(Value::as_bool) == Some(true),
        include_usage: body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)),
        max_tokens: number_of("max_completion_tokens")
            .or_else(|| number_of("max_tokens"))
            .map(|tokens| tokens as usize),
        question,
        call: String::new(),
        prompt_tokens,
        quirks: false,
        thinks: false,
    })
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}
