//! Lines over time, or over shares, as SVG.

use std::fmt::Write as _;

use super::axis::{Scale, bounds, step};
use super::text::{compact, escaped};

/// A plot of lines.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) title: String,
    /// Of the numbers at its left.
    pub(super) unit: &'static str,
    pub(super) across: Across,
    pub(super) up: Up,
    pub(super) lines: Vec<Line>,
    /// Lines that say more and more of the same have shades of one colour.
    pub(super) is_graded: bool,
    /// The part that figures are given for.
    pub(super) shaded: Option<(f64, f64)>,
}

/// A line of a plot.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// What goes from left to right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Across {
    /// Seconds since the begin, until so many.
    Seconds {
        /// How many.
        until: f64,
    },
    /// Shares from 0 to 1: the nearer to 1, the wider.
    Shares,
}

/// How numbers go up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    /// Evenly, from 0.
    Evenly,
    /// By powers of ten.
    ByPowers,
}

/// Of a drawing, in pixels.
pub(super) const WIDTH: f64 = 560.0;
pub(super) const HEIGHT: f64 = 230.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 26.0;

/// Colours that can be told apart; see the style.
const COLOURS: usize = 8;

impl Plot {
    /// Whether there is something to be seen: a line that has two points, and one of them
    /// above 0.
    pub(super) fn is_seen(&self) -> bool {
        self.lines
            .iter()
            .any(|line| line.points.len() > 1 && line.points.iter().any(|(_, value)| *value > 0.0))
    }

    /// A figure with title, legend and drawing.
    pub(super) fn html(&self) -> String {
        let mut html = format!(
            "<figure><figcaption>{}<span class=unit>{}</span></figcaption>",
            escaped(&self.title),
            self.unit,
        );
        if self.needs_legend() {
            html.push_str("<p class=legend>");
            for (number, line) in self.lines.iter().enumerate() {
                let class = self.class(number);
                let label = escaped(&line.label);
                let _ = write!(html, "<span><i class={class}></i>{label}</span>");
            }
            html.push_str("</p>");
        }
        let _ = write!(
            html,
            "<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{}'>{}</svg></figure>",
            escaped(&self.title),
            self.drawing()
        );
        html
    }

    /// Whether its lines need names beside its title.
    pub(super) fn needs_legend(&self) -> bool {
        !matches!(&self.lines[..], [line] if line.label == self.title)
    }

    /// What is drawn, `WIDTH` by `HEIGHT`.
    pub(super) fn drawing(&self) -> String {
        let (x, y) = (self.x(), self.y());
        let mut svg = String::new();
        if let Some((from, until)) = self.shaded {
            let (left, right) = (x.at(from), x.at(until));
            let _ = write!(
                svg,
                "<rect class='stretch' x='{left:.1}' y='{TOP}' width='{:.1}' height='{}'>\
                 <title>measured</title></rect>",
                right - left,
                HEIGHT - TOP - BOTTOM
            );
        }
        for tick in self.ticks_up(&y) {
            let at = y.at(tick);
            let _ = write!(
                svg,
                "<line class='grid' x1='{LEFT}' x2='{}' y1='{at:.1}' y2='{at:.1}' />\
                 <text class='up' x='{}' y='{:.1}'>{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 3.5,
                compact(tick)
            );
        }
        for (tick, label) in self.ticks_across(&x) {
            let _ = write!(
                svg,
                "<text class='across' x='{:.1}' y='{}'>{label}</text>",
                x.at(tick),
                HEIGHT - 8.0
            );
        }
        for (number, line) in self.lines.iter().enumerate() {
            let mut points = String::new();
            for (of_x, of_y) in &line.points {
                let _ = write!(
                    points,
                    "{:.1},{:.1} ",
                    x.at(self.across.of(*of_x)),
                    y.at(*of_y)
                );
            }
            let class = self.class(number);
            let points = points.trim_end();
            let _ = write!(svg, "<polyline class='{class}' points='{points}' />");
        }
        svg
    }

    /// The colour of a line.
    pub(super) fn class(&self, line: usize) -> String {
        let kind = if self.is_graded { 'g' } else { 'c' };
        format!("{kind}{}", line % COLOURS)
    }

    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    fn x(&self) -> Scale {
        let (low, high) = match self.across {
            Across::Seconds { until } => (0.0, until),
            Across::Shares => bounds(self.points().map(|(x, _)| self.across.of(*x))),
        };
        Scale {
            low,
            high: high.max(low + 1.0),
            from: LEFT,
            to: WIDTH - RIGHT,
            is_log: false,
        }
    }

