//! The W3C trace context: how a trace goes from one process to the next.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// Makes `span` a part of the trace that `traceparent` names. Call it before the
/// span is entered. What is no trace context is ignored: it comes from clients.
pub fn continue_trace(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(HEADER.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    if context.span().span_context().is_valid() {
        // Fails only where nobody listens to this span.
        let _ = span.set_parent(context);
    }
}

/// What to send along, so that the next process can go on with the trace of
/// `span`; `None` where nobody listens to it.
pub fn traceparent(span: &Span) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(HEADER)
}

/// The same, where this trace is sent to a collector or somebody wants that; for what is stored
/// with each record, so that the others cost nothing.
pub fn sent_traceparent(span: &Span) -> Option<Box<str>> {
    let is_sent = span.context().span().span_context().is_sampled();
    is_sent.then(|| traceparent(span)).flatten().map(Into::into)
}

/// Gives `span` an attribute that lines of the log do not have.
pub fn set(span: &Span, name: &'static str, value: impl Into<Value>) {
    span.set_attribute(name, value);
}

/// The same with one that is a list, which `tracing` has no fields for.
pub fn set_list(span: &Span, name: &'static str, values: &[&'static str]) {
    let values = values.iter().map(|value| StringValue::from(*value));
    span.set_attribute(name, Value::Array(Array::String(values.collect())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::subscriber;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn pass_on(given: &str, level: &str) -> Option<String> {
        let (subscriber, _provider) = subscriber(level, Default::default());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("question");
            continue_trace(&span, given);
            traceparent(&span)
        })
    }

    #[test]
    fn a_trace_goes_on_through_a_chain_of_processes() {
        let given = format!("00-{TRACE}-00f067aa0ba902b7-01");
        // A quiet log does not cut it.
        let first = pass_on(&given, "error").unwrap();
        let second = pass_on(&first, "info").unwrap();
        for passed in [&first, &second] {
            assert!(passed.starts_with(&format!("00-{TRACE}-")), "{passed}");
        }
        assert_ne!(first, given, "each has a span of its own");
        assert_ne!(first, second);
    }

    #[test]
    fn nonsense_begins_a_new_trace() {
        for given in ["", "00-x-y-01", "00-0-0-00", &"0".repeat(1000)] {
            let passed = pass_on(given, "info").unwrap();
            assert!(passed.len() == 55 && !passed.contains(TRACE), "{passed}");
        }
    }

    #[test]
    fn without_a_listener_there_is_nothing_to_pass_on() {
        assert_eq!(traceparent(&Span::none()), None);
    }
}
