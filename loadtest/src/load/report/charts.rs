//! Which plots a report has.

use super::plot::{Across, Line, Plot, Up};
use crate::load::distribution::{Distribution, Latency};
use crate::load::figures::{QUANTILES, quantiles_ms};
use crate::load::results::{Measure, Results, Second, UnixMs};
use crate::load::sample::{self, Redis, RedisUse, Role, Use};

/// Servers beyond so many are shown together.
const MOST_LINES: usize = 6;

/// Looks that follow sooner tell little of a pace: processor time comes in ticks
/// of ten milliseconds.
const LEAST_BETWEEN_S: f64 = 0.5;

const MIB: f64 = 1_048_576.0;

/// All plots that the results have something for.
pub(super) fn all(results: &Results) -> Vec<Plot> {
    let charts = Charts::of(results);
    let mut plots = vec![
        charts.by_second("Deliveries", "a second", |of| of.deliveries),
        charts.by_second("Connections", "", |of| of.connections),
        charts.by_second("Replies that stream", "", |of| of.streaming),
    ];
    let latencies = results.latencies.iter();
    plots.extend(latencies.map(|(measure, latency)| charts.latency(*measure, latency)));
    plots.push(charts.shares());
    plots.push(charts.cpu());
    plots.push(charts.memory());
    plots.extend(charts.redis());
    plots.retain(Plot::is_seen);
    plots
}

struct Charts<'a> {
    results: &'a Results,
    /// When it all began.
    from: UnixMs,
    /// When it was over.
    until: UnixMs,
}

impl<'a> Charts<'a> {
    fn of(results: &'a Results) -> Self {
        let seconds = results
            .seconds
            .keys()
            .flat_map(|second| [*second, second + 1]);
        let seconds = seconds.map(|second| second * 1_000);
        let looks = results.samples.processes.iter();
        let looks = looks.flat_map(|process| process.samples.iter().map(|of| of.at));
        let times = || seconds.clone().chain(looks.clone());
        Self {
            results,
            from: times().min().unwrap_or(0),
            until: times().max().unwrap_or(0),
        }
    }

    /// A plot of something over time.
    fn over_time(&self, title: &str, unit: &'static str, lines: Vec<Line>) -> Plot {
        let stretch = self.results.stretch;
        Plot {
            title: title.to_owned(),
            unit,
            across: Across::Seconds {
                until: self.since(self.until),
            },
            up: Up::Evenly,
            lines,
            is_graded: false,
            shaded: Some((self.since(stretch.from), self.since(stretch.until))),
        }
    }

    /// Seconds since the begin.
    fn since(&self, at: UnixMs) -> f64 {
        (at as f64 - self.from as f64) / 1e3
    }

    fn by_second(&self, title: &str, unit: &'static str, of: fn(&Second) -> u64) -> Plot {
        let seconds = &self.results.seconds;
        let first = seconds.keys().next().copied().unwrap_or_default();
        let end = seconds.keys().last().map_or(first, |last| last + 1);
        let points = (first..end).map(|second| {
            let value = seconds.get(&second).map_or(0, of);
            (self.since(second * 1_000) + 0.5, value as f64)
        });
        let points: Vec<_> = points.collect();
        let happened = points.iter().any(|(_, value)| *value > 0.0);
        let line = line(title, if happened { points } else { Vec::new() });
        self.over_time(title, unit, vec![line])
    }

    fn latency(&self, measure: Measure, latency: &Latency) -> Plot {
        let names = QUANTILES.iter().map(|(name, _)| *name).chain(["max"]);
        let mut lines: Vec<_> = names.map(|name| line(name, Vec::new())).collect();
        for (second, noted) in &latency.by_second {
            // Results that were read or merged hold nothing that cannot be read.
            let Ok(noted) = Distribution::try_from(noted) else {
                continue;
            };
            let at = self.since(second * 1_000) + 0.5;
            for ((_, ms), line) in quantiles_ms(&noted).zip(&mut lines) {
                line.points.push((at, ms));
            }
        }
        Plot {
            up: Up::ByPowers,
            is_graded: true,
            ..self.over_time(measure.title(), "ms", lines)
        }
    }

    /// How long each share took at the most.
    fn shares(&self) -> Plot {
        let latencies = self.results.latencies.iter();
        let lines =
            latencies.map(|(measure, latency)| line(measure.title(), latency.whole.curve()));
        Plot {
            across: Across::Shares,
            up: Up::ByPowers,
            shaded: None,
            ..self.over_time(
                "How long it took at the most, for which share",
                "ms",
                lines.collect(),
            )
        }
    }

