//! Whether a ledger of a round is whole, and all that strikes in it is known.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::{Entry, ReadError, Trouble, What, read};
use crate::chaos::fault::Kind;

/// Reads a ledger from the line that says what it is of to the one that ends it.
/// Only what was read without an error may be judged: a fault of which the
/// checker knows nothing, or not when it was over, would excuse too much.
///
/// # Errors
/// As [`read`]; at a line also where it is not as the round's plan says, and
/// [`Trouble::Interrupted`] where the end is missing.
pub fn read_whole(
    file: &Path,
) -> Result<impl Iterator<Item = Result<Entry, ReadError>> + use<>, ReadError> {
    Ok(Whole {
        file: file.to_owned(),
        lines: read(file)?,
        reached: Reached {
            number: 0,
            at: Place::Beginning,
            to_come: VecDeque::new(),
        },
        is_over: false,
    })
}

/// The lines, as long as they may follow each other.
struct Whole<Lines> {
    file: PathBuf,
    lines: Lines,
    reached: Reached,
    is_over: bool,
}

/// How far a ledger was read.
struct Reached {
    /// Of the line that was read last.
    number: usize,
    at: Place,
    /// The faults that have not struck yet.
    to_come: VecDeque<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    /// No fault is under way.
    Between,
    /// One is.
    InFault,
    End,
}

impl<Lines> Whole<Lines> {
    fn fails_here(&self, trouble: Trouble) -> ReadError {
        ReadError {
            file: self.file.clone(),
            line: self.reached.number,
            trouble,
        }
    }
}

impl<Lines> Iterator for Whole<Lines>
where
    Lines: Iterator<Item = Result<Entry, ReadError>>,
{
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let entry = match self.lines.next() {
            Some(Ok(entry)) => {
                let taken = self.reached.take(&entry.what).map(|()| entry);
                Some(taken.map_err(|trouble| self.fails_here(trouble)))
            }
            None if self.reached.at != Place::End => {
                Some(Err(self.fails_here(Trouble::Interrupted)))
            }
            end => end,
        };
        self.is_over = !matches!(entry, Some(Ok(_)));
        entry
    }
}

impl Reached {
    fn take(&mut self, what: &What) -> Result<(), Trouble> {
        self.number += 1;
        self.at = match (self.at, what) {
            (Place::Beginning, What::Round(round)) => {
                self.to_come = round.faults.iter().cloned().collect();
                if let Some(kind) = self.to_come.iter().find(|kind| !is_known(kind)) {
                    return Err(Trouble::UnknownFault(kind.clone()));
                }
                Place::Between
            }
            (Place::Beginning, _) => return damaged("where it should say what it is of"),
            (_, What::Round(_)) => return damaged("where another one begins"),
            (Place::End, _) => return damaged("where something follows its end"),
            (Place::Between, What::Fault(fault)) => {
                if !is_known(&fault.kind) {
                    return Err(Trouble::UnknownFault(fault.kind.clone()));
                }
                if self.to_come.pop_front().as_ref() != Some(&fault.kind) {
                    return damaged("where a fault strikes that was not to come then");
                }
                Place::InFault
            }
            (Place::InFault, What::LossOver) => Place::InFault,
            (Place::InFault, What::FaultOver) => Place::Between,
            (Place::Between, What::FaultOver | What::LossOver) => {
                return damaged("where a fault is over that has not struck");
            }
            (Place::InFault, What::Fault(_)) => {
                return damaged("where a fault strikes before the one before it is over");
            }
            (Place::InFault, What::Counted { .. }) => {
                return damaged("where it ends before the last fault is over");
            }
            (Place::Between, What::Counted { .. }) if !self.to_come.is_empty() => {
                return damaged("where it ends before all faults have struck");
            }
            (Place::Between, What::Counted { .. }) => Place::End,
            (
                place @ (Place::Between | Place::InFault),
                What::Client { .. }
                | What::Call(_)
                | What::UnplannedFailOver { .. }
                | What::GapsRepaired { .. }
                | What::Log(_),
            ) => place,
        };
        Ok(())
    }
}

fn is_known(kind: &str) -> bool {
    Kind::named(kind).is_some()
}

