//! A model call in a trace, told as OpenTelemetry's conventions for generative AI have it.

use std::time::Duration;

use causerie_shared::telemetry::{set_list, traceparent};
use tracing::{Span, field};

use super::{Backend, BackendError, Done, Finish, Prompt};

/// One try to have a model answer; it ends when this is dropped.
#[derive(Clone)]
pub(super) struct ModelSpan(Span);

impl ModelSpan {
    /// Of a call that begins now, within `reply`.
    pub(super) fn begin(reply: &Span, backend: &dyn Backend, prompt: &Prompt) -> Self {
        let model = backend.model(prompt);
        let (host, port) = backend.place().map(host_and_port).unwrap_or_default();
        Self(tracing::info_span!(
            parent: reply,
            "chat",
            otel.name = format!("chat {model}"),
            otel.kind = "client",
            otel.status_code = field::Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = backend.name(),
            gen_ai.request.model = model,
            gen_ai.request.max_tokens = prompt.max_tokens,
            gen_ai.request.temperature = prompt.temperature.map(f64::from),
            gen_ai.response.model = field::Empty,
            gen_ai.usage.input_tokens = field::Empty,
            gen_ai.usage.output_tokens = field::Empty,
            server.address = host,
            server.port = port,
            error.r#type = field::Empty,
            causerie.call = %prompt.call,
            causerie.first_text_ms = field::Empty,
        ))
    }

    /// For the header of the request, so that a server which traces goes on from here.
    pub(super) fn traceparent(&self) -> Option<String> {
        traceparent(&self.0)
    }

    pub(super) fn first_text(&self, after: Duration) {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.0.record("causerie.first_text_ms", ms);
    }

    pub(super) fn done(&self, done: &Done) {
        self.0.record("gen_ai.response.model", &done.model);
        if let Some(usage) = done.usage {
            let (input, output) = (usage.prompt_tokens, usage.completion_tokens);
            self.0.record("gen_ai.usage.input_tokens", input);
            self.0.record("gen_ai.usage.output_tokens", output);
        }
        let reason = match done.finish {
            Finish::Stop => "stop",
            Finish::Length => "length",
        };
        set_list(&self.0, "gen_ai.response.finish_reasons", &[reason]);
    }

    pub(super) fn failed(&self, error: &BackendError) {
        self.0.record("otel.status_code", "ERROR");
        self.0.record("error.type", error.kind.as_str());
    }
}

fn host_and_port(place: &str) -> (Option<&str>, Option<u64>) {
    match place.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (Some(host), port.parse().ok()),
        Some(_) | None => (Some(place), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_may_have_a_port() {
        assert_eq!(host_and_port("ai.example"), (Some("ai.example"), None));
        assert_eq!(host_and_port("[::1]:80"), (Some("[::1]"), Some(80)));
        assert_eq!(host_and_port("[::1]"), (Some("[::1]"), None));
    }
}