    fn y(&self) -> Scale {
        let (from, to) = (HEIGHT - BOTTOM, TOP);
        match self.up {
            Up::Evenly => {
                let (_, high) = bounds(self.points().map(|(_, y)| *y));
                let step = step(high);
                let high = ((high / step).ceil() * step).max(step);
                Scale {
                    low: 0.0,
                    high,
                    from,
                    to,
                    is_log: false,
                }
            }
            Up::ByPowers => {
                let positive = self.points().map(|(_, y)| *y).filter(|y| *y > 0.0);
                let (low, high) = bounds(positive);
                let low = 10_f64.powf(low.max(1e-3).log10().floor());
                let high = 10_f64.powf(high.max(low).log10().ceil()).max(low * 10.0);
                Scale {
                    low,
                    high,
                    from,
                    to,
                    is_log: true,
                }
            }
        }
    }

    fn ticks_up(&self, scale: &Scale) -> Vec<f64> {
        match self.up {
            Up::Evenly => {
                let step = step(scale.high);
                let count = (scale.high / step).round() as u32;
                (0..=count).map(|number| f64::from(number) * step).collect()
            }
            Up::ByPowers => {
                let powers = (scale.high / scale.low).log10().round() as i32;
                (0..=powers)
                    .map(|power| scale.low * 10_f64.powi(power))
                    .collect()
            }
        }
    }

    fn ticks_across(&self, scale: &Scale) -> Vec<(f64, String)> {
        match self.across {
            Across::Seconds { .. } => {
                let step = step(scale.high - scale.low);
                let first = (scale.low / step).ceil() as i64;
                let last = (scale.high / step).floor() as i64;
                let ticks = (first..=last).map(|number| number as f64 * step);
                ticks
                    .map(|tick| (tick, format!("{} s", compact(tick))))
                    .collect()
            }
            Across::Shares => {
                let ticks = (0..=(scale.high + 1e-6) as i32).map(|nines| {
                    let label = match nines {
                        0 => "0 %".to_owned(),
                        1 => "90 %".to_owned(),
                        2 => "99 %".to_owned(),
                        more => format!("99.{} %", "9".repeat(more as usize - 2)),
                    };
                    (f64::from(nines), label)
                });
                ticks.collect()
            }
        }
    }
}

impl Across {
    /// Where on an even axis.
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Seconds { .. } => value,
            // 0.9 is at 1, 0.99 at 2, and so on.
            Self::Shares => -(1.0 - value).max(1e-9).log10(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Across = Across::Seconds { until: 10.0 };

    fn plot(across: Across, up: Up, points: &[(f64, f64)]) -> Plot {
        Plot {
            title: "A <plot>".to_owned(),
            unit: "ms",
            across,
            up,
            lines: vec![Line {
                label: "one".to_owned(),
                points: points.to_vec(),
            }],
            is_graded: false,
            shaded: None,
        }
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let html = plot(
            SECONDS,
            Up::Evenly,
            &[(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)],
        )
        .html();
        assert!(
            html.contains("points='56.0,204.0 301.0,106.0 546.0,8.0'"),
            "{html}"
        );
        assert!(
            html.contains("A &lt;plot&gt;") && html.contains(">10 s</text>"),
            "{html}"
        );
        assert!(html.contains(">100</text>"), "{html}");
    }

    #[test]
    fn times_of_all_sizes_are_seen() {
        let html = plot(SECONDS, Up::ByPowers, &[(0.0, 0.1), (10.0, 10.0)]).html();
        assert!(html.contains("points='56.0,204.0 546.0,8.0'"), "{html}");
        for label in [">0.1<", ">1<", ">10<"] {
            assert!(html.contains(label), "{label}: {html}");
        }
    }

    #[test]
    fn the_last_few_have_as_much_room_as_the_many() {
        let html = plot(
            Across::Shares,
            Up::Evenly,
            &[(0.0, 1.0), (0.9, 2.0), (0.99, 2.0)],
        )
        .html();
        assert!(html.contains("56.0,106.0 301.0,8.0 546.0,8.0"), "{html}");
        assert!(html.contains(">99 %<"), "{html}");
    }

    #[test]
    fn without_a_line_nothing_is_seen() {
        assert!(!plot(SECONDS, Up::Evenly, &[(1.0, 1.0)]).is_seen());
        let zeros = [(0.0, 0.0), (1.0, 0.0)];
        assert!(!plot(SECONDS, Up::ByPowers, &zeros).is_seen());
        let some = [(0.0, 0.0), (1.0, 0.1)];
        assert!(plot(SECONDS, Up::ByPowers, &some).is_seen());
    }
}
