//! All of it for people to read: one HTML file that needs no other.
//!
//! - `story`: what a ledger tells beyond its verdict
//! - `time_line`: a round, drawn over its time
//! - `counters`: what the counters count

mod counters;
mod story;
mod time_line;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::fault::Kind;
use super::found::Found;
use super::plan::Plan;
pub use story::Story;
use story::Struck;

/// What the programs counted, by name.
pub type Counted = BTreeMap<String, u64>;

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
    pub found: &'a Found,
    /// What did not happen, without which it proves little.
    pub missing: &'a [String],
}

/// The report as HTML.
pub fn html(run: &Run<'_>) -> String {
    let Run {
        plan,
        people,
        command,
        commit,
        machine,
        found,
        missing,
    } = run;
    let broken = found.verdict.violations.len();
    let mut page = String::from(HEAD);
    let (class, result) = match (broken, missing.is_empty()) {
        (0, true) => ("good", "No promise was broken".to_owned()),
        (0, false) => (
            "little",
            format!(
                "No promise was broken, but this proves little: {}",
                missing.join(", ")
            ),
        ),
        (1, _) => ("bad", "One promise was broken".to_owned()),
        (_, _) => ("bad", format!("{broken} promises were broken")),
    };
    let _ = write!(
        page,
        "<h1 class={class}>{}</h1><p>{people} people talked in each of {} rounds, and {} faults \
         struck, in {:.0} s of talk. Again: <code>{}</code>. Commit {}. Machine: {}.</p>",
        escaped(&result),
        found.stories.len(),
        faults_of(&found.stories).count(),
        found
            .stories
            .iter()
            .map(|story| story.ended_at)
            .sum::<u64>() as f64
            / 1e6,
        escaped(command),
        escaped(commit),
        escaped(machine),
    );
    if broken > 0 {
        page.push_str("<h2>Broken promises</h2><ol>");
        for violation in found.verdict.violations.iter().take(200) {
            let _ = write!(page, "<li>{}</li>", escaped(&violation.to_string()));
        }
        page.push_str("</ol>");
        if broken > 200 {
            let _ = write!(page, "<p>{} more are not shown.</p>", broken - 200);
        }
    }
    page.push_str("<h2>Time lines</h2>");
    page.push_str(time_line::KEY);
    for story in &found.stories {
        page.push_str(&time_line::draw(story));
    }
    faults(&mut page, plan, &found.stories);
    page.push_str("<h2>What the programs counted</h2>");
    let counted = found.counted.iter();
    table(
        &mut page,
        counted.map(|(name, count)| (name.as_str(), *count)),
    );
    page.push_str("<h2>What people saw</h2>");
    let seen = found.verdict.counts.iter();
    table(&mut page, seen.map(|(name, count)| (*name, *count)));
    let _ = write!(
        page,
        "<h2>Plan</h2><p><code>{}</code></p>",
        escaped(&plan.to_string())
    );
    page
}

/// The same where no verdict can be given.
pub fn without_verdict(why: &str) -> String {
    format!("{HEAD}<h1 class=little>No verdict: {}</h1>\n", escaped(why))
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = (&'a str, u64)>) {
    page.push_str("<table>");
    for (name, count) in rows {
        let _ = write!(
            page,
            "<tr><td>{name}</td><td class=n>{count}</td><td>{}</td></tr>",
            counters::explained(name)
        );
    }
    page.push_str("</table>");
}

/// Faults by kind: how often while a reply streamed, how long people were away,
/// and how long replies stood still.
fn faults(page: &mut String, plan: &Plan, stories: &[Story]) {
    page.push_str(
        "<h2>Faults</h2><p>How often each kind struck, and how often of that while a reply was \
         being made where it struck. How many connections it ended, and how long people were \
         away: from the end of a connection to the next one's <code>ready</code>. And for how \
         long, at the most, nothing of a reply came to somebody who was reading it.</p>\
         <table><tr><th>kind</th><th>struck</th><th>while a reply was made</th>\
         <th>connections ended</th><th>away, p50</th><th>max</th>\
         <th>a reply stood still, p50</th><th>max</th></tr>",
    );
    let wanted = plan.rounds.iter().flat_map(|faults| &faults.kinds);
    let wanted: BTreeSet<_> = wanted.map(|kind| kind.name()).collect();
    for (kind, streaming) in struck_while_streaming(stories) {
        if !wanted.contains(kind) {
            continue;
        }
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Chaos</title><style>\
    body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#222}\
    h1{border-left:.5rem solid;padding-left:1rem}.good{border-color:#2d9a5f}.little{border-color:#e6a23c}\
    .bad{border-color:#c0392b}h3{margin-bottom:.2rem}\
    table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
    .n{text-align:right}svg{width:100%;background:#fafafa}svg text{font-size:11px;fill:#555}\
    .end{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:#ccc;fill:none}\
    svg .name{font-size:9px;fill:#5a3a00;stroke:#fff;stroke-width:2px;paint-order:stroke}\
    .fault{fill:#e6a23c;background:#e6a23c;opacity:.4}\
    .unplanned{fill:#c0392b;background:#c0392b;opacity:.25}\
    .bar{fill:#8fb4d9;background:#8fb4d9}\
    .ack{fill:none;stroke:#2d6a4f;stroke-width:1.5;stroke-linecap:round;background:#2d6a4f}\
    .loss{fill:#c0392b;background:#c0392b}.renewed{fill:#8e44ad;background:#8e44ad}\
    .kept{fill:#2d9a5f;background:#2d9a5f}.repaired{fill:#34699a;background:#34699a}.key{list-style:none;padding:0}\
    .key b{display:inline-block;width:1.2em;height:.8em;margin-right:.5em}.key .ack{height:.2em}\
    .key .loss,.key .renewed,.key .kept{width:.8em;border-radius:50%}\
    code{background:#f2f2f2;overflow-wrap:anywhere}</style>";

#[cfg(test)]
mod tests {
    use causerie_testkit::storage::StorageKind;

    use super::*;
    use crate::ledger::{ClientEvent, Entry, Fault, What};

    fn entry(at: u64, what: What) -> Entry {
        Entry { at, what }
    }

    #[test]
    fn a_report_names_faults_and_how_long_people_were_away() {
        let mut story = Story::new(1, StorageKind::Durable);
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
        let found = Found {
            stories: vec![story],
            ..Found::default()
        };
        let stories = &found.stories;
        assert_eq!(struck_while_streaming(stories)["gateway-killed"], 1);
        assert_eq!(struck_while_streaming(stories)["crowd"], 0);
        let plan = Plan::new(1, &[Kind::GatewayKilled], 1);
        let missing = ["gateway-killed struck too seldom".to_owned()];
        let page = |missing| {
            html(&Run {
                plan: &plan,
                people: 1,
                command: "./chaos --seed 1",
                commit: "abc",
                machine: "<one>",
                found: &found,
                missing,
            })
        };
        let reason = "No promise was broken, but this proves little: gateway-killed struck";
        assert!(page(&missing).contains(reason));
        let page = page(&[]);
        assert!(
            page.contains("<h1 class=good>No promise was broken</h1>"),
            "{page}"
        );
        assert!(!page.contains("<td>crowd</td>"), "{page}");
        assert!(page.contains("<td class=n>150 ms</td>"), "{page}");
        assert!(page.contains("&lt;one&gt;"), "{page}");
    }
}
