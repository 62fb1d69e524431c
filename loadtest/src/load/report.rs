//! What a run found, for people to read: text for a terminal, one HTML file that
//! needs no other, and short Markdown.

mod axis;
mod charts;
mod picture;
mod plot;
mod summary;
mod text;

use std::fmt::Write as _;

pub use summary::{text, verdict};
pub(crate) use text::number;

use super::results::Results;
use plot::Plot;
use summary::{Table, tables, verdict_on_goals};
use text::escaped;

/// The report as HTML.
pub fn html(results: &Results) -> String {
    let Results {
        scenario, subject, ..
    } = results;
    let title = format!("{} of {}", escaped(scenario), escaped(subject));
    let class = if results.counts.faults().is_empty() {
        "well"
    } else {
        "ill"
    };
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content='width=device-width'><title>{title}</title>\
         <style>{STYLE}</style><h1>{title}</h1><p class={class}>{}</p>",
        escaped(&verdict(results))
    );
    if let Some((is_met, verdict)) = verdict_on_goals(results) {
        let class = if is_met { "well" } else { "ill" };
        let _ = write!(page, "<p class={class}>{}</p>", escaped(&verdict));
    }
    page.push_str("<div class=tables>");
    for table in tables(results) {
        page.push_str(&html_of(&table));
    }
    page.push_str("</div>");
    let plots: String = charts::all(results).iter().map(Plot::html).collect();
    if !plots.is_empty() {
        let _ = write!(
            page,
            "<h2>Second by second</h2><p>What is shaded was measured; before it clients came in.</p>\
             <div class=plots>{plots}</div>"
        );
    }
    page.push_str("<h2>Circumstances</h2><div class=wide><table class=words>");
    for (name, value) in circumstances(results) {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td></tr>",
            escaped(name),
            escaped(&value)
        );
    }
    page.push_str("</table></div></html>\n");
    page
}

/// The plots as one SVG picture, for documents; `None` where there is nothing to plot.
pub fn picture(results: &Results) -> Option<String> {
    let plots = charts::all(results);
    (!plots.is_empty()).then(|| picture::of(&plots, STYLE))
}

/// The report as Markdown: all tables, and the `picture` of the plots where there is one,
/// by its name beside the report.
pub fn markdown(results: &Results, picture: Option<&str>) -> String {
    let mut text = format!(
        "# {} of {}\n\n{}\n",
        results.scenario,
        results.subject,
        verdict(results)
    );
    if let Some((_, verdict)) = verdict_on_goals(results) {
        let _ = write!(text, "\n{verdict}\n");
    }
    for table in tables(results) {
        let _ = write!(text, "\n## {}\n\n{}", table.title, table.markdown());
    }
    if let Some(picture) = picture {
        let _ = write!(
            text,
            "\n## Second by second\n\nWhat is shaded was measured; before it clients came in.\n\n\
             ![Plots over time]({picture})\n"
        );
    }
    text.push_str("\n## Circumstances\n\n| | |\n|---|---|\n");
    for (name, value) in circumstances(results) {
        let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
    }
    text
}

fn html_of(table: &Table) -> String {
    let mut html = format!("<div><h2>{}</h2><div class=wide><table><tr>", table.title);
    for cell in &table.head {
        let _ = write!(html, "<th>{}</th>", escaped(cell));
    }
    for row in &table.rows {
        html.push_str("</tr><tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escaped(cell));
        }
    }
    html.push_str("</tr></table></div></div>");
    html
}

/// Where and how it was measured.
fn circumstances(results: &Results) -> Vec<(&str, String)> {
    let of = &results.circumstances;
    let fixed = [
        ("commit", &of.commit),
        ("machine", &of.machine),
        ("load at the end", &of.load),
        ("date", &of.date),
        ("command", &of.command),
        ("processes of clients", &results.processes.to_string()),
    ]
    .map(|(name, value)| (name, value.clone()));
    let set = results.parameters.iter();
    let set = set.map(|(name, value)| (name.as_str(), value.clone()));
    fixed.into_iter().chain(set).collect()
}

const STYLE: &str = include_str!("report/style.css");

#[cfg(test)]
mod tests;
