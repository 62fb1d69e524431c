//! One JSON object a line, with the trace that it belongs to.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `tracing`'s JSON, plus `node`, `trace_id` and `span_id`.
pub(super) struct JsonLines {
    json: Format<Json>,
    /// The node's name, quoted.
    node: String,
}

impl JsonLines {
    pub(super) fn new(node: &str) -> Self {
        Self {
            json: Format::default()
                .json()
                .flatten_event(true)
                .with_span_list(false),
            node: serde_json::Value::from(node).to_string(),
        }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(512);
        self.json
            .format_event(context, Writer::new(&mut line), event)?;
        // An object ends with its brace and the end of the line.
        let open = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
        write!(out, "{open},\"node\":{}", self.node)?;
        // The trace layer keeps the current context in step with the current span.
        let trace = Context::current();
        let span = trace.span();
        let span = span.span_context();
        if span.is_valid() {
            let (trace, span) = (span.trace_id(), span.span_id());
            write!(out, ",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"")?;
        }
        writeln!(out, "}}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use crate::telemetry::{continue_trace, tests::subscriber};

    #[test]
    fn a_json_line_says_which_trace_it_belongs_to() {
        let out = Arc::new(Mutex::new(Vec::new()));
        let (subscriber, _provider) = subscriber("info", out.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(room = "a \"b\"", "outside");
            let span = tracing::info_span!("question", message_id = "1f-1");
            continue_trace(
                &span,
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            );
            let _entered = span.enter();
            tracing::info!("inside");
        });
        let text = String::from_utf8(out.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [outside, inside] = lines.as_slice() else {
            panic!("{text}");
        };
        assert_eq!(outside["message"], "outside");
        assert_eq!(outside["room"], "a \"b\"");
        assert_eq!(outside["node"], "gw \"1\"");
        assert_eq!(outside.get("trace_id"), None);
        assert_eq!(inside["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(inside["span"]["message_id"], "1f-1");
        assert_ne!(inside["span_id"], "00f067aa0ba902b7", "a span of its own");
    }
}
