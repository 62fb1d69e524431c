//! Which traces are sent.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Takes a share of all traces, by their ids: programs that have the same share choose the
/// same ones. A client that leaves its trace out is obeyed, one that wants it sent is not
/// more than others: else anybody could have us send everything.
#[derive(Debug, Clone)]
pub(super) struct Sampling {
    /// `None` where nothing is sent: then what clients ask for is only passed on.
    pub(super) share: Option<f64>,
}

impl ShouldSample for Sampling {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent.filter(|parent| parent.has_active_span());
        let span = parent.map(|parent| parent.span().span_context().clone());
        let is_ours = span.as_ref().is_some_and(|span| !span.is_remote());
        let is_wanted = span.as_ref().is_some_and(|span| span.is_sampled());
        let trace_state = span.map(|span| span.trace_state().clone());
        let decide = |is_sent| SamplingResult {
            decision: if is_sent {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: trace_state.clone().unwrap_or(TraceState::NONE),
        };
        match self.share {
            // What was chosen goes on to its end.
            _ if is_ours => decide(is_wanted),
            None => decide(is_wanted),
            Some(_) if parent.is_some() && !is_wanted => decide(false),
            Some(share) => {
                let by_id = Sampler::TraceIdRatioBased(share);
                let chosen = by_id.should_sample(None, trace, name, kind, attributes, links);
                decide(chosen.decision == SamplingDecision::RecordAndSample)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn is_sent(share: Option<f64>, parent: Option<(bool, bool)>, trace: u128) -> bool {
        let trace = TraceId::from(trace);
        let parent = parent.map(|(is_remote, is_sampled)| {
            let flags = TraceFlags::default().with_sampled(is_sampled);
            let state = TraceState::NONE;
            let span = SpanContext::new(trace, SpanId::from(1_u64), flags, is_remote, state);
            Context::new().with_remote_span_context(span)
        });
        let sampling = Sampling { share };
        let kind = SpanKind::Internal;
        let result = sampling.should_sample(parent.as_ref(), trace, "x", &kind, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn nobody_gets_more_than_their_share() {
        let (client, ours) = (true, false);
        let many = |share, parent| {
            let sent = (0..1_000_u128).filter(|n| is_sent(share, parent, n << 53 | 1));
            sent.count()
        };
        assert_eq!(many(Some(1.0), None), 1_000);
        assert_eq!(many(Some(1.0), Some((client, true))), 1_000);
        assert_eq!(many(Some(1.0), Some((client, false))), 0);
        for parent in [None, Some((client, true))] {
            let sent = many(Some(0.1), parent);
            assert!((1..900).contains(&sent), "{sent}");
            assert_eq!(many(Some(0.0), parent), 0);
        }
        assert_eq!(many(Some(0.1), Some((ours, true))), 1_000);
        assert_eq!(many(Some(0.1), Some((ours, false))), 0);
    }

    #[test]
    fn where_nothing_is_sent_what_clients_want_is_passed_on() {
        assert!(is_sent(None, Some((true, true)), 7));
        assert!(!is_sent(None, Some((true, false)), 7));
        assert!(!is_sent(None, None, 7));
    }
}
