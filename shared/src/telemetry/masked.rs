//! Spans without personal data and secrets: what they are given is masked before
//! they take it, so that no exporter can send it.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Event, Span, SpanBuilder, SpanContext, Status, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};

use super::mask;

/// A tracer whose spans are masked, or one of its spans.
#[derive(Debug)]
pub(super) struct Masked<T>(pub(super) T);

impl<T: Tracer> Tracer for Masked<T> {
    type Span = Masked<T::Span>;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> Self::Span {
        builder.name = words(builder.name);
        builder.attributes = builder.attributes.map(all);
        builder.events = builder.events.map(|events| {
            let events = events.into_iter().map(event);
            events.collect()
        });
        Masked(self.0.build_with_context(builder, parent))
    }
}

impl<S: Span> Span for Masked<S> {
    fn add_event_with_timestamp<N: Into<Cow<'static, str>>>(
        &mut self,
        name: N,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        let name = words(name.into());
        self.0
            .add_event_with_timestamp(name, timestamp, all(attributes));
    }

    fn span_context(&self) -> &SpanContext {
        self.0.span_context()
    }

    fn is_recording(&self) -> bool {
        self.0.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.0.set_attribute(one(attribute));
    }

    fn set_status(&mut self, status: Status) {
        self.0.set_status(match status {
            Status::Error { description } => Status::error(words(description)),
            Status::Unset | Status::Ok => status,
        });
    }

    fn update_name<N: Into<Cow<'static, str>>>(&mut self, name: N) {
        self.0.update_name(words(name.into()));
    }

    fn add_link(&mut self, span: SpanContext, attributes: Vec<KeyValue>) {
        self.0.add_link(span, all(attributes));
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.0.end_with_timestamp(timestamp);
    }
}

fn event(event: Event) -> Event {
    let dropped = event.dropped_attributes_count;
    let (name, attributes) = (words(event.name), all(event.attributes));
    Event::new(name, event.timestamp, attributes, dropped)
}

fn all(attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    attributes.into_iter().map(one).collect()
}

fn one(mut attribute: KeyValue) -> KeyValue {
    if let Some(value) = masked(&attribute.value) {
        attribute.value = value;
    }
    attribute
}

/// What comes in the value's place, if there is something to mask.
fn masked(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => in_text(text.as_str()),
        // A number may be one of a card.
        Value::I64(number) => in_text(&number.to_string()),
        Value::Array(Array::String(texts)) => {
            let texts = texts.iter().map(|text| mask(text.as_str()).into_owned());
            let texts = texts.map(StringValue::from).collect();
            Some(Value::Array(Array::String(texts)))
        }
        Value::Bool(_) | Value::F64(_) | Value::Array(_) => None,
        // Kinds to come.
        _ => None,
    }
}

fn in_text(text: &str) -> Option<Value> {
    match mask(text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked.into()),
    }
}

fn words(words: Cow<'static, str>) -> Cow<'static, str> {
    match mask(&words) {
        Cow::Borrowed(_) => words,
        Cow::Owned(masked) => masked.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanProcessor};
    use tracing_subscriber::layer::SubscriberExt;

    use crate::telemetry::trace_layer;

    /// Takes what an exporter is given.
    #[derive(Debug, Default, Clone)]
    struct Exported(Arc<Mutex<Vec<SpanData>>>);

    impl SpanProcessor for Exported {
        fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &opentelemetry::Context) {}
        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span);
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn no_exporter_is_given_personal_data() {
        let exported = Exported::default();
        let provider = SdkTracerProvider::builder().with_span_processor(exported.clone());
        let provider = provider.build();
        let subscriber = tracing_subscriber::registry().with(trace_layer(&provider));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "question",
                room = "acme:project:p1",
                from = "anna@example.org",
                number = 4_111_111_111_111_111_i64,
                later = tracing::field::Empty,
            );
            let _entered = span.enter();
            span.record("later", "203.0.113.77");
            tracing::error!(
                error = "no such number: +49 30 1234567",
                "failed for anna@example.org"
            );
        });
        let seen = format!("{:?}", exported.0.lock().unwrap());
        for planted in ["anna", "4111111111111111", "113.77", "1234567"] {
            assert!(!seen.contains(planted), "{planted} is in {seen}");
        }
        for told in [
            "[e-mail]",
            "[card]",
            "203.0.113.x",
            "[phone]",
            "acme:project:p1",
        ] {
            assert!(seen.contains(told), "{told} is not in {seen}");
        }
    }
}
