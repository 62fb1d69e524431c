//! What people write beneath a report that a program made.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

/// What follows it was written by hand.
const MARKER: &str =
    "<!-- Remarks by hand: what follows is kept when the report is written anew. -->";

/// Writes a report in place of the one before it, whose remarks are kept.
///
/// # Errors
/// The file cannot be read or written.
pub fn write_above(file: &Path, report: &str) -> anyhow::Result<()> {
    let before = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("reading {}", file.display()))?,
    };
    let remarks = before.split_once(MARKER).map_or("\n", |(_, after)| after);
    fs::write(file, format!("{report}\n{MARKER}{remarks}"))
        .with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_outlive_the_report_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.md");
        write_above(&file, "p50 1 ms\n").unwrap();
        let mut by_hand = fs::read_to_string(&file).unwrap();
        by_hand.push_str("\nThe machine was idle.\n");
        fs::write(&file, by_hand).unwrap();
        for _ in 0..2 {
            write_above(&file, "p50 2 ms\n").unwrap();
            let expected = format!("p50 2 ms\n\n{MARKER}\n\nThe machine was idle.\n");
            assert_eq!(fs::read_to_string(&file).unwrap(), expected);
        }
    }
}
