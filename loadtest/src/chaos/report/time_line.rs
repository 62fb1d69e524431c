//! A round, drawn over its time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use causerie_testkit::storage::StorageKind;

use super::escaped;
use super::story::{SECOND_US, Story, Struck};

/// The most bars that are drawn; then each is of some seconds.
const BARS: u64 = 200;

/// Seconds that a bar, or the way from one mark of the axis to the next, may be of.
const STEPS: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

/// Marks of the axis, at the most.
const MARKS: u64 = 12;

/// Where the plot lies in the drawing.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 940.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 180.0;

/// What people were told, by row: a class, a name, and how far down.
const TOLD: [(&str, &str, f64); 3] = [
    ("loss", "lost", 216.0),
    ("renewed", "renewed", 228.0),
    ("kept", "kept", 240.0),
];

/// How far down stands when gaps were repaired.
const REPAIRED: f64 = 252.0;

/// The key to all time lines.
pub(super) const KEY: &str = "<ul class=key>\
    <li><b class=bar></b>how much came to people: durable events and pieces of replies, all \
    people taken together, each second (scale on the left)\
    <li><b class=ack></b>the longest way from a message to its <code>ack</code>, of those that \
    came then (scale on the right); where no <code>ack</code> came there is no line\
    <li><b class=fault></b>a fault, from when it struck until all parts ran again\
    <li><b class=unplanned></b>the storage let another server take over, which nobody planned: \
    what was stored meanwhile may be lost\
    <li><b class=loss></b>somebody was told that something is lost (<code>recovered:false</code>)\
    <li><b class=renewed></b>somebody was given a reply so far (a snapshot), or one began again\
    <li><b class=kept></b>somebody came back, and was told that nothing is lost\
    <li><b class=repaired></b>in this time gateways repaired gaps from the log, of which nobody \
    is told: they are counted before and after each fault</ul>";

/// Its heading and the drawing.
pub(super) fn draw(story: &Story) -> String {
    let line = TimeLine::new(story);
    let mut page = format!(
        "<h3>Round {}: {}, {} s</h3><svg viewBox='0 0 1000 262' role=img>",
        story.number,
        name(story.storage),
        line.end / SECOND_US,
    );
    line.axes(&mut page);
    for fault in &story.faults {
        line.band(&mut page, fault);
    }
    for (since, until) in &story.unplanned {
        line.rect(&mut page, "unplanned", *since, *until);
        page.push_str("</g>");
    }
    line.bars(&mut page);
    line.ways(&mut page);
    line.names(&mut page);
    line.told(&mut page);
    line.repaired(&mut page);
    page.push_str("</svg>");
    page
}

const fn name(storage: StorageKind) -> &'static str {
    match storage {
        StorageKind::Volatile => "one Redis that writes nothing down",
        StorageKind::Durable => "one Redis",
        StorageKind::Sentinel => "a primary and two replicas behind Sentinels",
        StorageKind::Cluster => "a Redis Cluster",
    }
}

struct TimeLine<'a> {
    story: &'a Story,
    /// In microseconds.
    end: u64,
    /// Seconds of each bar.
    each: u64,
    /// How much came in each of them.
    delivered: BTreeMap<u64, u64>,
    /// The longest way to an `ack` in each of them, in microseconds.
    ways: BTreeMap<u64, u64>,
}

impl<'a> TimeLine<'a> {
    fn new(story: &'a Story) -> Self {
        let end = story.ended_at.max(SECOND_US);
        let each = step(end, BARS);
        let (mut delivered, mut ways) = (BTreeMap::new(), BTreeMap::new());
        for (second, count) in &story.deliveries {
            *delivered.entry(second / each).or_default() += u64::from(*count);
        }
        for (second, us) in &story.acked_us {
            let longest = ways.entry(second / each).or_default();
            *longest = (*us).max(*longest);
        }
        Self {
            story,
            end,
            each,
            delivered,
            ways,
        }
    }

    fn x(&self, at: u64) -> f64 {
        LEFT + at as f64 / self.end as f64 * (RIGHT - LEFT)
    }

