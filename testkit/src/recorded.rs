//! What code counts that runs in the test's own thread, where no process can be asked.

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Takes what this thread counts, until it is dropped.
#[must_use]
pub struct Recorded {
    handle: PrometheusHandle,
    _recording: LocalRecorderGuard<'static>,
}

impl Recorded {
    /// From now on. What keeps a metric that it looked up before goes on counting elsewhere.
    pub fn here() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // For as long as the process, of which there are a few.
        let recorder = Box::leak(Box::new(recorder));
        Self {
            handle,
            _recording: metrics::set_default_local_recorder(recorder),
        }
    }

    /// The value of a metric, summed over its labels; 0 where there is none yet.
    pub fn metric(&self, name: &str) -> f64 {
        sum_of(name, &self.handle.render())
    }

    /// Sees that a metric, summed over its labels, is more than 0. As
    /// [`Node::metric_rises`](crate::process::Node::metric_rises), but it waits for nothing.
    ///
    /// # Panics
    /// When it is not.
    pub fn metric_rises(&self, name: &str) {
        let value = self.metric(name);
        assert!(value > 0.0, "{name} is {value}");
    }
}

/// The value of a metric in Prometheus's text format, summed over its labels.
pub(crate) fn sum_of(name: &str, metrics: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let bare = series.split('{').next()?;
        (bare == name).then(|| value.parse::<f64>().expect("a metric is a number"))
    });
    values.sum()
}
