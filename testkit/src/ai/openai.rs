//! OpenAI's chat completions.

use serde_json::{Map, Value, json};

use super::calls::now_ns;
use super::wire::{Asked, Event, Finish, Wire};

/// A reply in OpenAI's format.
pub(super) struct Completions {
    asked: Asked,
}

impl Completions {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked }
    }

    fn base(&self, object: &str) -> Map<String, Value> {
        Map::from_iter([
            (
                "id".into(),
                json!(format!("chatcmpl-fake{}", self.asked.number)),
            ),
            ("object".into(), json!(object)),
            ("created".into(), json!(now_ns() / 1_000_000_000)),
            ("model".into(), json!(format!("{}-fake", self.asked.model))),
        ])
    }

    fn chunk(&self, choices: Value, usage: Value) -> Event {
        let mut chunk = self.base("chat.completion.chunk");
        chunk.insert("choices".into(), choices);
        if self.asked.include_usage && !self.asked.quirks {
            chunk.insert("usage".into(), usage);
        }
        Event::bare(Value::Object(chunk))
    }

    fn choice(&self, delta: Value, finish: Option<Finish>) -> Event {
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason(finish),
        });
        self.chunk(json!([choice]), Value::Null)
    }

    fn usage(&self, tokens: usize) -> Value {
        json!({
            "prompt_tokens": self.asked.prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self.asked.prompt_tokens + tokens,
        })
    }
}

impl Wire for Completions {
    fn opening(&self) -> Vec<Event> {
        if self.asked.quirks {
            return vec![self.chunk(json!([]), Value::Null)];
        }
        let delta = json!({"role": "assistant", "content": "", "refusal": null});
        vec![self.choice(delta, None)]
    }

    fn thought(&self) -> Vec<Event> {
        vec![self.choice(json!({"reasoning_content": "Hm. "}), None)]
    }

    fn thought_over(&self) -> Vec<Event> {
        Vec::new()
    }

    fn delta(&self, text: &str) -> Vec<Event> {
        vec![self.choice(json!({"content": text}), None)]
    }

    fn closing(&self, tokens: usize, finish: Finish) -> Vec<Event> {
        if self.asked.quirks {
            let last = self.choice(json!({"content": " Bye."}), Some(finish));
            return vec![last, Event::bare("[DONE]")];
        }
        let mut events = vec![self.choice(json!({}), Some(finish))];
        if self.asked.include_usage {
            events.push(self.chunk(json!([]), self.usage(tokens)));
        }
        events.push(Event::bare("[DONE]"));
        events
    }

    fn overloaded(&self) -> Event {
        Event::bare(error(503, "The engine is currently overloaded."))
    }

    fn whole(&self, text: &str, tokens: usize, finish: Finish) -> Value {
        let mut completion = self.base("chat.completion");
        let choice = json!({
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null,
            "finish_reason": reason(Some(finish)),
        });
        completion.insert("choices".into(), json!([choice]));
        completion.insert("usage".into(), self.usage(tokens));
        Value::Object(completion)
    }
}

fn reason(finish: Option<Finish>) -> Value {
    match finish {
        Some(Finish::Stop) => json!("stop"),
        Some(Finish::Length) => json!("length"),
        None => Value::Null,
    }
}

/// The body of an error.
pub(super) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
