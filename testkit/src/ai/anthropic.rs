//! Anthropic's Messages.

use http::HeaderMap;
use serde_json::{Value, json};

use super::wire::{Asked, Event, Finish, Refused, Wire, text_of};

/// Their stream of text is the same.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// A reply in Anthropic's format.
pub(super) struct Messages {
    asked: Asked,
}

impl Messages {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked }
    }

    /// The number of the block that holds the text.
    fn text_block(&self) -> usize {
        usize::from(self.asked.thinks)
    }

    fn message(&self, content: Value, stop_reason: Value, output_tokens: usize) -> Value {
        json!({
            "id": format!("msg_fake{}", self.asked.number),
            "type": "message",
            "role": "assistant",
            "model": format!("{}-fake", self.asked.model),
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": null,
            "usage": {
                "input_tokens": self.asked.prompt_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": output_tokens,
            },
        })
    }
}

impl Wire for Messages {
    fn opening(&self) -> Vec<Event> {
        let message = self.message(json!([]), Value::Null, 1);
        let start = json!({"type": "message_start", "message": message});
        let block = if self.asked.thinks {
            block_start(
                0,
                &json!({"type": "thinking", "thinking": "", "signature": ""}),
            )
        } else {
            text_start(0)
        };
        vec![
            Event::named("message_start", &start),
            block,
            Event::named("ping", &json!({"type": "ping"})),
        ]
    }

    fn thought(&self) -> Vec<Event> {
        let thinking = json!({"type": "thinking_delta", "thinking": "Hm. "});
        vec![block_delta(0, &thinking)]
    }

    fn thought_over(&self) -> Vec<Event> {
        if !self.asked.thinks {
            return Vec::new();
        }
        let signature = json!({"type": "signature_delta", "signature": "ZmFrZQ=="});
        vec![block_delta(0, &signature), block_stop(0), text_start(1)]
    }

    fn delta(&self, text: &str) -> Vec<Event> {
        let delta = json!({"type": "text_delta", "text": text});
        vec![block_delta(self.text_block(), &delta)]
    }

    fn closing(&self, tokens: usize, finish: Finish) -> Vec<Event> {
        let delta = json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason(finish), "stop_sequence": null},
            "usage": {"output_tokens": tokens},
        });
        let stop = json!({"type": "message_stop"});
        vec![
            block_stop(self.text_block()),
            Event::named("message_delta", &delta),
            Event::named("message_stop", &stop),
        ]
    }

    fn overloaded(&self) -> Event {
        Event::named("error", &error(529, "Overloaded"))
    }

    fn whole(&self, text: &str, tokens: usize, finish: Finish) -> Value {
        let content = json!([{"type": "text", "text": text}]);
        self.message(content, json!(reason(finish)), tokens)
    }
}

fn block_start(index: usize, block: &Value) -> Event {
    let start = json!({"type": "content_block_start", "index": index, "content_block": block});
    Event::named("content_block_start", &start)
}

fn text_start(index: usize) -> Event {
    block_start(index, &json!({"type": "text", "text": ""}))
}

fn block_delta(index: usize, delta: &Value) -> Event {
    let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
    Event::named("content_block_delta", &delta)
}

fn block_stop(index: usize) -> Event {
    let stop = json!({"type": "content_block_stop", "index": index});
    Event::named("content_block_stop", &stop)
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
    }
}

/// The body of an error.
pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

/// What Anthropic requires beyond what both formats do.
pub(super) fn check(headers: &HeaderMap, body: &Value) -> Result<(), Refused> {
    let bad = |message: &str| Err((400, message.to_owned()));
    let version = headers.get("anthropic-version");
    if !version.is_some_and(|version| VERSIONS.iter().any(|known| version == known)) {
        return bad("anthropic-version: header is required, with a valid version");
    }
    if body
        .get("max_tokens")
        .and_then(Value::as_u64)
        .is_none_or(|tokens| tokens == 0)
    {
        return bad("max_tokens: at least 1 is required");
    }
    let messages = body.get("messages").and_then(Value::as_array);
    for (index, message) in messages.into_iter().flatten().enumerate() {
        let expected = if index % 2 == 0 { "user" } else { "assistant" };
        if message.get("role").and_then(Value::as_str) != Some(expected) {
            return bad("messages: roles must alternate, and the first be \"user\"");
        }
        if message
            .get("content")
            .map(text_of)
            .is_none_or(|text| text.trim().is_empty())
        {
            return bad("messages: text content must not be empty");
        }
    }
    Ok(())
}
