//! How many times as good Causerie was, as one SVG picture that needs no other file.

use std::fmt::Write as _;

use super::contender::Contender;
use super::row::Row;
use super::runs::Runs;
use crate::load::statistics::median;

const LEFT: f64 = 380.0;
const RIGHT: f64 = 60.0;
const WIDTH: f64 = 900.0;
const TOP: f64 = 40.0;
const LINE: f64 = 22.0;
/// Between two rows of the comparison.
const GAP: f64 = 12.0;

/// Marked across; the axis goes from the first to the last, each ten times as far.
const TICKS: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// A bar of the picture.
struct Bar {
    row: Row,
    than: Contender,
    times: Vec<f64>,
    middle: f64,
}

/// The picture; `None` where nobody was measured beside Causerie.
pub fn of(runs: &Runs) -> Option<String> {
    let bars = bars(runs);
    if bars.is_empty() {
        return None;
    }
    let (mut drawn, mut y, mut row) = (String::new(), TOP, None);
    for bar in &bars {
        let is_first = row.replace(bar.row) != Some(bar.row);
        if is_first {
            y += GAP;
            let title = format!("<text x='8' y='{}'>{}</text>", y + 14.0, bar.row.title());
            drawn.push_str(&title);
        }
        draw(bar, y, &mut drawn);
        y += LINE;
    }
    let axis = axis(y);
    let height = y + GAP;
    Some(format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' \
         font-family='system-ui,sans-serif'><style>{STYLE}</style>\
         <text class='title' x='8' y='20'>Causerie is better by so many times, medians and all \
         rounds</text>{axis}{drawn}</svg>\n"
    ))
}

fn bars(runs: &Runs) -> Vec<Bar> {
    let mut bars = Vec::new();
    for row in Row::ALL {
        let others = row.contenders().iter().copied();
        for than in others.filter(|than| *than != row.subject()) {
            let times = runs.times_better(row, than);
            if let Some(middle) = median(times.iter().copied()) {
                bars.push(Bar {
                    row,
                    than,
                    times,
                    middle,
                });
            }
        }
    }
    bars
}

/// From 1, to the right where Causerie is better; with a line from the least of all rounds
/// to the most.
fn draw(bar: &Bar, y: f64, drawn: &mut String) {
    let Bar {
        than,
        times,
        middle,
        ..
    } = bar;
    let (one, end) = (place(1.0), place(*middle));
    let (least, most) = times.iter().fold((*middle, *middle), |(least, most), of| {
        (least.min(*of), most.max(*of))
    });
    let class = if *middle < 1.0 { "worse" } else { "better" };
    // Writing to a string never fails.
    let _ = write!(
        drawn,
        "<text class='than' x='{}' y='{}'>{than}</text>\
         <rect class='{class}' x='{:.1}' y='{}' width='{:.1}' height='14' />\
         <line class='rounds' x1='{:.1}' x2='{:.1}' y1='{}' y2='{}' />\
         <text x='{:.1}' y='{}'>{middle:.2} ×</text>",
        LEFT - 8.0,
        y + 14.0,
        one.min(end),
        y + 3.0,
        (end - one).abs().max(1.0),
        place(least),
        place(most),
        y + 10.0,
        y + 10.0,
        place(most).max(one) + 6.0,
        y + 14.0,
    );
}

fn axis(bottom: f64) -> String {
    let ticks = TICKS.map(|times| {
        let x = place(times);
        format!(
            "<line class='grid' x1='{x:.1}' x2='{x:.1}' y1='{TOP}' y2='{bottom}' />\
             <text class='tick' x='{x:.1}' y='{}'>{times} ×</text>",
            TOP - 4.0
        )
    });
    ticks.concat()
}

/// Where so many times are, from left to right.
fn place(times: f64) -> f64 {
    let [first, .., last] = TICKS;
    let share = (times.max(f64::MIN_POSITIVE) / first).ln() / (last / first).ln();
    LEFT + share.clamp(0.0, 1.0) * (WIDTH - RIGHT - LEFT)
}

const STYLE: &str = "\
    :root{--ink:#1d2126;--soft:#5d6670;--line:#dfe3e8;--better:#2a78d6;--worse:#e34948;background:#fff}\
    @media(prefers-color-scheme:dark){:root{--ink:#e4e7ea;--soft:#9aa4ae;--line:#2e343b;--better:#4f97ea;\
    --worse:#ee6f6d;background:#14171a}}\
    text{font-size:12px;fill:var(--ink)}.title{font-size:14px;font-weight:600}.than{text-anchor:end;\
    fill:var(--soft)}.tick{text-anchor:middle;fill:var(--soft);font-size:11px}.grid{stroke:var(--line)}\
    .better{fill:var(--better)}.worse{fill:var(--worse)}.rounds{stroke:var(--ink);stroke-width:1.5}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::run::Run;
    use crate::compare::runs::tests::results;

    #[test]
    fn one_alone_is_better_than_nobody() {
        let mut runs = Runs::default();
        assert_eq!(of(&runs), None);
        let run = Run::of(results(Contender::Causerie, 1.0));
        runs.add(Row::BigRoom, Contender::Causerie, 1, run);
        assert_eq!(of(&runs), None);
    }

    #[test]
    fn bars_go_right_where_causerie_is_better() {
        let mut runs = Runs::default();
        for (contender, cpu) in [
            (Contender::Causerie, 2.0),
            (Contender::Sockudo, 4.0),
            (Contender::Floor, 1.0),
        ] {
            let run = Run::of(results(contender, cpu));
            runs.add(Row::BigRoom, contender, 1, run);
        }
        let picture = of(&runs).unwrap();
        for wanted in [
            "Sockudo</text><rect class='better'",
            "2.00 ×",
            "floor</text><rect class='worse'",
            "0.50 ×",
            "5,000 in a room, saturated",
        ] {
            assert!(picture.contains(wanted), "no {wanted} in {picture}");
        }
        assert!(place(2.0) > place(1.0) && place(0.5) < place(1.0));
        assert_eq!(place(1e9), WIDTH - RIGHT);
    }
}
