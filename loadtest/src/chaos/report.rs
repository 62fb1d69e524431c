//! All of it for people to read: one HTML file that needs no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::fault::Kind;
use super::plan::Plan;
use crate::check::Verdict;
use crate::ledger::{ClientEvent, ClientNumber, Entry, What};

/// A connection that ends so soon after a fault ends because of it.
const BECAUSE_WITHIN_US: u64 = 4_000_000;

const SECOND_US: u64 = 1_000_000;

/// Bars of the time line.
const BARS: usize = 200;

/// What the programs counted, by name.
pub type Counted = BTreeMap<String, u64>;

/// What a ledger tells beyond its verdict.
#[derive(Debug, Default)]
pub struct Story {
    faults: Vec<Struck>,
    closed: BTreeMap<ClientNumber, (u64, Option<usize>)>,
    /// When the last was heard of a reply that is being made.
    heard: BTreeMap<(ClientNumber, String), u64>,
    /// How many durable events and pieces came, by second.
    deliveries: BTreeMap<u64, u32>,
    /// When messages were sent that have no `ack` yet.
    sent: BTreeMap<(ClientNumber, String), u64>,
    /// The longest way from a message to its `ack`, by the second of the `ack`,
    /// in microseconds.
    acked_us: BTreeMap<u64, u64>,
    /// When people were told that something is lost.
    losses: Vec<u64>,
    /// When a hole was mended, or a reply begun again.
    mended: Vec<u64>,
    /// When people came back, and nothing was lost.
    recovered: Vec<u64>,
    ended_at: u64,
}

#[derive(Debug)]
struct Struck {
    at: u64,
    until: u64,
    kind: String,
    target: String,
    streaming: usize,
    /// From a connection's end to the next one's `ready`, in microseconds.
    away_us: Vec<u64>,
    /// The longest that a reply stood still for somebody, in microseconds.
    still_us: u64,
}

impl Story {
    /// Takes in the next line.
    pub fn take(&mut self, entry: &Entry) {
        self.ended_at = self.ended_at.max(entry.at);
        match &entry.what {
            What::Fault(fault) => self.faults.push(Struck {
                at: entry.at,
                until: fault.until,
                kind: fault.kind.clone(),
                target: fault.target.clone(),
                streaming: fault.streaming,
                away_us: Vec::new(),
                still_us: 0,
            }),
            What::FaultOver => {
                if let Some(fault) = self.faults.last_mut() {
                    fault.until = entry.at;
                }
            }
            What::Client { client, event } => self.on_client(entry.at, *client, event),
            What::Round(_)
            | What::UnplannedFailOver { .. }
            | What::Call(_)
            | What::Log(_)
            | What::Counted { .. } => {}
        }
    }

