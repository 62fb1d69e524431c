//! Sending spans to a collector, by OTLP: HTTP and protobuf.
//!
//! Nobody waits for it: a thread of its own sends what has gathered, and what is more than
//! may wait is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};

use super::TelemetryError;
use super::sampling::Sampling;
use crate::config::Settings;

/// Where collectors take traces.
const PATH: &str = "/v1/traces";
/// How many spans may wait; each has a KiB or so.
const MOST_WAITING: usize = 4_096;
/// How many go with one request.
const AT_ONCE: usize = 512;
/// How long spans gather.
const EVERY: Duration = Duration::from_secs(1);
/// How long a collector may take for a request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the process waits for what has gathered.
const LAST: Duration = Duration::from_secs(2);
/// From one line in the log to the next.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What makes spans, and sends them where the settings say so.
pub(super) fn provider(
    settings: &Settings,
    program: &'static str,
) -> Result<SdkTracerProvider, TelemetryError> {
    let telemetry = &settings.telemetry;
    let Some(collector) = &telemetry.otlp_endpoint else {
        let sampling = Sampling { share: None };
        return Ok(SdkTracerProvider::builder().with_sampler(sampling).build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(traces_at(collector.as_str()))
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|error| TelemetryError::NoExporter(error.to_string()))?;
    let resource = Resource::builder_empty()
        .with_service_name(program)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            settings.node.name.clone(),
        ))
        .build();
    let sampling = Sampling {
        share: Some(telemetry.traces_sampled),
    };
    Ok(SdkTracerProvider::builder()
        .with_sampler(sampling)
        .with_resource(resource)
        .with_span_processor(Bounded::new(exporter))
        .build())
}

/// Sends what has gathered, and nothing more after that.
pub(super) fn end(provider: &SdkTracerProvider) {
    // A collector that is away is told of each minute, not at the end.
    let _ = provider.shutdown_with_timeout(LAST);
}

fn traces_at(address: &str) -> String {
    let (_, after) = address.split_once("://").unwrap_or_default();
    if after.contains('/') {
        address.to_owned()
    } else {
        format!("{address}{PATH}")
    }
}

/// Lets no more spans wait than may.
#[derive(Debug)]
struct Bounded {
    waiting: Arc<AtomicUsize>,
    dropped: Spans,
    inner: BatchSpanProcessor,
}

impl Bounded {
    fn new(exporter: impl SpanExporter + 'static) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MOST_WAITING)
            .with_max_export_batch_size(AT_ONCE)
            .with_scheduled_delay(EVERY)
            .build();
        let exporter = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            sent: Spans::that_are("sent"),
            failed: Spans::that_are("failed"),
            told: Mutex::default(),
        };
        Self {
            waiting,
            dropped: Spans::that_are("dropped"),
            inner: BatchSpanProcessor::builder(exporter)
                .with_batch_config(batches)
                .build(),
        }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            self.inner.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.count(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what becomes of spans.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    sent: Spans,
    failed: Spans,
    told: Mutex<Option<Instant>>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        match &sent {
            Ok(()) => self.sent.count(spans),
            Err(error) => {
                self.failed.count(spans);
                if self.is_to_be_told() {
                    tracing::warn!(
                        %error,
                        "spans cannot be sent: see telemetry.otlp_endpoint \
                         (TELEMETRY_OTLP_ENDPOINT)"
                    );
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E> Counted<E> {
    fn is_to_be_told(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|at| at.elapsed() >= TOLD_EVERY);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

/// Of which so much became.
struct Spans(Counter);

impl Spans {
    fn that_are(result: &'static str) -> Self {
        let spans = counter!("causerie_trace_spans_total", "result" => result);
        spans.increment(0);
        Self(spans)
    }

    fn count(&self, spans: usize) {
        self.0.increment(spans as u64);
    }
}

impl std::fmt::Debug for Spans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spans")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_without_a_path_takes_traces_at_the_usual_one() {
        for (given, asked) in [
            ("http://otel:4318", "http://otel:4318/v1/traces"),
            (
                "https://otel.example/in/v1/traces",
                "https://otel.example/in/v1/traces",
            ),
        ] {
            assert_eq!(traces_at(given), asked);
        }
    }
}
