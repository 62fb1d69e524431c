//! What a run found, for people to read: text for a terminal, and one HTML file
//! that needs no other.

mod axis;
mod charts;
mod plot;
mod summary;
mod text;

use std::fmt::Write as _;

pub use summary::{text, verdict};

use super::results::Results;
use summary::{Table, tables};
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
    page.push_str("<div class=tables>");
    for table in tables(results) {
        page.push_str(&html_of(&table));
    }
    page.push_str("</div>");
    let plots = charts::all(results);
    if !plots.is_empty() {
        let _ = write!(
            page,
            "<h2>Second by second</h2><p>What is shaded was measured; before it clients came in.</p>\
             <div class=plots>{plots}</div>"
        );
    }
    page.push_str(&circumstances(results));
    page
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
fn circumstances(results: &Results) -> String {
    let of = &results.circumstances;
    let processes = results.processes.to_string();
    let fixed = [
        ("commit", &of.commit),
        ("machine", &of.machine),
        ("load at the end", &of.load),
        ("date", &of.date),
        ("command", &of.command),
        ("processes of clients", &processes),
    ];
    let set = results
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let mut html = "<h2>Circumstances</h2><div class=wide><table class=words>".to_owned();
    for (name, value) in fixed.into_iter().chain(set) {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td></tr>",
            escaped(name),
            escaped(value)
        );
    }
    html.push_str("</table></div></html>\n");
    html
}

const STYLE: &str = include_str!("report/style.css");

#[cfg(test)]
mod tests;