    /// Where a bar begins; its end, at the most the drawing's.
    fn bar(&self, number: u64) -> (u64, u64) {
        let at = |number: u64| (number * self.each * SECOND_US).min(self.end);
        (at(number), at(number + 1))
    }

    /// The most that came in a second of a bar.
    fn most(&self) -> f64 {
        let most = self.delivered.values().copied().max().unwrap_or_default();
        (most as f64 / self.each as f64).max(1.0)
    }

    fn longest(&self) -> u64 {
        self.ways.values().copied().max().unwrap_or_default().max(1)
    }

    fn axes(&self, page: &mut String) {
        for part in [0.0, 0.5, 1.0] {
            let y = y(part);
            let _ = write!(
                page,
                "<path class=grid d='M{LEFT} {y}H{RIGHT}'/>\
                 <text class=end x={:.0} y={:.0}>{:.0}/s</text>\
                 <text x={:.0} y={:.0}>{:.0} ms</text>",
                LEFT - 4.0,
                y + 4.0,
                self.most() * part,
                RIGHT + 4.0,
                y + 4.0,
                self.longest() as f64 / 1e3 * part,
            );
        }
        let step = step(self.end, MARKS);
        for second in (0..=self.end / SECOND_US).step_by(usize::try_from(step).unwrap_or(1)) {
            let x = self.x(second * SECOND_US);
            let _ = write!(
                page,
                "<path class=grid d='M{x:.1} {BOTTOM}v5'/>\
                 <text class=mid x={x:.1} y={:.0}>{second} s</text>",
                BOTTOM + 18.0
            );
        }
    }

    fn rect(&self, page: &mut String, class: &str, since: u64, until: u64) {
        let (from, to) = (self.x(since), self.x(until.min(self.end)));
        let _ = write!(
            page,
            "<g><rect class={class} x={from:.1} y={TOP} width={:.1} height={:.0} />",
            (to - from).max(1.0),
            BOTTOM - TOP
        );
    }

    fn band(&self, page: &mut String, fault: &Struck) {
        self.rect(page, "fault", fault.at, fault.until);
        let _ = write!(
            page,
            "<title>{} at {:.1} s, for {:.1} s: {}</title></g>",
            escaped(&fault.kind),
            fault.at as f64 / 1e6,
            fault.until.saturating_sub(fault.at) as f64 / 1e6,
            escaped(&fault.target),
        );
    }

    fn bars(&self, page: &mut String) {
        for (number, count) in &self.delivered {
            let (from, to) = self.bar(*number);
            let part = *count as f64 / self.each as f64 / self.most();
            let _ = write!(
                page,
                "<rect class=bar x={:.1} y={:.1} width={:.1} height={:.1} />",
                self.x(from),
                y(part),
                (self.x(to) - self.x(from)).max(0.5),
                BOTTOM - y(part),
            );
        }
    }