    fn on_client(&mut self, at: u64, client: ClientNumber, event: &ClientEvent) {
        match event {
            ClientEvent::Closed { .. } => {
                let because = self.because_of(at, at);
                self.closed.insert(client, (at, because));
            }
            ClientEvent::Opened => {
                let closed = self.closed.remove(&client);
                if let Some((since, Some(because))) = closed
                    && let Some(fault) = self.faults.get_mut(because)
                {
                    fault.away_us.push(at - since);
                }
            }
            ClientEvent::Durable { event, .. } => {
                *self.deliveries.entry(at / SECOND_US).or_default() += 1;
                self.hear(at, client, &event.message);
                self.heard.remove(&(client, event.message.clone()));
            }
            ClientEvent::Delta { message, .. } => {
                *self.deliveries.entry(at / SECOND_US).or_default() += 1;
                self.hear(at, client, message);
            }
            ClientEvent::Snapshot { message, .. } | ClientEvent::Restart { message, .. } => {
                self.mended.push(at);
                self.hear(at, client, message);
            }
            ClientEvent::Sent { id, .. } => {
                self.sent.entry((client, id.clone())).or_insert(at);
            }
            ClientEvent::Acked { id, .. } => {
                if let Some(since) = self.sent.remove(&(client, id.clone())) {
                    let longest = self.acked_us.entry(at / SECOND_US).or_default();
                    *longest = (at - since).max(*longest);
                }
            }
            ClientEvent::Subscribed {
                recovered: false, ..
            } => self.losses.push(at),
            ClientEvent::Subscribed { seq, .. } if *seq > 0 => self.recovered.push(at),
            ClientEvent::Named { .. }
            | ClientEvent::GoesOn { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::Subscribed { .. }
            | ClientEvent::Cancelling { .. }
            | ClientEvent::Cancelled { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Typing { .. } => {}
        }
    }

    /// Something of a reply came to a client.
    fn hear(&mut self, at: u64, client: ClientNumber, message: &str) {
        let before = self.heard.insert((client, message.to_owned()), at);
        if let Some(before) = before
            && let Some(because) = self.because_of(before, at)
            && let Some(fault) = self.faults.get_mut(because)
        {
            fault.still_us = fault.still_us.max(at - before);
        }
    }

    /// The last fault that was under way, or just over, in this time.
    fn because_of(&self, from: u64, to: u64) -> Option<usize> {
        self.faults
            .iter()
            .rposition(|fault| fault.at <= to && from <= fault.until + BECAUSE_WITHIN_US)
    }
}

fn faults_of(stories: &[Story]) -> impl Iterator<Item = &Struck> {
    stories.iter().flat_map(|story| &story.faults)
}

/// How often each kind struck while a reply was streaming.
pub fn struck_while_streaming(stories: &[Story]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = Kind::all().map(|kind| (kind.name(), 0)).collect();
    for fault in faults_of(stories).filter(|fault| fault.streaming > 0) {
        if let Some(kind) = Kind::named(&fault.kind) {
            *counts.entry(kind.name()).or_default() += 1;
        }
    }
    counts
}

/// What a report is about.
#[derive(Debug)]
pub struct Run<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// How many people talked.
    pub people: usize,
    /// The command that does it again.
    pub command: &'a str,
    /// The commit that was run, where it is known.
    pub commit: &'a str,
    /// The machine.
    pub machine: &'a str,
    /// What came of it.
    pub verdict: &'a Verdict,
    /// What the programs counted.
    pub counted: &'a Counted,
    /// What the ledger of each round tells.
    pub stories: &'a [Story],
}

/// The report as HTML.
pub fn html(run: &Run<'_>) -> String {
    let Run {
        plan,
        people,
        command,
        commit,
        machine,
        verdict,
        counted,
        stories,
    } = run;
    let broken = verdict.violations.len();
    let mut page = String::from(HEAD);
    let result = if broken == 0 {
        "No promise was broken"
    } else {
        "Promises were broken"
    };
    let _ = write!(
        page,
        "<h1>{result}</h1><p>{people} people, {} faults in {:.0} s. Command: <code>{}</code>. \
         Commit {}. Machine: {}.</p>",
        faults_of(stories).count(),
        stories.iter().map(|story| story.ended_at).sum::<u64>() as f64 / 1e6,
        escaped(command),
        escaped(commit),
        escaped(machine),
    );
    if broken > 0 {
        let _ = write!(page, "<h2>{broken} broken promises</h2><ol>");
        for violation in verdict.violations.iter().take(200) {
            let _ = write!(page, "<li>{}</li>", escaped(&violation.to_string()));
        }
        page.push_str("</ol>");
    }
    page.push_str("<h2>Time line</h2>");
    for story in *stories {
        page.push_str(&time_line(story));
    }
    page.push_str("<h2>What the programs counted</h2>");
    table(
        &mut page,
        counted.iter().map(|(name, count)| (name.as_str(), *count)),
    );
    page.push_str("<h2>What people saw</h2>");
    table(
        &mut page,
        verdict.counts.iter().map(|(name, count)| (*name, *count)),
    );
    faults(&mut page, stories);
    let _ = write!(
        page,
        "<h2>Plan</h2><p><code>{}</code></p>",
        escaped(&plan.to_string())
    );
    page
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = (&'a str, u64)>) {
    page.push_str("<table>");
    for (name, count) in rows {
        let _ = write!(page, "<tr><td>{name}</td><td class=n>{count}</td></tr>");
    }
    page.push_str("</table>");
}

/// Faults by kind: how often while a reply streamed, how long people were away,
/// and how long replies stood still.
fn faults(page: &mut String, stories: &[Story]) {
    page.push_str(
        "<h2>Faults</h2><table><tr><th>kind</th><th>struck</th><th>while a reply streamed</th>\
         <th>connections lost</th><th>back after, p50</th><th>max</th>\
         <th>a reply stood still, p50</th><th>max</th></tr>",
    );
    for (kind, streaming) in struck_while_streaming(stories) {
        let of_kind: Vec<_> = faults_of(stories)
            .filter(|fault| fault.kind == kind)
            .collect();
        let away = of_kind.iter().flat_map(|fault| &fault.away_us);
        let (lost, p50, max) = spread(away.copied());
        let still = of_kind.iter().map(|fault| fault.still_us);
        let (_, still_p50, still_max) = spread(still);
        let _ = write!(
            page,
            "<tr><td>{kind}</td><td class=n>{}</td><td class=n>{streaming}</td>\
             <td class=n>{lost}</td><td class=n>{p50}</td><td class=n>{max}</td>\
             <td class=n>{still_p50}</td><td class=n>{still_max}</td></tr>",
            of_kind.len(),
        );
    }
    page.push_str("</table>");
}

/// How many, the median and the most, in milliseconds.
fn spread(micros: impl Iterator<Item = u64>) -> (u64, String, String) {
    let Ok(mut histogram) = Histogram::<u64>::new(3) else {
        return (0, String::new(), String::new());
    };
    for value in micros {
        // Resizes by itself: cannot fail.
        let _ = histogram.record(value);
    }
    let ms = |value: u64| match histogram.len() {
        0 => String::new(),
        _ => format!("{:.0} ms", value as f64 / 1e3),
    };
    let p50 = ms(histogram.value_at_quantile(0.5));
    (histogram.len(), p50, ms(histogram.max()))
}

/// Deliveries as bars, faults as bands, the way to an `ack` as a line, and what
/// people were told as dots.
fn time_line(story: &Story) -> String {
    let end = story.ended_at.max(1);
    let x = |at: u64| at as f64 / end as f64 * 1_000.0;
    let mut svg = String::from("<svg viewBox='0 0 1000 150' role=img>");
    for fault in &story.faults {
        let _ = write!(
            svg,
            "<rect class=fault x={:.1} y=0 width={:.1} height=120><title>{} at {:.1} s: {}, {} \
             people saw replies being made</title></rect>",
            x(fault.at),
            (x(fault.until) - x(fault.at)).max(1.0),
            escaped(&fault.kind),
            fault.at as f64 / 1e6,
            escaped(&fault.target),
            fault.streaming,
        );
    }
    let bars = bars(story, end);
    let most = bars.iter().copied().max().unwrap_or(1).max(1);
    for (at, count) in bars.iter().enumerate() {
        let height = f64::from(*count) / f64::from(most) * 110.0;
        let _ = write!(
            svg,
            "<rect class=bar x={} y={:.1} width=4.2 height={height:.1} />",
            at * 5,
            120.0 - height
        );
    }
    let slowest = story.acked_us.values().copied().max().unwrap_or(1).max(1);
    let way = story.acked_us.iter().map(|(second, us)| {
        let height = *us as f64 / slowest as f64 * 110.0;
        format!("{:.1},{:.1}", x(second * SECOND_US), 120.0 - height)
    });
    let way: Vec<_> = way.collect();
    let _ = write!(svg, "<polyline class=ack points='{}' />", way.join(" "));
    for (class, y, told) in [
        ("loss", 126, &story.losses),
        ("mended", 134, &story.mended),
        ("recovered", 142, &story.recovered),
    ] {
        // One dot for all that falls on one place.
        let places: BTreeSet<_> = told.iter().map(|at| x(*at) as u64).collect();
        for place in places {
            let _ = write!(svg, "<circle class={class} cx={place} cy={y} r=2 />");
        }
    }
    let _ = write!(
        svg,
        "</svg><p>{:.0} s. Bars: events and pieces delivered, {most} at the most. Line: the \
         longest way from a message to its ack, {:.0} ms at the most. Bands: faults. Dots: \
         somebody was told that something is lost; a hole was mended or a reply begun again; \
         somebody came back and has all.</p>",
        end as f64 / 1e6,
        slowest as f64 / 1e3,
    );
    svg
}

/// How much was delivered in each part of the time.
fn bars(story: &Story, end: u64) -> Vec<u32> {
    let mut bars = vec![0_u32; BARS];
    for (second, count) in &story.deliveries {
        let bar = usize::try_from(second * SECOND_US * BARS as u64 / (end + 1)).unwrap_or(0);
        if let Some(bar) = bars.get_mut(bar) {
            *bar += count;
        }
    }
    bars
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Chaos</title><style>\
    body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}\
    table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
    .n{text-align:right}svg{width:100%;background:#fafafa}.fault{fill:#e6a23c;opacity:.35}\
    .bar{fill:#4a7fb5}.ack{fill:none;stroke:#2d6a4f}.loss{fill:#c0392b}\
    .mended{fill:#8e44ad}.recovered{fill:#2d9a5f}code{background:#f2f2f2;overflow-wrap:anywhere}</style>";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Fault;

    fn entry(at: u64, what: What) -> Entry {
        Entry { at, what }
    }

    #[test]
    fn a_report_names_faults_and_how_long_people_were_away() {
        let mut story = Story::default();
        let fault = Fault {
            kind: Kind::GatewayKilled.name().into(),
            target: "gateway-1".into(),
            until: 3_000_000,
            streaming: 4,
            loses_since: None,
        };
        let closed = ClientEvent::Closed {
            code: None,
            reason: String::new(),
        };
        let of = |event| What::Client { client: 1, event };
        story.take(&entry(1_000_000, What::Fault(fault)));
        story.take(&entry(1_100_000, of(closed)));
        story.take(&entry(1_250_000, of(ClientEvent::Opened)));
        let stories = [story];
        assert_eq!(struck_while_streaming(&stories)["gateway-killed"], 1);
        assert_eq!(struck_while_streaming(&stories)["crowd"], 0);
        let verdict = Verdict::default();
        let page = html(&Run {
            plan: &Plan::new(1, &[Kind::GatewayKilled], 1),
            people: 1,
            command: "./chaos --seed 1",
            commit: "abc",
            machine: "<one>",
            verdict: &verdict,
            counted: &Counted::new(),
            stories: &stories,
        });
        assert!(page.contains("No promise was broken"), "{page}");
        assert!(page.contains("<td class=n>150 ms</td>"), "{page}");
        assert!(page.contains("&lt;one&gt;"), "{page}");
    }
}