    fn cpu(&self) -> Plot {
        let cpu_seconds = |of: &Use| of.cpu_seconds;
        let mut lines = self.used_by(Role::Server, MOST_LINES, cpu_seconds);
        lines.extend(self.used_by(Role::Storage, MOST_LINES, cpu_seconds));
        lines.extend(self.used_by(Role::Clients, 1, cpu_seconds));
        let machines = &self.results.samples.machines;
        for (number, busy) in machines.iter().enumerate() {
            let label = match machines.len() {
                1 => "whole machine".to_owned(),
                _ => format!("whole machine {}", number + 1),
            };
            let points = busy.iter().map(|of| (self.since(of.at), of.cpu_seconds));
            lines.push(line(&label, points.collect()));
        }
        let lines = lines.into_iter().map(Line::into_pace);
        self.over_time("Processor time", "cores", lines.collect())
    }

    fn memory(&self) -> Plot {
        let mib = |of: &Use| of.rss_bytes as f64 / MIB;
        let mut lines = self.used_by(Role::Server, MOST_LINES, mib);
        lines.extend(self.used_by(Role::Storage, MOST_LINES, mib));
        self.over_time("Resident memory", "MiB", lines)
    }

    /// What each process of a role used, or all of them together where they are
    /// more than `most`.
    fn used_by(&self, role: Role, most: usize, value: fn(&Use) -> f64) -> Vec<Line> {
        let of_each = self.results.samples.of(role).map(|process| {
            let points = process.samples.iter().map(|of| (of.at, value(of)));
            (process.name.as_str(), points.collect::<Vec<_>>())
        });
        let of_each: Vec<_> = of_each.collect();
        let since = |points: &[(UnixMs, f64)]| {
            let points = points.iter().map(|(at, value)| (self.since(*at), *value));
            points.collect::<Vec<_>>()
        };
        if of_each.len() <= most {
            return of_each
                .iter()
                .map(|(name, points)| line(name, since(points)))
                .collect();
        }
        let times = of_each.first().map_or(&[][..], |(_, points)| points);
        let sum = |at: UnixMs| {
            of_each
                .iter()
                .map(|(_, points)| sample::at(points, at))
                .sum()
        };
        let sums: Vec<_> = times.iter().map(|(at, _)| (*at, sum(*at))).collect();
        vec![line(
            &format!("{} {}", of_each.len(), role.title()),
            since(&sums),
        )]
    }

    fn redis(&self) -> [Plot; 4] {
        let lines = |value: fn(&RedisUse) -> f64| -> Vec<Line> {
            let nodes = self.results.samples.redis.iter();
            let points = |node: &Redis| {
                let samples = node.samples.iter();
                samples.map(|of| (self.since(of.at), value(of))).collect()
            };
            nodes.map(|node| line(&node.name, points(node))).collect()
        };
        let paces = |value| lines(value).into_iter().map(Line::into_pace).collect();
        let mut listeners = lines(|of| of.clients as f64);
        listeners
            .iter_mut()
            .for_each(|line| line.label.push_str(", clients"));
        let mut channels = lines(|of| of.channels as f64);
        channels
            .iter_mut()
            .for_each(|line| line.label.push_str(", channels"));
        listeners.extend(channels);
        [
            self.over_time(
                "Redis: commands",
                "a second",
                paces(|of| of.commands as f64),
            ),
            self.over_time(
                "Redis: sent",
                "MiB a second",
                paces(|of| of.sent_bytes as f64 / MIB),
            ),
            self.over_time(
                "Redis: memory given out",
                "MiB",
                lines(|of| of.memory_bytes as f64 / MIB),
            ),
            self.over_time("Redis: clients, and channels with listeners", "", listeners),
        ]
    }
}

fn line(label: &str, points: Vec<(f64, f64)>) -> Line {
    let label = label.to_owned();
    Line { label, points }
}

impl Line {
    /// How fast it grows, in a second.
    fn into_pace(self) -> Self {
        let mut points = self.points.into_iter();
        let mut before = points.next();
        let mut pace = Vec::new();
        for (at, value) in points {
            if let Some((since, low)) = before
                && at - since >= LEAST_BETWEEN_S
            {
                pace.push((at, (value - low) / (at - since)));
                before = Some((at, value));
            }
        }
        line(&self.label, pace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_follow_at_once_make_no_peak() {
        let cpu = [(0.0, 0.0), (1.0, 0.5), (1.01, 0.52), (2.0, 1.5)];
        let pace = line("gateway", cpu.to_vec()).into_pace();
        assert_eq!(pace.points, [(1.0, 0.5), (2.0, 1.0)]);
    }
}
