//! Plots side by side, as one SVG picture that needs no other file.

use std::fmt::Write as _;

use super::plot::{HEIGHT, Plot, WIDTH};
use super::text::escaped;

const COLUMNS: usize = 2;

/// Between plots, and around them.
const GAP: f64 = 24.0;

const TITLE_HEIGHT: f64 = 22.0;

/// Of a row of the legend.
const LEGEND_HEIGHT: f64 = 16.0;

/// About what a letter of the legend takes, which nobody can measure here.
const LETTER_WIDTH: f64 = 6.2;

/// Of the sign before a name in the legend, with the space around both.
const SIGN_WIDTH: f64 = 34.0;

/// All these plots, coloured by `style`.
pub(super) fn of(plots: &[Plot], style: &str) -> String {
    let mut drawn = String::new();
    let mut y = GAP;
    for row in plots.chunks(COLUMNS) {
        let legends: Vec<_> = row.iter().map(Legend::of).collect();
        let rows = legends.iter().map(|legend| legend.rows).max();
        let legend_height = LEGEND_HEIGHT * f64::from(rows.unwrap_or_default());
        for (column, (plot, legend)) in row.iter().zip(&legends).enumerate() {
            let x = GAP + column as f64 * (WIDTH + GAP);
            let _ = write!(
                drawn,
                "<g transform='translate({x} {y})'><text class='title' y='12'>{} \
                 <tspan class='unit'>{}</tspan></text>\
                 <g transform='translate(0 {TITLE_HEIGHT})'>{}</g>\
                 <g transform='translate(0 {})'>{}</g></g>",
                escaped(&plot.title),
                plot.unit,
                legend.svg,
                TITLE_HEIGHT + legend_height,
                plot.drawing()
            );
        }
        y += TITLE_HEIGHT + legend_height + HEIGHT + GAP;
    }
    let columns = plots.len().min(COLUMNS) as f64;
    let width = GAP + columns * (WIDTH + GAP);
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {y}' \
         font-family='system-ui,sans-serif'><style>{style}</style>{drawn}</svg>\n"
    )
}

/// Names of a plot's lines.
struct Legend {
    svg: String,
    rows: u8,
}

impl Legend {
    fn of(plot: &Plot) -> Self {
        let (mut svg, mut rows, mut x) = (String::new(), 0, 0.0);
        if plot.needs_legend() {
            rows = 1;
            for (number, line) in plot.lines.iter().enumerate() {
                let width = SIGN_WIDTH + LETTER_WIDTH * line.label.chars().count() as f64;
                if x > 0.0 && x + width > WIDTH {
                    rows += 1;
                    x = 0.0;
                }
                let y = LEGEND_HEIGHT * f64::from(rows - 1);
                let _ = write!(
                    svg,
                    "<polyline class='{}' points='{x:.1},{} {:.1},{}' />\
                     <text x='{:.1}' y='{}'>{}</text>",
                    plot.class(number),
                    y + 4.0,
                    x + 14.0,
                    y + 4.0,
                    x + 19.0,
                    y + 8.0,
                    escaped(&line.label)
                );
                x += width;
            }
        }
        Self { svg, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plot::{Across, Line, Up};
    use super::*;

    fn plot(labels: &[&str]) -> Plot {
        let line = |label: &&str| Line {
            label: (*label).to_owned(),
            points: vec![(0.0, 0.0), (1.0, 1.0)],
        };
        Plot {
            title: "Memory & more".to_owned(),
            unit: "MiB",
            across: Across::Seconds { until: 1.0 },
            up: Up::Evenly,
            lines: labels.iter().map(line).collect(),
            is_graded: false,
            shaded: None,
        }
    }

    #[test]
    fn a_picture_has_all_plots_in_two_columns() {
        let plots = ["one", "two", "three"].map(|label| plot(&[label]));
        let picture = of(&plots, "");
        let places = [(24, 24), (608, 24), (24, 316)];
        for (x, y) in places {
            let place = format!("translate({x} {y})");
            assert!(picture.contains(&place), "{place}: {picture}");
        }
        assert!(picture.contains("viewBox='0 0 1192 608'"), "{picture}");
        assert!(picture.contains("Memory &amp; more"), "{picture}");
    }

    #[test]
    fn a_long_legend_has_several_rows() {
        let long = "a name of about thirty letters";
        let legend = Legend::of(&plot(&[long, long, long]));
        assert_eq!(legend.rows, 2);
        assert_eq!(Legend::of(&plot(&["Memory & more"])).rows, 0);
    }
}
