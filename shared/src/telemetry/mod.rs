//! Logs, traces and metrics of a process.
//!
//! - [`init`] sets all of it up, once, at the start
//! - [`continue_trace`] and [`traceparent`] carry a trace from the client's
//!   frame through gateway, Redis and broker to the model call
//! - [`catalogue`] is what metrics there are, and what each means
//! - [`event_loop_lag`] tells how busy the process's threads are
//! - [`mask`](fn@mask) takes personal data and secrets out of every line and span

pub mod catalogue;
mod export;
mod format;
mod lag;
mod lines;
mod mask;
mod masked;
mod prometheus;
mod sampling;
mod tenants;
mod trace;

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

pub use lag::event_loop_lag;
pub(crate) use lag::watch_event_loop;
pub(crate) use lines::flush;
pub use mask::mask;
pub use prometheus::Metrics;
pub(crate) use prometheus::SECONDS;
pub use tenants::{count_for_tenant, show_for_tenant};
pub use trace::{continue_trace, sent_traceparent, set, set_list, traceparent};

use masked::Masked;

use crate::config::{LogFilter, LogFormat, Settings};

/// Goes before `telemetry.log_level` where it is set.
const RUST_LOG: &str = "RUST_LOG";

/// Why logs, traces or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` holds no filter.
    #[error(
        "RUST_LOG is `{0}`, but must be off, error, warn, info, debug, trace or a filter such as \
         info,causerie_gateway=debug"
    )]
    RustLog(String),
    /// This process has set up its logs or metrics before.
    #[error("logs and metrics are set up already: {0}")]
    Twice(String),
    /// There is nothing to send spans with.
    #[error("spans cannot be sent to telemetry.otlp_endpoint (TELEMETRY_OTLP_ENDPOINT): {0}")]
    NoExporter(String),
    /// There is no thread to write the log.
    #[error("the thread that writes the log cannot be started: {0}")]
    NoThread(#[from] std::io::Error),
}

/// What [`init`] has set up. Keep it until the process ends.
pub struct Telemetry {
    filter: reload::Handle<EnvFilter, Registry>,
    /// `RUST_LOG` decides, so that changes of the file do not.
    fixed: bool,
    format: LogFormat,
    metrics: Metrics,
    provider: SdkTracerProvider,
}

/// Sets up logs on stderr, traces and metrics for this process.
///
/// # Errors
/// [`TelemetryError`]; also when called twice in one process.
pub fn init(settings: &Settings, program: &'static str) -> Result<Telemetry, TelemetryError> {
    let wanted = &settings.telemetry;
    tenants::want(wanted.tenant_metrics);
    let (filter, fixed) = first_filter(&wanted.log_level)?;
    let (filter, handle) = reload::Layer::new(filter);
    let format = resolve(wanted.log_format, std::io::stderr().is_terminal());
    let lines = tracing_subscriber::fmt::layer().with_writer(|| &lines::LINES);
    let lines = if format == LogFormat::Json {
        lines
            .json()
            .event_format(format::JsonLines::new(&settings.node.name))
            .boxed()
    } else {
        lines.boxed()
    };
    // Before the exporter, which counts.
    let metrics = Metrics::install().map_err(|error| TelemetryError::Twice(error.to_string()))?;
    let provider = export::provider(settings, program)?;
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(without_contents())))
        .with(trace_layer(&provider))
        .try_init()
        .map_err(|error| TelemetryError::Twice(error.to_string()))?;
    log_panics();
    lines::begin()?;
    Ok(Telemetry {
        filter: handle,
        fixed,
        format,
        metrics,
        provider,
    })
}

impl Telemetry {
    /// Takes over another log level, unless `RUST_LOG` decides.
    pub fn set_log_level(&self, level: &LogFilter) {
        if self.fixed {
            tracing::info!("RUST_LOG is set and goes before telemetry.log_level");
            return;
        }
        // Fails only where the subscriber is gone, and the process with it.
        let _ = self.filter.reload(filter(level));
    }

    /// How log lines look: never [`LogFormat::Auto`].
    pub fn format(&self) -> LogFormat {
        self.format
    }

    /// What sends the last spans, once everything else has ended.
    pub(crate) fn last_spans(&self) -> LastSpans {
        LastSpans(self.provider.clone())
    }

    /// The metrics of this process.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }
}

/// Spans that may not be sent yet.
pub(crate) struct LastSpans(SdkTracerProvider);

impl LastSpans {
    /// Sends them; takes two seconds at the most, for a collector that is away.
    pub(crate) async fn send(self) {
        // Fails only where the process ends anyway.
        let _ = tokio::task::spawn_blocking(move || export::end(&self.0)).await;
    }
}

/// Traces do not depend on the log level: a quiet node still carries them on.
/// Only our own spans count, so that a library's inner life costs nothing.
fn trace_layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let ours = Targets::new().with_target("causerie", LevelFilter::INFO);
    tracing_opentelemetry::layer()
        .with_tracer(Masked(provider.tracer("causerie")))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours)
}

fn first_filter(level: &LogFilter) -> Result<(EnvFilter, bool), TelemetryError> {
    match std::env::var(RUST_LOG) {
        Ok(text) if !text.is_empty() => match EnvFilter::try_new(&text) {
            Ok(filter) => Ok((filter, true)),
            Err(_) => Err(TelemetryError::RustLog(text)),
        },
        Ok(_) | Err(_) => Ok((filter(level), false)),
    }
}

/// Whatever the level, `rustls` does not write down what peers say in handshakes (the names
/// they ask for, their certificates), nor `tungstenite` what comes over its WebSockets. No
/// pattern masks these.
fn without_contents() -> Targets {
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("rustls", LevelFilter::INFO)
        .with_target("tungstenite", LevelFilter::INFO)
}

fn filter(level: &LogFilter) -> EnvFilter {
    // Checked when the configuration was read.
    EnvFilter::try_new(level.as_str()).unwrap_or_else(|_| EnvFilter::new("info"))
}

fn resolve(format: LogFormat, terminal: bool) -> LogFormat {
    match (format, terminal) {
        (LogFormat::Auto, true) => LogFormat::Pretty,
        (LogFormat::Auto, false) => LogFormat::Json,
        (LogFormat::Pretty | LogFormat::Json, _) => format,
    }
}

/// A panic becomes a log line like any other. Only its place is told: its words
/// may quote a text that was being worked on, and that may be a person's.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(at = place.unwrap_or_default(), "a task panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_pretty_on_a_terminal_only() {
        assert_eq!(resolve(LogFormat::Auto, true), LogFormat::Pretty);
        assert_eq!(resolve(LogFormat::Auto, false), LogFormat::Json);
        assert_eq!(resolve(LogFormat::Json, true), LogFormat::Json);
    }

    /// The layers as `init` stacks them, writing to memory.
    pub(super) fn subscriber(
        level: &str,
        out: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    ) -> (impl tracing::Subscriber + Send + Sync, SdkTracerProvider) {
        let provider = SdkTracerProvider::builder().build();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .event_format(format::JsonLines::new("gw \"1\""))
            .with_writer(move || Shared(out.clone()));
        let subscriber = tracing_subscriber::registry()
            .with(lines.with_filter(EnvFilter::new(level)))
            .with(trace_layer(&provider));
        (subscriber, provider)
    }

    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
