//! Reads ledgers, and says where one cannot be read.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Entry;

/// A ledger cannot be read, or not be judged.
///
/// Who goes on with a run that was begun asks
/// [`is_interrupted`](Self::is_interrupted): that round can be run again, and its
/// ledger be overwritten. Whatever else is wrong is no end that was merely cut
/// off: nothing may be written over it, and the error says what to do.
#[derive(Debug, Error)]
#[error("{}:{line}: {trouble}", .file.display())]
pub struct ReadError {
    /// The ledger.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where there is none.
    pub line: usize,
    /// What is wrong there.
    pub trouble: Trouble,
}

/// What is wrong with a ledger.
#[derive(Debug, Error)]
pub enum Trouble {
    /// The system does not give it out.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Its last line is cut, or is not the one that ends a ledger.
    #[error("it breaks off here: its run was interrupted; run that round again")]
    Interrupted,
    /// A line that others follow is no entry, or cannot stand there.
    #[error(
        "it is damaged here, {0}: nothing can be told from it; \
         take a whole copy of it, or choose another folder and run that round again"
    )]
    Damaged(String),
    /// A kind of fault of which nobody here knows what it excuses.
    #[error("the fault {0:?} is unknown: judge it with the version that wrote it")]
    UnknownFault(String),
}

impl ReadError {
    /// Whether nothing is wrong but that its run was interrupted.
    pub const fn is_interrupted(&self) -> bool {
        matches!(self.trouble, Trouble::Interrupted)
    }
}

/// Reads a ledger, line by line, however much of it there is. It ends with the
/// first error.
///
/// # Errors
/// [`Trouble::Unreadable`], here or at a line; at a line also
/// [`Trouble::Interrupted`], where it is the last and is cut, and
/// [`Trouble::Damaged`].
pub fn read(
    file: &Path,
) -> Result<impl Iterator<Item = Result<Entry, ReadError>> + use<>, ReadError> {
    let lines = File::open(file).map_err(|error| ReadError {
        file: file.to_owned(),
        line: 0,
        trouble: error.into(),
    })?;
    Ok(Lines {
        file: file.to_owned(),
        lines: BufReader::new(lines),
        number: 0,
        text: Vec::new(),
        is_over: false,
    })
}

struct Lines {
    file: PathBuf,
    lines: BufReader<File>,
    /// Of the line that was read last.
    number: usize,
    text: Vec<u8>,
    is_over: bool,
}

impl Lines {
    /// The next line; none behind the last one.
    fn next_entry(&mut self) -> Result<Option<Entry>, Trouble> {
        self.text.clear();
        self.number += 1;
        if self.lines.read_until(b'\n', &mut self.text)? == 0 {
            return Ok(None);
        }
        let entry = serde_json::from_slice(&self.text);
        entry.map(Some).map_err(|error| {
            if self.text.ends_with(b"\n") {
                Trouble::Damaged(format!("at its column {}", error.column()))
            } else {
                Trouble::Interrupted
            }
        })
    }
}

impl Iterator for Lines {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let entry = self.next_entry().transpose();
        self.is_over = !matches!(entry, Some(Ok(_)));
        entry.map(|entry| {
            entry.map_err(|trouble| ReadError {
                file: self.file.clone(),
                line: self.number,
                trouble,
            })
        })
    }
}
