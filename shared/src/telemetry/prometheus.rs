//! Metrics in Prometheus's text format.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::catalogue;

/// Upper bounds, in seconds, of every histogram whose name ends in `_seconds`:
/// from what a hop costs to what a long reply takes.
pub(crate) const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];

/// The same in milliseconds, of those whose name ends in `_ms`.
const MILLISECONDS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0,
];

/// How often histograms are drained; else they would grow while nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
}

impl Metrics {
    /// Makes this the recorder of the process, once.
    pub(super) fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_ms".into()), &MILLISECONDS)?
            .install_recorder()?;
        let process = Collector::default();
        process.describe();
        catalogue::describe();
        Ok(Self { handle, process })
    }

    /// All metrics, those of the process (memory, CPU, open files) among them.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Keeps histograms small, for as long as the process runs.
    pub async fn run_upkeep(self) {
        let mut tick = tokio::time::interval(UPKEEP_EVERY);
        loop {
            tick.tick().await;
            self.handle.run_upkeep();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::*;

    /// The recorder of the test process.
    pub(crate) fn installed() -> Metrics {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        METRICS.get_or_init(|| Metrics::install().unwrap()).clone()
    }

    #[test]
    fn histograms_have_buckets_and_metrics_are_explained() {
        let metrics = installed();
        metrics::histogram!("prometheus_test_seconds").record(0.003);
        metrics::counter!("prometheus_test_total").increment(2);
        metrics::gauge!("causerie_ready").set(1);
        let text = metrics.render();
        for line in [
            "prometheus_test_seconds_bucket{le=\"0.002\"} 0",
            "prometheus_test_seconds_bucket{le=\"0.005\"} 1",
            "prometheus_test_total 2",
            "# HELP causerie_ready 1 where /health/ready says so",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