    /// A line through what came in bars beside each other: where none came nobody
    /// knows how long the way was.
    fn ways(&self, page: &mut String) {
        let mut before = None;
        let mut path = String::new();
        for (number, us) in &self.ways {
            let (from, to) = self.bar(*number);
            let goes_on = before == number.checked_sub(1) && before.is_some();
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if goes_on { 'L' } else { 'M' },
                self.x(from.midpoint(to)),
                y(*us as f64 / self.longest() as f64),
            );
            // One alone is seen as a dot.
            if !goes_on {
                path.push_str("h.1");
            }
            before = Some(*number);
        }
        let _ = write!(page, "<path class=ack d='{path}'/>");
    }

    /// The names of faults, over all.
    fn names(&self, page: &mut String) {
        for fault in &self.story.faults {
            self.write_up(page, fault.at, &fault.kind);
        }
        for (since, _) in &self.story.unplanned {
            self.write_up(page, *since, "unplanned fail-over");
        }
    }

    fn write_up(&self, page: &mut String, at: u64, name: &str) {
        let (x, y) = (self.x(at) + 9.0, BOTTOM - 4.0);
        let _ = write!(
            page,
            "<text class=name transform='translate({x:.1} {y:.0})rotate(-90)'>{}</text>",
            escaped(name)
        );
    }

    fn told(&self, page: &mut String) {
        let told = [&self.story.losses, &self.story.renewed, &self.story.kept];
        for ((class, name, y), told) in TOLD.into_iter().zip(told) {
            name_row(page, name, y);
            // One dot for all that falls on one place.
            let places: BTreeSet<_> = told.iter().map(|at| self.x(*at) as u64).collect();
            for x in places {
                let _ = write!(page, "<circle class={class} cx={x} cy={y} r=3 />");
            }
        }
    }

    fn repaired(&self, page: &mut String) {
        name_row(page, "repaired", REPAIRED);
        for ((since, until), count) in &self.story.repaired {
            let (from, to) = (self.x(*since), self.x(*until));
            let _ = write!(
                page,
                "<rect class=repaired x={from:.1} y={:.0} width={:.1} height=6>\
                 <title>gaps repaired: {count}</title></rect>",
                REPAIRED - 3.0,
                (to - from).max(1.0),
            );
        }
    }
}

fn name_row(page: &mut String, name: &str, y: f64) {
    let (x, y) = (LEFT - 4.0, y + 4.0);
    let _ = write!(page, "<text class=end x={x:.0} y={y:.0}>{name}</text>");
}

/// How high a part of the whole reaches.
fn y(part: f64) -> f64 {
    BOTTOM - part * (BOTTOM - TOP)
}

/// The fewest seconds of which no more than so many go into this time.
fn step(end: u64, most: u64) -> u64 {
    let fits = |step: &u64| end.div_ceil(step * SECOND_US) <= most;
    STEPS.into_iter().find(fits).unwrap_or(3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(seconds: u64) -> Story {
        let mut story = Story::new(2, StorageKind::Sentinel);
        story.ended_at = seconds * SECOND_US;
        story
    }

    #[test]
    fn a_short_round_has_a_bar_for_each_second_and_a_long_one_no_more_than_fit() {
        let mut short = story(20);
        short.deliveries.insert(3, 7);
        let line = TimeLine::new(&short);
        assert_eq!((line.each, line.most()), (1, 7.0));
        assert_eq!(line.bar(3), (3 * SECOND_US, 4 * SECOND_US));
        let mut long = story(450);
        long.deliveries.extend([(10, 5), (11, 10), (14, 6)]);
        let line = TimeLine::new(&long);
        assert_eq!((line.each, line.delivered[&2]), (5, 21));
        assert_eq!(line.most(), 4.2);
        assert_eq!(line.bar(89), (445 * SECOND_US, 450 * SECOND_US));
    }

    #[test]
    fn no_line_is_drawn_where_no_ack_came() {
        let mut story = story(20);
        story.acked_us.extend([(1, 5), (2, 5), (9, 5)]);
        let mut page = String::new();
        TimeLine::new(&story).ways(&mut page);
        assert_eq!(page.matches('M').count(), 2, "{page}");
        assert_eq!(page.matches('L').count(), 1, "{page}");
    }

    #[test]
    fn a_drawing_says_which_round_it_is_and_names_its_faults() {
        let mut story = story(30);
        story.unplanned.push((3, 9));
        story.faults.push(Struck {
            at: 5 * SECOND_US,
            until: 7 * SECOND_US,
            kind: "sentinel-failover".to_owned(),
            target: "the primary".to_owned(),
            streaming: 1,
            away_us: Vec::new(),
            still_us: 0,
        });
        story.repaired.push(((5 * SECOND_US, 10 * SECOND_US), 17));
        let page = draw(&story);
        for part in [
            "Round 2: a primary and two replicas behind Sentinels, 30 s",
            ">sentinel-failover</text>",
            ">unplanned fail-over</text>",
            ">15 s</text>",
            "x=206.7 y=249 width=146.7 height=6><title>gaps repaired: 17</title>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