fn damaged(why: &str) -> Result<(), Trouble> {
    Err(Trouble::Damaged(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ROUND: &str =
        r#"{"at":1,"what":"round","seed":1,"people":2,"faults":["crowd","crowd"],"commit":"c"}"#;
    const STRIKES: &str = r#"{"at":2,"what":"fault","kind":"crowd","target":"people","until":9,"streaming":1,"loses_since":null}"#;
    const OVER: &str = r#"{"at":3,"what":"fault_over"}"#;
    const LOSS_OVER: &str = r#"{"at":3,"what":"loss_over"}"#;
    const OPENED: &str = r#"{"at":4,"what":"client","client":1,"to":"opened"}"#;
    const COUNTED: &str = r#"{"at":5,"what":"counted","counts":{}}"#;

    const GOOD: [&str; 8] = [
        ROUND, OPENED, STRIKES, LOSS_OVER, OVER, STRIKES, OVER, COUNTED,
    ];

    /// How many lines are read, and the error that follows them.
    fn read_as(text: &str) -> (usize, Option<ReadError>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("round-3.jsonl");
        fs::write(&file, text).unwrap();
        let mut read = 0;
        for entry in read_whole(&file).unwrap() {
            match entry {
                Ok(_) => read += 1,
                Err(error) => return (read, Some(error)),
            }
        }
        (read, None)
    }

    fn lines(lines: &[&str]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The line at which the good ledger is damaged once it was changed.
    fn damaged_at(change: impl FnOnce(&mut Vec<&str>)) -> usize {
        let mut story = GOOD.to_vec();
        change(&mut story);
        let (_, error) = read_as(&lines(&story));
        let error = error.unwrap();
        assert!(matches!(error.trouble, Trouble::Damaged(_)), "{error}");
        let says = error.to_string();
        let place = format!("round-3.jsonl:{}: it is damaged here", error.line);
        assert!(says.contains(&place), "{says}");
        assert!(says.contains("choose another folder"), "{says}");
        error.line
    }

    #[test]
    fn a_whole_ledger_is_read_to_its_end() {
        assert!(matches!(read_as(&lines(&GOOD)), (8, None)));
    }

    #[test]
    fn a_run_that_was_interrupted_can_be_run_again_wherever_it_broke_off() {
        let whole = lines(&GOOD);
        for length in 0..whole.len() - 1 {
            let (_, error) = read_as(&whole[..length]);
            let error = error.unwrap();
            assert!(error.is_interrupted(), "{length}: {error}");
        }
    }

    #[test]
    fn a_damaged_line_is_no_interruption() {
        for (number, line) in GOOD.into_iter().enumerate() {
            for spoilt in [
                &line[..line.len() / 2],
                "",
                "\0\0",
                r#"{"at":4,"what":"new"}"#,
            ] {
                assert_eq!(damaged_at(|story| story[number] = spoilt), number + 1);
            }
        }
    }

    #[test]
    fn a_ledger_is_as_its_round_says() {
        assert_eq!(damaged_at(|story| story[0] = OPENED), 1);
        assert_eq!(damaged_at(|story| story[1] = ROUND), 2);
        // Its end is missing, where the next one strikes or all ends.
        assert_eq!(damaged_at(|story| _ = story.remove(4)), 5);
        assert_eq!(damaged_at(|story| _ = story.remove(6)), 7);
        assert_eq!(damaged_at(|story| story[1] = OVER), 2);
        assert_eq!(damaged_at(|story| story[1] = LOSS_OVER), 2);
        // One fault too few, and one too many.
        assert_eq!(damaged_at(|story| _ = story.drain(2..5)), 5);
        assert_eq!(damaged_at(|story| story[7] = STRIKES), 8);
        assert_eq!(damaged_at(|story| story.push(OPENED)), 9);
    }

    #[test]
    fn a_fault_that_nobody_knows_is_named() {
        for number in [0, 2] {
            let mut story = GOOD.map(str::to_owned);
            story[number] = story[number].replace("crowd", "earthquake");
            let story: Vec<_> = story.iter().map(String::as_str).collect();
            let (read, error) = read_as(&lines(&story));
            assert_eq!(read, number);
            let says = error.unwrap().to_string();
            let place = format!("round-3.jsonl:{}: the fault \"earthquake\"", number + 1);
            assert!(says.contains(&place), "{says}");
        }
    }
}
