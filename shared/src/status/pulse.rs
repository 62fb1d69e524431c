//! Makes cards.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::card::Card;
use super::counted::{Counted, whole};
use super::samples::Samples;
use crate::config::{Program, Settings};
use crate::ids::RunId;
use crate::telemetry::event_loop_lag;

/// Makes the cards of a program, again and again.
pub struct Pulse {
    run: RunId,
    /// What stays the same.
    card: Card,
    window: Duration,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// What was counted in all, and the CPU time, by when: of this window, and one before it.
    past: VecDeque<(Instant, Counted, f64)>,
}

impl Pulse {
    /// Of a program that has just started, whose metrics, as Prometheus is shown them,
    /// `metrics` gives.
    pub fn new(
        settings: &Settings,
        program: Program,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let max_connections = settings.websocket.max_connections as u64;
        Self {
            run: RunId::generate(),
            card: Card {
                node: settings.node.name.clone(),
                program: name(program).to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                since_ms: since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0)),
                max_connections: if program.has_clients() {
                    max_connections
                } else {
                    0
                },
                ..Card::default()
            },
            window: settings.status.window,
            metrics: Box::new(metrics),
            past: VecDeque::new(),
        }
    }

    /// Names this run of the program.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// How it fares now.
    pub fn card(&mut self) -> Card {
        self.card_at(Instant::now())
    }

    fn card_at(&mut self, now: Instant) -> Card {
        let text = (self.metrics)();
        let samples = Samples::read(&text);
        let (counted, cpu) = (
            Counted::in_all(&samples),
            samples.sum("process_cpu_seconds_total"),
        );
        let (window, cpu) = self.within_window(now, counted, cpu);
        let gauge = |name| whole(samples.sum(name));
        let by = |name: &str, label: &str| {
            let all = samples.named(name);
            let each = all.filter_map(|(labels, value)| Some((labels.get(label)?, value)));
            each.map(|(of, value)| (of.to_owned(), value))
                .collect::<Vec<_>>()
        };
        let connections = by("causerie_connections", "transport").into_iter();
        let breakers = by("causerie_ai_breaker_state", "backend").into_iter();
        Card {
            connections: connections.map(|(of, count)| (of, whole(count))).collect(),
            sessions: gauge("websocket_active_sessions"),
            rooms: gauge("causerie_rooms"),
            replies_running: gauge("causerie_broker_slots_taken"),
            queued: gauge("causerie_broker_queue_depth"),
            oldest_waits_ms: whole(samples.sum("causerie_broker_queue_age_seconds") * 1_000.0),
            memory_bytes: gauge("process_resident_memory_bytes"),
            cpu,
            open_files: gauge("process_open_fds"),
            event_loop_lag_ms: event_loop_lag().as_secs_f64() * 1_000.0,
            ai_backends: breakers.map(|(of, state)| (of, breaker(state))).collect(),
            window,
            ..self.card.clone()
        }
    }

    /// What was counted since about a window ago, and how much of a core was used.
    fn within_window(&mut self, now: Instant, counted: Counted, cpu: f64) -> (Counted, f64) {
        let is_over = |at: &Instant| now.duration_since(*at) >= self.window;
        // The first is the last one that is as old as the window.
        while self.past.get(1).is_some_and(|(at, ..)| is_over(at)) {
            self.past.pop_front();
        }
        let since = self.past.front().map(|(at, before, cpu_before)| {
            let seconds = now.duration_since(*at).as_secs_f64();
            let used = (cpu - cpu_before).max(0.0) / seconds.max(f64::EPSILON);
            (counted.since(before, seconds), used)
        });
        self.past.push_back((now, counted, cpu));
        since.unwrap_or_default()
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulse").field("run", &self.run).finish()
    }
}

fn name(program: Program) -> &'static str {
    match program {
        Program::Standalone => "standalone",
        Program::Gateway => "gateway",
        Program::Broker => "broker",
    }
}

/// What the number in the metrics stands for.
fn breaker(state: f64) -> String {
    let name = match whole(state) {
        0 => "closed",
        1 => "half_open",
        _ => "open",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::config::{Loader, SettingsHandle, Sources};

    #[test]
    fn a_card_tells_of_its_window_alone() {
        let loader = Loader::new(Program::Standalone, Sources::default()).unwrap();
        let settings = SettingsHandle::load(loader).unwrap().current().clone();
        let messages = Arc::new(AtomicU64::new(5));
        let shown = Arc::clone(&messages);
        let metrics = move || {
            format!(
                "causerie_messages_total{{to=\"ai\"}} {}\n\
                 causerie_connections{{transport=\"websocket\"}} 3\n\
                 causerie_ai_breaker_state{{backend=\"openai\"}} 2\n\
                 causerie_broker_queue_age_seconds 1.25\n",
                shown.load(Ordering::Relaxed)
            )
        };
        let mut pulse = Pulse::new(&settings, Program::Standalone, metrics);
        let first = pulse.card_at(Instant::now());
        // Of what was before nobody knows when.
        assert_eq!(first.window, Counted::default());
        assert_eq!((first.connected(), &*first.program), (3, "standalone"));
        assert_eq!(first.ai_backends["openai"], "open");
        assert_eq!(first.oldest_waits_ms, 1_250);
        let mut at = Vec::new();
        let begin = Instant::now();
        for half in 1..=4 {
            messages.fetch_add(10, Ordering::Relaxed);
            let now = begin + settings.status.window / 2 * half;
            at.push(pulse.card_at(now).window.messages);
        }
        assert_eq!(at, [10, 20, 20, 20]);
        let read: Card = serde_json::from_str(&first.encode()).unwrap();
        assert_eq!(read, first);
    }
}
